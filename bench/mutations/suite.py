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

# Readers that share sources, and these, below src/lathe. Behind a colon stand words of the (mangled) names of functions: of those
# that alone count, or with a minus of those that do not, since they write, wait for other programs, read the command line or
# the whole published CIFAR-10 (180 MB).
GROUPS = [
    (["csv", "tsv", "arff"], ["data/text_table.cpp", "data/text_rows.cpp", "data/sentences.cpp"]),
    (["npz", "npy"], ["data/npz.cpp: -find_array", "data/npy.cpp", "data/zip_file.cpp", "data/array_files.cpp"]),
    (["idx", "idx.gz"], ["data/idx.cpp", "data/gzip.cpp"]),
    (["cifar", "cifar copy"], ["data/cifar10.cpp: -read_published"]),
    (["hdf5", "hdf5 records"], ["data/hdf5_table.cpp", "data/hdf5_records.cpp", "data/lzf.cpp"]),
    (["text"], ["data/language_text.cpp"]),
    (["safetensors", "training state"],
     ["checkpoint/safetensors.cpp", "checkpoint/checkpoint.cpp: -save_model -append_state -load_facts", "checkpoint/checksum.cpp",
      "checkpoint/training_state.cpp: -save_training_state -store_history -append -or_nan -numbers_of"]),
    (["torch"], ["checkpoint/pickle.cpp", "checkpoint/torch_file.cpp"]),
    (["onnx"], ["onnx/read_document.cpp", "onnx/graph_reader.cpp", "onnx/import.cpp"]),
    (["toml"], ["config/value.cpp: -set_by_path -set_value -for_writing -with_position -command_line -malformed_path -split_path -to_toml -escaped "
                "-table_text -write_table",
                "recipe/settings.cpp: -parsed -typed -flag_value -setting_lines -resolved_document -effective_text -source_of "
                "-shown -version"]),
    (["best.json"], ["report/mase_files.cpp: saved_trial values_of"]),
    (["study import"], ["study/exchange/import.cpp"]),
    (["database rows", "database file"],
     ["storage/relational/load.cpp: -print -value_columns",
      "storage/sqlite/sqlite_database.cpp: -wait_for_lock -may_wait_longer -changed_by_others -address -roll_back -io_reason"]),
    (["table document", "table arrays", "table part"],
     ["table/document.cpp: -to_json -parameters_json -data_json -names_of -document_ofERKNS", "table/files.cpp: -codes_of -collect "
      "-encode -plan_digest -write_table -add", "study/exhaustive/table_journal.cpp: -line_of -write -append -remove -has -number"]),
]


def add_arguments(parser):
    parser.add_argument("--files", type=int, default=100_000, metavar="N", help="damaged files for each reader")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="groups of readers at the same time")
    parser.add_argument("--readers", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--no-share", action="store_true", help="count no lines (a build without gcov)")
    parser.add_argument("--program", type=pathlib.Path, metavar="LATHE",
                        help="start this program on each file, whatever its version, instead of reading it here")
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


# What a program does with a damaged file, which is {0} in the folder that it is started in.
COMMANDS = {
    "csv": "data show {0}", "tsv": "data show {0}", "arff": "data show {0}", "npz": "data show {0}", "npy": "data show ./",
    "idx": "data show mnist --data-dir .", "idx.gz": "data show mnist --data-dir .", "cifar": "data show cifar10 --data-dir .",
    "text": "data show {0} --set task=lm", "safetensors": "info --load {0} --load-type pt", "torch": "info --load {0} jsc-toy",
    "onnx": "import {0} --output out.safetensors", "toml": "search --config {0} --plan --set n_trials=2",
    "study import": "study import {0} --storage sqlite:///new.db", "database rows": "study trials --storage sqlite:///{0}",
    "database file": "study trials --storage sqlite:///{0}", "table document": "table show table", "table arrays": "table show table",
}


def run_program(build, name, arguments):
    """Starts the program on every file of a reader. Returns the findings: signals, internal errors, and no end in a minute."""
    findings = []
    if name not in COMMANDS:
        return findings
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        written = subprocess.run([program(build), ROOT, folder, name, str(arguments.seed), "0", str(arguments.files), "write"],
                                 capture_output=True, text=True, check=True,
                                 env=dict(os.environ, GCOV_PREFIX=folder, ASAN_OPTIONS="detect_leaks=0"))
        for index in range(arguments.files):
            command = [arguments.program.resolve(), *COMMANDS[name].format(written.stdout.strip()).split()]
            try:
                result = subprocess.run(command, cwd=pathlib.Path(folder, str(index)), capture_output=True, text=True,
                                        errors="replace", timeout=60)
            except subprocess.TimeoutExpired:
                findings.append(f"{index}: did not end within a minute")
                continue
            if result.returncode < 0 or "internal error" in result.stderr:
                findings.append(f"{index}: ended with {result.returncode}: {first_line(result.stderr)}")
    return findings


def counts_here(function, words):
    wanted = [word for word in words if not word.startswith("-")]
    return not any(word[1:] in function for word in words if word.startswith("-")) and (
        not wanted or any(word in function for word in wanted))


def lines_of(build, counters, source, words):
    """Returns how often each line of a source with code was run by one reader; none where it did not run the source."""
    module, _, name = source.partition("/")
    objects = f"src/lathe/{module}/CMakeFiles/lathe_{module}.dir/{name}"
    data = pathlib.Path(str(counters) + str(build / f"{objects}.gcda"))
    counts = {}
    if not data.exists():
        return counts
    shutil.copy(build / f"{objects}.gcno", data.with_suffix(".gcno"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["gcov", "--json-format", str(data)], cwd=folder, capture_output=True, check=True)
        for file in pathlib.Path(folder).glob("*.gz"):
            for entry in json.loads(gzip.decompress(file.read_bytes()))["files"]:
                if not entry["file"].endswith(f"src/lathe/{source}"):
                    continue
                for line in entry["lines"]:
                    if counts_here(line.get("function_name", ""), words):
                        counts[line["line_number"]] = max(counts.get(line["line_number"], 0), line["count"])
    return counts


def unreached_lines(build, counters, sources):
    """Returns how many lines of the sources have code, and by source those that no reader of the group reached."""
    total, unreached = 0, {}
    for source in sources:
        source, _, words = source.partition(":")
        merged = {}
        for folder in counters:
            for line, count in lines_of(build, folder, source, words.split()).items():
                merged[line] = max(merged.get(line, 0), count)
        total += len(merged)
        unreached[source] = sorted(line for line, count in merged.items() if count == 0)
    return total, unreached


def rows_of(build, readers, sources, arguments):
    rows, counters = [], []
    for name in readers:
        began = os.times().elapsed
        if arguments.program:
            findings = run_program(build, name, arguments)
        else:
            findings, folder = run_reader(build, name, arguments)
            counters.append(folder)
        rows.append({"reader": name, "files": arguments.files, "findings": findings, "lines": 0, "share": 1, "unreached": {},
                     "seconds": os.times().elapsed - began})
    if counters and not arguments.no_share:
        total, unreached = unreached_lines(build, counters, sources)
        missed = sum(map(len, unreached.values()))
        for row in rows:
            row.update(lines=total, share=1 - missed / total if total else 0)
        rows[-1].update(unreached=unreached)
    return rows


def run(build, arguments):
    listed = subprocess.run([program(build), ROOT], capture_output=True, text=True, check=True,
                            env=dict(os.environ, GCOV_PREFIX=str(build / "counters" / "list"),
                                     ASAN_OPTIONS="detect_leaks=0")).stdout.splitlines()
    grouped = [name for readers, _ in GROUPS for name in readers]
    if sorted(grouped) != sorted(listed):
        raise SystemExit(f"the groups of suite.py are not the readers of the program: {set(grouped) ^ set(listed)}")
    chosen = arguments.readers or grouped
    groups = [([name for name in readers if name in chosen], sources) for readers, sources in GROUPS]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = [pool.submit(rows_of, build, readers, sources, arguments) for readers, sources in groups if readers]
        for future in concurrent.futures.as_completed(waiting):
            yield from future.result()


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
