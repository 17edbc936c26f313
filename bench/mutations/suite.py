"""Damages files for every reader of the program, 100,000 each, and reads them on a build with the address and the
undefined-behaviour sanitizer. A finding is whatever is no answer for a user: a sanitizer's report, a signal, an exception that
is none of lathe's, an internal error, more than ten seconds for a small file. Counts the share of each reader's lines that
were reached (gcov). The exit code is 1 where there is a finding or a share below 80 %."""

import concurrent.futures
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGES = []
TARGETS = ["mutations_program"]
BUILD_FOLDER = "build-mutations"
CMAKE_OPTIONS = ["-DCMAKE_BUILD_TYPE=Debug", "-DLATHE_SANITIZE=address,undefined", "-DLATHE_WITH_TORCH=OFF",
                 "-DCMAKE_CXX_FLAGS=--coverage -O1"]

HEADINGS = ["reader", "files", "findings", "lines", "reached", "seconds"]
WIDTHS = [18, 10, 10, 8, 9, 9]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOWEST_SHARE = 0.8

# The sources that read each kind of file, below src/lathe.
SOURCES = {
    "csv": ["data/text_table.cpp", "data/text_rows.cpp"],
    "tsv": ["data/text_table.cpp", "data/sentences.cpp"],
    "arff": ["data/text_table.cpp", "data/text_rows.cpp"],
    "npz": ["data/npz.cpp", "data/npy.cpp", "data/zip_file.cpp", "data/array_files.cpp"],
    "npy": ["data/npy.cpp", "data/array_files.cpp"],
    "idx": ["data/idx.cpp"],
    "idx.gz": ["data/idx.cpp", "data/gzip.cpp"],
    "cifar": ["data/cifar10.cpp"],
    "hdf5": ["data/hdf5_table.cpp"],
    "hdf5 records": ["data/hdf5_records.cpp", "data/lzf.cpp"],
    "text": ["data/language_text.cpp"],
    "safetensors": ["checkpoint/safetensors.cpp", "checkpoint/checkpoint.cpp", "checkpoint/checksum.cpp"],
    "training state": ["checkpoint/safetensors.cpp", "checkpoint/training_state.cpp"],
    "torch": ["checkpoint/pickle.cpp", "checkpoint/torch_file.cpp"],
    "onnx": ["onnx/read_document.cpp", "onnx/graph_reader.cpp", "onnx/import.cpp"],
    "toml": ["config/value.cpp", "config/settings.cpp"],
    "best.json": ["report/mase_files.cpp"],
    "study import": ["study/import.cpp"],
    "database rows": ["storage/relational/load.cpp"],
    "database file": ["storage/sqlite/sqlite_database.cpp"],
    "table document": ["table/document.cpp"],
    "table arrays": ["table/files.cpp", "data/npz.cpp", "data/npy.cpp"],
    "table part": ["study/table_journal.cpp"],
}


def add_arguments(parser):
    parser.add_argument("--files", type=int, default=100_000, metavar="N", help="damaged files for each reader")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="readers at the same time")
    parser.add_argument("--readers", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--no-share", action="store_true", help="count no lines (a build without gcov)")
    parser.add_argument("--unreached", action="store_true", help="list the lines that were not reached")


def program(build):
    return build / "bench" / "mutations" / "mutations_program"


def first_line(report):
    lines = [line for line in report.splitlines() if "ERROR:" in line or "runtime error" in line]
    return lines[0] if lines else report.strip()[-200:]


def reports_of_children(errors):
    """Returns the sanitizers' reports on lathe's own code from processes that the program started: it goes on without them."""
    reports = re.split(r"^(?==+\d+=+ERROR|\S+: runtime error)", errors, flags=re.MULTILINE)[1:]
    return [first_line(report) for report in reports if re.search(r"#[0-3] .*src/lathe/|^\S*src/lathe/\S+: runtime error", report)]


def run_reader(build, name, arguments):
    """Reads all files of a reader; where one ends the program, goes on behind it. Returns the findings."""
    counters = build / "counters" / name.replace(" ", "-")
    shutil.rmtree(counters, ignore_errors=True)
    environment = dict(os.environ, GCOV_PREFIX=str(counters), ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=0",
                       UBSAN_OPTIONS="print_stacktrace=1", OMP_NUM_THREADS="1")
    findings, first = [], 0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        while first < arguments.files:
            command = [program(build), ROOT, folder, name, str(arguments.seed), str(first),
                       str(arguments.files - first)]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
            findings += result.stdout.splitlines()
            if result.returncode == 0:
                findings += reports_of_children(result.stderr)
                break
            index = int(pathlib.Path(folder, "index").read_text(encoding="ascii"))
            findings.append(f"{index}: ended with {result.returncode}: {first_line(result.stderr)}")
            first = index + 1
    return findings, counters


def reached_lines(build, counters, sources):
    """Returns how many lines of the sources have code, how many of them were run, and which were not, by source."""
    lines, reached, unreached = 0, 0, {}
    for source in sources:
        module, _, name = source.partition("/")
        objects = f"src/lathe/{module}/CMakeFiles/lathe_{module}.dir/{name}"
        data = pathlib.Path(str(counters) + str(build / f"{objects}.gcda"))
        if not data.exists():
            continue
        shutil.copy(build / f"{objects}.gcno", data.with_suffix(".gcno"))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["gcov", "--json-format", str(data)], cwd=folder, capture_output=True, check=True)
            for file in pathlib.Path(folder).glob("*.gz"):
                for entry in json.loads(gzip.decompress(file.read_bytes()))["files"]:
                    if not entry["file"].endswith(f"src/lathe/{source}"):
                        continue
                    counts = {}
                    for line in entry["lines"]:
                        number = line["line_number"]
                        counts[number] = max(counts.get(number, 0), line["count"])
                    lines += len(counts)
                    reached += sum(1 for count in counts.values() if count > 0)
                    unreached[source] = sorted(number for number, count in counts.items() if count == 0)
    return lines, reached, unreached


def row_of(build, name, arguments):
    began = os.times().elapsed
    findings, counters = run_reader(build, name, arguments)
    lines, reached, unreached = (0, 0, {}) if arguments.no_share else reached_lines(build, counters, SOURCES[name])
    return {"reader": name, "files": arguments.files, "findings": findings, "lines": lines, "unreached": unreached,
            "share": reached / lines if lines else float("nan"), "seconds": os.times().elapsed - began}


def run(build, arguments):
    listed = subprocess.run([program(build), ROOT], capture_output=True, text=True, check=True,
                            env=dict(os.environ, GCOV_PREFIX=str(build / "counters" / "list"),
                                     ASAN_OPTIONS="detect_leaks=0")).stdout
    names = [name for name in listed.splitlines() if not arguments.readers or name in arguments.readers]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = [pool.submit(row_of, build, name, arguments) for name in names]
        for future in concurrent.futures.as_completed(waiting):
            yield future.result()


def cells(row):
    share = f"{row['share']:.0%}" if row["lines"] else "-"
    return [row["reader"], f"{row['files']:,}", str(len(row["findings"])), str(row["lines"]), share, f"{row['seconds']:.0f}"]


def markdown(rows):
    return ["", "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS),
            *["| " + " | ".join(cells(row)) + " |" for row in rows]]


def finish(rows, arguments):
    bad = False
    for row in rows:
        for finding in row["findings"][:20]:
            print(f"{row['reader']}: {finding}")
        for source, numbers in row["unreached"].items() if arguments.unreached else []:
            print(f"{row['reader']}: {source} not reached: {' '.join(map(str, numbers))}")
        bad |= bool(row["findings"]) or row["share"] < LOWEST_SHARE
    sys.exit(1 if bad else 0)
