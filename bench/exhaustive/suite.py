"""Times two whole searches: examples/jsc_exhaustive.toml with the lathe program, and one of the FINNAS paper's size on a
fixed list of candidates (candidates.csv), nothing stopped early.

--share trains a seeded part of the list, and cuts the first search off after that part of its goal; wall times are then
extrapolated, and said to be. The jets are this project's simulated ones, repeated to the paper's number of rows."""

import csv
import io
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGES = []
TARGETS = ["exhaustive_bench", "lathe"]
CANDIDATES = HERE / "candidates.csv"
STUDY = ROOT / "examples/jsc_exhaustive.toml"
JETS = ROOT.parent / "shared/data"
PARTS = ["jsc", "finnas"]
PAPER_ROWS, PAPER_EPOCHS = 789_504, 16
PAPER_SECONDS = 6 * 3600  # on an RTX 5070 Ti, as arXiv 2609.16367 says; includes its hardware estimates
GOALS = {"jsc": 30 * 60, "finnas": 20 * 60}  # issue 4, seconds on two cores
INPUTS, CLASSES = 16, 5

HEADINGS = ["search", "candidates", "threads", "wall", "by processor time", "samples/s", "peer", "ratio", "goal", "remarks"]
WIDTHS = [9, 13, 9, 12, 19, 12, 42, 8, 18, 60]


def add_arguments(parser):
    parser.add_argument("--only", metavar="PARTS", default=",".join(PARTS), help="searches to run: jsc, finnas (both)")
    parser.add_argument("--share", type=float, default=1, metavar="S", help="part that is run, the rest extrapolated (1)")
    parser.add_argument("--threads", type=int, default=2, help="candidates at a time (2)")
    parser.add_argument("--batch-size", type=int, default=512, help="of the search of the paper's size (512)")
    parser.add_argument("--data-dir", type=pathlib.Path, default=JETS, help="folder that has jets/ (shared/data)")
    parser.add_argument("--seed", type=int, default=0, help="of the candidates that --share picks, and of the training")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="leave the results of both searches there")


def flops(hidden_widths):
    """Returns the useful floating-point operations of training on one sample."""
    widths = [INPUTS, *map(int, hidden_widths.split("-")), CLASSES]
    return 6 * sum(a * b for a, b in zip(widths, widths[1:])) - 2 * widths[0] * widths[1]


def read_candidates():
    with open(CANDIDATES, encoding="utf-8") as file:
        return {int(row["candidate"]): row for row in csv.DictReader(file)}


def pick(candidates, arguments):
    count = max(2, round(len(candidates) * arguments.share))
    return sorted(random.Random(arguments.seed).sample(sorted(candidates), min(count, len(candidates))))


def fit_line(xs, ys):
    """Returns (intercept, slope) of least squares."""
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys)) / spread if spread else 0
    return y_mean - slope * x_mean, slope


def all_seconds(candidates, results, key):
    """Returns the seconds of all candidates: those that ran, and for the others what their FLOP let expect."""
    known = {int(one["candidate"]): float(one[key]) for one in results}
    work = {number: flops(candidate["hidden_widths"]) for number, candidate in candidates.items()}
    intercept, slope = fit_line([work[number] for number in known], list(known.values()))
    return sum(known.get(number, intercept + slope * work[number]) for number in candidates)


def train_candidates(build, numbers, arguments):
    """Returns the lines of the program and the wall seconds that it took; echoes progress."""
    command = [build / "bench/exhaustive/exhaustive_bench", CANDIDATES, arguments.data_dir, "rows", PAPER_ROWS, "epochs",
               PAPER_EPOCHS, "batch", arguments.batch_size, "threads", arguments.threads, "seed", arguments.seed, "only",
               ",".join(map(str, numbers))]
    start = time.monotonic()
    text = ""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        for done, line in enumerate(process.stdout):
            text += line
            print(f"\r{done} of {len(numbers)} candidates, {time.monotonic() - start:.0f} s ", end="", file=sys.stderr)
    print(file=sys.stderr)
    if process.returncode != 0:
        sys.exit("exhaustive_bench failed")
    return text, time.monotonic() - start


def front(results):
    """Returns the results that no other beats in accuracy and in bit operations, the cheapest first."""
    picked, best = [], -1.0
    for one in sorted(results, key=lambda one: (float(one["bitops"]), -float(one["validation_accuracy"]))):
        if float(one["validation_accuracy"]) > best:
            best = float(one["validation_accuracy"])
            picked.append(one)
    return picked


def describe(one, candidates):
    candidate = candidates[int(one["candidate"])]
    return {"candidate": int(one["candidate"]), "hidden_widths": candidate["hidden_widths"],
            "bits": f"w{candidate['weight_bits']} in{candidate['input_bits']} a{candidate['hidden_bits']}",
            "bitops": float(one["bitops"]), "validation_accuracy": float(one["validation_accuracy"])}


def row(search, candidates, threads, wall, ideal, samples_per_second, remarks, **more):
    result = {"suite": "exhaustive", "search": search, "candidates": candidates, "threads": threads, "wall_seconds": wall,
              "processor_seconds_per_thread": ideal, "samples_per_second": samples_per_second, "peer": "-",
              "peer_seconds": None, "ratio": None, "goal_seconds": GOALS[search], "remarks": remarks}
    return {**result, **more}


def load_remark(start):
    return "" if start < 1 else f"; load average {start:.1f} before: not a quiet machine"


def run_finnas(build, arguments):
    load = os.getloadavg()[0]
    candidates = read_candidates()
    numbers = pick(candidates, arguments)
    text, wall = train_candidates(build, numbers, arguments)
    keep(arguments, "finnas.csv", text)
    results = list(csv.DictReader(io.StringIO(text)))
    whole = len(numbers) == len(candidates)
    measured = sum(float(one["wall_seconds"]) for one in results)
    total_wall = wall if whole else all_seconds(candidates, results, "wall_seconds") * wall / measured
    ideal = all_seconds(candidates, results, "cpu_seconds") / arguments.threads
    samples = len(candidates) * PAPER_EPOCHS * PAPER_ROWS
    state = "measured whole" if whole else f"EXTRAPOLATED from {len(numbers)} candidates, {wall:.0f} s"
    diverged = sum(one["outcome"] != "completed" for one in results)
    remarks = f"{state}; {diverged} diverged; jets repeated to {PAPER_ROWS:,} rows, batch {arguments.batch_size}"
    return row("finnas", f"{len(numbers)} of {len(candidates)}", arguments.threads, total_wall, ideal,
               samples / total_wall, remarks + load_remark(load), peer="FINNAS, RTX 5070 Ti (recorded)",
               peer_seconds=PAPER_SECONDS, ratio=PAPER_SECONDS / total_wall,
               front=[describe(one, candidates) for one in front(results)])


def keep(arguments, name, text):
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / name).write_text(text, encoding="utf-8")


def lathe_search(build, arguments, folder, *flags):
    """Runs `lathe search` on the study and returns what it prints."""
    command = [build / "src/lathe/cli/lathe", "search", "--config", STUDY, "--data-dir", arguments.data_dir, "--n-jobs",
               arguments.threads, "--project-dir", folder, "--project", "jsc", "--set", f"seed={arguments.seed}", *flags]
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


def time_jsc(build, arguments, folder):
    """Runs the search and returns study.json and (wall, processor) seconds."""
    flags = ["--timeout", GOALS["jsc"] * arguments.share] if arguments.share < 1 else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    lathe_search(build, arguments, folder, "--quiet", *flags)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    [path] = folder.rglob("study.json")
    return json.loads(path.read_text(encoding="utf-8")), wall, processor


def count_front(folder):
    """Returns how many trials the race left on the front, and how many tied with them."""
    [path] = folder.rglob("log.json")
    standings = [trial.get("user_attrs_lathe:race") for trial in json.loads(path.read_text(encoding="utf-8")).values()]
    return [sum(1 for one in standings if one and one["membership"] == name) for name in ("on the front", "tied")]


def run_jsc(build, arguments):
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep.resolve() if arguments.keep else pathlib.Path(temporary)
        plan = json.loads(lathe_search(build, arguments, folder, "--quiet", "--plan", "--json"))
        study, wall, processor = time_jsc(build, arguments, folder)
        on_front, tied = count_front(folder)
    counts = study["trials"]
    ended, planned = counts["COMPLETE"] + counts["PRUNED"] + counts["FAIL"], plan["points"] - plan["repeated"]
    factor = planned / ended if ended < planned else 1
    phases = study.get("profile", {}).get("phases", {})
    busy = sum(phases.get(name, {}).get("share", 0) for name in ("train", "evaluate"))
    state = "measured whole" if factor == 1 else f"EXTRAPOLATED by trials from {wall:.0f} s, the race of these on top"
    remarks = (f"{state}; {counts['PRUNED']} of {ended} ended early; {on_front} on the front, {tied} tied; {100 * busy:.1f} % "
               f"of the time in training and evaluation; its plan said {minutes(plan['all_seconds'])} for one seed of all")
    return row("jsc", f"{ended} of {planned}", arguments.threads, wall * factor, processor / arguments.threads * factor,
               None, remarks + load_remark(load), study={"trials": counts, "end": study["end"], "plan": plan})


def run(build, arguments):
    """Yields a row per search."""
    asked = arguments.only.split(",")
    if unknown := set(asked) - set(PARTS):
        sys.exit(f"--only: no search {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if "jsc" in asked:
        yield run_jsc(build, arguments)
    if "finnas" in asked:
        yield run_finnas(build, arguments)


def minutes(seconds):
    return f"{seconds / 60:.1f} min"


def cells(one):
    goal = f"< {one['goal_seconds'] / 60:.0f} min: {'met' if one['wall_seconds'] < one['goal_seconds'] else 'missed'}"
    peer = "-" if one["peer_seconds"] is None else f"{one['peer']}: {one['peer_seconds'] / 3600:.0f} h"
    samples = "-" if one["samples_per_second"] is None else f"{one['samples_per_second']:,.0f}"
    ratio = "-" if one["ratio"] is None else f"{one['ratio']:.3g}"
    return [one["search"], one["candidates"], str(one["threads"]), minutes(one["wall_seconds"]),
            minutes(one["processor_seconds_per_thread"]), samples, peer, ratio, goal, one["remarks"]]


def finish(rows, arguments):
    """Prints the front of the search of the paper's size."""
    for one in rows:
        for point in one.get("front", []):
            print(f"front: {point['hidden_widths']:<14} {point['bits']:<12} {point['bitops']:>12,.0f} bit operations  "
                  f"{100 * point['validation_accuracy']:.2f} %")


def front_table(points):
    return ["", "Its front (one seed; validation rows; bit operations: weight bits x activation bits x products):", "",
            "| hidden widths | bits | bit operations | accuracy |", "|---|---|---:|---:|",
            *[f"| {point['hidden_widths']} | {point['bits']} | {point['bitops']:,.0f} | "
              f"{100 * point['validation_accuracy']:.2f} % |" for point in points]]


def markdown(rows):
    words = (f"`jsc` is examples/jsc_exhaustive.toml; `finnas` trains the 500 candidates of bench/exhaustive/candidates.csv "
             f"whole, {PAPER_EPOCHS} epochs over {PAPER_ROWS:,} rows: these are the project's simulated jets (not JSC) repeated "
             "to that number. The paper's six hours are recorded, not measured by us. `by processor time`: per thread, what "
             "the search would take if no other program ran.")
    lines = [*textwrap.wrap(words, 120), "",
             "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS),
             *["| " + " | ".join(cells(one)) + " |" for one in rows]]
    for one in rows:
        if one.get("front"):
            lines += front_table(one["front"])
    return lines
