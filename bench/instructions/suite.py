"""The regression check of the engine: instructions per row, counted by callgrind, against those on record.

Counts do not depend on what else the machine does, so a developer runs it before and after a change. They are those of one
compiler and one SIMD target (valgrind has AVX2, not AVX-512). --against BUILD compares with another build folder instead,
by counts and by time."""

import csv
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "engine"))
import programs  # noqa: E402

PACKAGES = ["valgrind"]
TARGETS = ["instructions_bench", "engine_bench_lathe"]
RECORD = HERE / "recorded.csv"
COLUMNS = ["task", "case", "batch", "instructions_per_row"]
HEADINGS = ["measure", "task", "case", "batch", "before", "now", "change", "verdict"]
WIDTHS = [14, 12, 34, 7, 14, 14, 10, 12]
TIMED = [("train", "jsc-three-linear-layers"), ("train", "16-64-32-32-5"), ("train", "16-64-32-32-5:w6a6"),
         ("evaluate", "16-64-32-32-5")]


def add_arguments(parser):
    parser.add_argument("--record", action="store_true", help="renew the file of recorded counts")
    parser.add_argument("--tolerance", type=float, default=2, metavar="PERCENT", help="change that passes (2)")
    parser.add_argument("--against", type=pathlib.Path, metavar="BUILD",
                        help="compare with this build folder, by counts and by time, instead of the record")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the comparison by time")


def environment(build):
    """Names what counts depend on besides the code."""
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w+=(.*)", cache).group(1)
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:  # the target as valgrind's processor has it
        target = subprocess.run(["valgrind", "--tool=none", "-q", build / "bench/engine/engine_bench_lathe", "target"],
                                capture_output=True, text=True, cwd=folder).stdout.strip()
    return f"{pathlib.Path(compiler).name} {version}, {target}"


def count(build):
    """Returns the instructions per row of each workload (task, case, batch)."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "-q",
                   f"--callgrind-out-file={folder}/counts", build / "bench/instructions/instructions_bench"]
        subprocess.run(command, check=True)
        counts = {}
        for path in sorted(pathlib.Path(folder).iterdir(), key=lambda path: path.stat().st_mtime_ns):
            text = path.read_text(encoding="utf-8")
            trigger = re.search(r"Client Request: (\S+) (\S+) (\d+) (\d+)", text)
            if trigger:
                task, case, batch, rows = trigger.groups()
                counts[task, case, int(batch)] = int(re.search(r"(?m)^(?:totals|summary): (\d+)", text).group(1)) / int(rows)
    return counts


def read_record():
    """Returns the environment and the counts on record."""
    with open(RECORD, encoding="utf-8") as file:
        place = file.readline().removeprefix("#").strip()
        rows = list(csv.DictReader(file))
    return place, {(row["task"], row["case"], int(row["batch"])): float(row["instructions_per_row"]) for row in rows}


def write_record(place, counts):
    with open(RECORD, "w", encoding="utf-8", newline="") as file:
        file.write(f"# {place}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*key, f"{value:.1f}"] for key, value in counts.items())


def row(measure, key, before, now, tolerance):
    """Compares costs: instructions or seconds per row."""
    change = 100 * (now / before - 1) if before else None
    verdict = "new" if before is None else "WORSE" if change > tolerance else "better" if change < -tolerance else "same"
    return {"suite": "instructions", "measure": measure, "task": key[0], "case": key[1], "batch": key[2],
            "before": before, "now": now, "change": change, "verdict": verdict}


def compare_times(ours, theirs, arguments):
    """Yields rows of nanoseconds of processor time per row of data, the fastest of the rounds."""
    for task, case in TIMED:
        for batch in (8, 128, 512):
            now, before = programs.alternate(arguments.rounds, *[lambda program=program: program.rate(task, case, batch, 0.1)
                                                                 for program in (ours, theirs)])
            yield row("fastest ns", (task, case, batch), 1e9 / max(before), 1e9 / max(now), 5)


def run_against(build, arguments):
    other = arguments.against.resolve()
    before = count(other) if (other / "bench/instructions/instructions_bench").exists() else {}
    for key, value in count(build).items():
        yield row("instructions", key, before.get(key), value, arguments.tolerance)
    ours, theirs = programs.lathe(build), programs.lathe(other)
    yield from compare_times(ours, theirs, arguments)
    ours.close()
    theirs.close()


def run(build, arguments):
    """Yields a row per workload."""
    if arguments.against:
        yield from run_against(build, arguments)
        return
    here, counts = environment(build), count(build)
    place, before = read_record() if RECORD.exists() else (here, {})
    if place != here and not arguments.record:
        sys.exit(f"the record is of {place}, this build is of {here}: compare builds with --against, or renew it with --record")
    for key, value in counts.items():
        yield row("instructions", key, before.get(key), value, arguments.tolerance)
    if arguments.record:
        write_record(here, counts)


def number(value):
    return "-" if value is None else f"{value:,.1f}"


def cells(one):
    change = "-" if one["change"] is None else f"{one['change']:+.1f} %"
    return [one["measure"], one["task"], one["case"], str(one["batch"]), number(one["before"]), number(one["now"]), change,
            one["verdict"]]


def finish(rows, arguments):
    """Fails where counts became worse, unless they were just put on record. Times are only shown: they are noisy."""
    counted = [one for one in rows if one["measure"] == "instructions"]
    worse = sum(one["verdict"] == "WORSE" for one in counted)
    print(f"{worse} of {len(counted)} counts became worse", flush=True)
    if worse and not arguments.record:
        sys.exit(1)


def markdown(rows):
    picked = [one for one in rows if one["measure"] == "instructions"]
    return ["Instructions per row of data (AVX2) that callgrind counts; `start` is what one session costs to make.", "",
            "| task | case | batch | instructions per row |", "|---|---|---|---:|",
            *[f"| {one['task']} | {one['case']} | {one['batch']} | {number(one['now'])} |" for one in picked]]
