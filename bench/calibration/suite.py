"""How often the probabilities of being on the front are right, where the truth is known.

calibration_outcomes trains a space of 200 jet networks with many seeds and writes which rows each predicts rightly (about 5
minutes of a core, once: the file stays in the build folder). calibration_bench draws studies from it, other rows and other
seeds each, races them and compares with the truth, the means of the whole population: lathe as it is (paired), errors taken
as independent as before, and an oracle that judges lathe's races by the population's variances and covariances."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = []
TARGETS = ["calibration_outcomes", "calibration_bench"]
JETS = HERE.parent.parent.parent / "shared/data"
HEADINGS = ["way", "rows", "seeds", "Brier", "base rate", "decided", "wrong", "probability: on the front, by tenths of 300 points"]
WIDTHS = [13, 8, 9, 9, 11, 10, 9, 60]


def add_arguments(parser):
    parser.add_argument("--studies", type=int, default=60, help="studies per number of rows (60)")
    parser.add_argument("--rows", default="4000,16000", help="evaluated rows of a study (4000,16000)")
    parser.add_argument("--seeds", type=int, default=48, help="seeds of the population (48)")
    parser.add_argument("--data-dir", type=pathlib.Path, default=JETS, help="folder that has jets/ (shared/data)")


def population(build, arguments):
    path = build / f"bench/calibration/outcomes-{arguments.seeds}.bin"
    if not path.exists():
        part = path.with_suffix(".part")
        subprocess.run([build / "bench/calibration/calibration_outcomes", arguments.data_dir, part, "seeds",
                        str(arguments.seeds), "train_rows", "32768", "epochs", "6"], check=True)
        part.rename(path)
    return path


def run(build, arguments):
    """Yields a row per way of judging and number of rows."""
    path = population(build, arguments)
    for rows in arguments.rows.split(","):
        text = subprocess.run([build / "bench/calibration/calibration_bench", path, "studies", str(arguments.studies), "rows",
                               rows], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in text.splitlines():
            yield {"suite": "calibration", **json.loads(line)}


def cells(row):
    tenths = " ".join(f"{said:.2f}:{was:.2f}" for points, said, was in row["tenths"] if points >= 300)
    return [row["way"], str(row["rows"]), str(row["seeds"]), f"{row['brier']:.4f}", f"{row['base_rate_brier']:.4f}",
            str(row["decided"]), f"{100 * row['wrong'] / max(row['decided'], 1):.1f} %", tenths]


def markdown(rows):
    return ["200 simulated-jet networks; truth: the means over the population's rows and seeds.", "",
            "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS),
            *["| " + " | ".join(cells(row)) + " |" for row in rows]]
