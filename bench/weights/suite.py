"""Shows what weights = "inherit" and "net2wider" save: every width of a small space trained with each policy and several
seeds (`lathe table`), validation accuracy after each epoch, and the epoch at which a policy is where fresh weights are in
the end. The trained base network, which both policies begin from, is one training more, for all candidates together."""

import array
import ast
import json
import pathlib
import statistics
import struct
import subprocess
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = []
TARGETS = ["lathe"]
POLICIES = ["fresh", "inherit", "net2wider"]
SHOWN = [1, 2, 3, 5, 10]

HEADINGS = ["widths", "candidates", "weights", *[f"epoch {epoch}" for epoch in SHOWN], "as fresh's last", "saved"]
WIDTHS = [10, 12, 11, *[18] * len(SHOWN), 17, 8]


def add_arguments(parser):
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each candidate and policy (5)")
    parser.add_argument("--config", type=pathlib.Path, default=HERE / "study.toml", help="the study (weights/study.toml)")
    parser.add_argument("--data-dir", type=pathlib.Path, default=None, help="folder of its data")


def read_array(archive, name):
    """Returns the shape and the values of an array of an .npz file."""
    data = archive.read(f"{name}.npy")
    length = struct.unpack_from("<H", data, 8)[0]
    header = ast.literal_eval(data[10:10 + length].decode())
    values = array.array({"<f4": "f", "<f8": "d", "<i4": "i"}[header["descr"]])
    values.frombytes(data[10 + length:])
    return header["shape"], values


def make_table(build, folder, policy, arguments):
    """Trains the space; returns the codes [candidate][parameter], the accuracies [candidate][seed][epoch] and the document."""
    command = [build / "src/lathe/cli/lathe", "table", "--config", arguments.config, "--output", folder / policy, "--seeds",
               str(arguments.seeds), "--weights", policy, "--quiet"]
    if arguments.data_dir:
        command += ["--data-dir", arguments.data_dir]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(folder / f"{policy}.npz") as archive:
        (candidates, parameters), codes = read_array(archive, "codes")
        (_, seeds, epochs), values = read_array(archive, "validation_accuracy")
    runs = [values[run * epochs:(run + 1) * epochs] for run in range(candidates * seeds)]
    return ([codes[i * parameters:(i + 1) * parameters] for i in range(candidates)],
            [runs[i * seeds:(i + 1) * seeds] for i in range(candidates)],
            json.loads((folder / f"{policy}.json").read_text(encoding="utf-8")))


def groups(all_codes, document):
    """Returns which candidates are nowhere wider than the base network, nowhere narrower, and both."""
    choices = [[float(choice) for choice in parameter["choices"]] for parameter in document["parameters"]]
    found = {"narrower": [], "wider": [], "mixed": []}
    for candidate, codes in enumerate(all_codes):
        multipliers = [choices[i][code] for i, code in enumerate(codes)]
        if all(multiplier == 1 for multiplier in multipliers):
            continue
        narrower, wider = min(multipliers) < 1, max(multipliers) > 1
        found["mixed" if narrower and wider else "narrower" if narrower else "wider"].append(candidate)
    return found


def mean_and_error(curves, epoch):
    """Returns the mean over candidates and seeds, and the standard error over the seeds of the candidates' mean."""
    by_seed = [statistics.fmean(candidate[seed][epoch] for candidate in curves) for seed in range(len(curves[0]))]
    return [statistics.fmean(by_seed), statistics.stdev(by_seed) / len(by_seed) ** 0.5 if len(by_seed) > 1 else 0.0]


def run(build, arguments):
    with tempfile.TemporaryDirectory() as name:
        tables = {policy: make_table(build, pathlib.Path(name), policy, arguments) for policy in POLICIES}
    codes, _, document = tables["fresh"]
    for group, candidates in groups(codes, document).items():
        if not candidates:
            continue
        target = None
        for policy in POLICIES:
            curves = [tables[policy][1][candidate] for candidate in candidates]
            epochs = len(curves[0][0])
            curve = [mean_and_error(curves, epoch) for epoch in range(epochs)]
            target = curve[-1][0] if target is None else target
            reached = next((epoch + 1 for epoch, (mean, _) in enumerate(curve) if mean >= target), None)
            yield {"suite": "weights", "widths": group, "candidates": len(candidates), "policy": policy,
                   "seeds": arguments.seeds, "epochs": epochs, "reached": reached, "curve": curve}


def cells(row):
    shown = [row["curve"][min(epoch, row["epochs"]) - 1] for epoch in SHOWN]
    reached = row["reached"]
    return [row["widths"], str(row["candidates"]), row["policy"],
            *[f"{100 * mean:.2f} ± {100 * error:.2f} %" for mean, error in shown],
            f"epoch {reached}" if reached else "not reached", f"{row['epochs'] - reached}" if reached else "-"]


def markdown(rows):
    return [f"Validation accuracy on the jets, mean over the candidates and {rows[0]['seeds']} seeds with its standard error over "
            "the seeds; saved: epochs before the mean is where it is with fresh weights after the last one. The base network is "
            "one training more for all candidates together.", "",
            "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS),
            *["| " + " | ".join(cells(row)) + " |" for row in rows]]
