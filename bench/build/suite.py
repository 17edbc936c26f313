"""Measures what building lathe costs: processor seconds (user and system of all children, no ccache) of each target from
an empty folder, the sources that took longest, and how many objects an edit of one source or header rebuilds.

Other work on the machine makes compilers slower, also in processor time: measure on an idle one.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = []
TARGETS = []
EDITS = ["src/lathe/quant/integer.cpp", "src/lathe/quant/format.h", "src/lathe/base/error.h"]
DEAREST = 10
HEADINGS = ["measured", "value", "unit"]
WIDTHS = [64, 10, 22]


def add_arguments(parser):
    parser.add_argument("--targets", nargs="+", default=["lathe", "all"], help="what to build, one after the other")


def cells(row):
    return [row["case"], f"{row['ours']:.0f}", row["unit"]]


def markdown(rows):
    return ["", "| " + " | ".join(HEADINGS) + " |", "|---|---|---|", *["| " + " | ".join(cells(row)) + " |" for row in rows]]


def row(case, value, unit):
    return {"suite": "build", "case": case, "ours": value, "unit": unit}


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def configure(folder):
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_COMPILER_LAUNCHER")}
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DLATHE_BUILD_TESTS=ON"],
                   check=True, stdout=subprocess.DEVNULL, env=environment)


def build(folder, target):
    before = processor_seconds()
    subprocess.run(["ninja", "-C", folder, target], check=True, stdout=subprocess.DEVNULL)
    return processor_seconds() - before


def dearest(folder):
    """Yields (object, seconds of its compiler from begin to end) of the longest."""
    seconds = {}
    for line in (folder / ".ninja_log").read_text(encoding="utf-8").splitlines()[1:]:
        begin, end, _, output, _ = line.split("\t")
        if output.endswith(".o"):
            seconds[output] = (int(end) - int(begin)) / 1000
    return sorted(seconds.items(), key=lambda entry: -entry[1])[:DEAREST]


def rebuilt(folder, source):
    """Counts the built objects that were made from a source or header: what an edit of it compiles."""
    listed = subprocess.run(["ninja", "-C", folder, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    path = str(ROOT / source)
    return sum(path in {line.strip() for line in entry.splitlines()} for entry in listed.split("\n\n"))


def run(_, arguments):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lathe-build-"))
    try:
        configure(folder)
        total = 0
        for target in arguments.targets:
            total += build(folder, target)
            yield row(f"{target}, from an empty folder", total, "processor seconds")
        for output, seconds in dearest(folder):
            yield row(output.replace("CMakeFiles/", ""), seconds, "seconds")
        for source in EDITS:
            yield row(f"edit of {source}", rebuilt(folder, source), "objects")
    finally:
        shutil.rmtree(folder)
