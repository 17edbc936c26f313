"""Shows what weights = "inherit" and "net2wider" save: every width of a small space trained with each policy and several
seeds (`lathe table`), validation accuracy after each epoch, and the epoch at which a policy is where fresh weights are in
the end. The trained base network, which both policies begin from, is one training more, for all candidates together."""

import json
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["python3-numpy"]
TARGETS = ["lathe"]
POLICIES = ["fresh", "inherit", "net2wider"]
SHOWN = [1, 2, 3, 5, 10]

HEADINGS = ["widths", "candidates", "weights", *[f"epoch {epoch}" for epoch in SHOWN], "as fresh's last", "saved"]
WIDTHS = [10, 12, 11, *[18] * len(SHOWN), 17, 8]


def add_arguments(parser):
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each candidate and policy (5)")
    parser.add_argument("--config", type=pathlib.Path, default=HERE / "study.toml", help="the study (weights/study.toml)")
    parser.add_argument("--data-dir", type=pathlib.Path, default=None, help="folder of its data")


def make_table(build, folder, policy, arguments):
    """Trains the space and returns its arrays and its document."""
    import numpy

    command = [build / "src/lathe/cli/lathe", "table", "--config", arguments.config, "--output", folder / policy, "--seeds",
               str(arguments.seeds), "--weights", policy, "--quiet"]
    if arguments.data_dir:
        command += ["--data-dir", arguments.data_dir]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return numpy.load(folder / f"{policy}.npz"), json.loads((folder / f"{policy}.json").read_text(encoding="utf-8"))


def groups(arrays, document):
    """Returns which candidates are nowhere wider than the base network, nowhere narrower, and both."""
    choices = [[float(choice) for choice in parameter["choices"]] for parameter in document["parameters"]]
    found = {"narrower": [], "wider": [], "mixed": []}
    for candidate, codes in enumerate(arrays["codes"]):
        multipliers = [choices[i][code] for i, code in enumerate(codes)]
        if all(multiplier == 1 for multiplier in multipliers):
            continue
        narrower, wider = min(multipliers) < 1, max(multipliers) > 1
        found["mixed" if narrower and wider else "narrower" if narrower else "wider"].append(candidate)
    return found


def mean_and_error(values):
    """Returns the mean over candidates and seeds, and the standard error over the seeds of the candidates' mean."""
    by_seed = values.mean(axis=0)
    return by_seed.mean(), by_seed.std(ddof=1) / len(by_seed) ** 0.5 if len(by_seed) > 1 else 0.0


def first_epoch(curve, target):
    return next((epoch + 1 for epoch, value in enumerate(curve) if value >= target), None)


def run(build, arguments):
    with tempfile.TemporaryDirectory() as name:
        tables = {policy: make_table(build, pathlib.Path(name), policy, arguments) for policy in POLICIES}
    arrays, document = tables["fresh"]
    for group, candidates in groups(arrays, document).items():
        if not candidates:
            continue
        target = arrays["validation_accuracy"][candidates].mean(axis=(0, 1))[-1]
        for policy in POLICIES:
            curves = tables[policy][0]["validation_accuracy"][candidates]
            epochs = curves.shape[2]
            reached = first_epoch(curves.mean(axis=(0, 1)), target)
            yield {"suite": "weights", "widths": group, "candidates": len(candidates), "policy": policy,
                   "seeds": arguments.seeds, "epochs": epochs, "reached": reached,
                   "curve": [list(mean_and_error(curves[:, :, epoch])) for epoch in range(epochs)]}


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
