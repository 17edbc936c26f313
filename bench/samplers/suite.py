"""What a sampler costs per trial when n trials have ended: 12 parameters x 6 choices, in memory and with SQLite, beside
Debian's python3-optuna measured in the same run, and recorded figures of others (recorded.csv)."""

import csv
import json
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["python3-optuna", "libeigen3-dev"]
TARGETS = ["samplers_bench"]
SIZES = [100, 1000, 5000, 10000]
OURS = {"random": "random", "brute_force": "brute_force", "qmc": "qmc", "nsgaii": "nsgaii", "evolution": "evolution",
        "tpe:multivariate = false": "tpe-uni", "tpe:multivariate = true": "tpe-mv", "gp": "gp", "auto": "auto"}
HEADINGS = ["from", "storage", "sampler", "n", "us per trial", "bytes per trial"]
WIDTHS = [26, 10, 16, 8, 14, 16]


def add_arguments(parser):
    parser.add_argument("--contenders", default=",".join(OURS), help="of ours: NAME or NAME:key = value, commas between")
    parser.add_argument("--peer", default="random,nsga2,tpe-uni,tpe-mv", help="samplers of python3-optuna; empty: none")
    parser.add_argument("--peer-sizes", default="100,1000,5000,10000", help="trials of the peer's studies in memory")
    parser.add_argument("--peer-sqlite-sizes", default="100,1000", help="with SQLite (it fills a file in minutes)")
    parser.add_argument("--seconds", default="6", help="per measurement of ours, about")


def ours(build, arguments, folder):
    command = [build / "bench/samplers/samplers_bench", *arguments.contenders.split(","), "--database", folder,
               "--sizes", ",".join(map(str, SIZES)), "--seconds", arguments.seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            sampler, storage, size, _, microseconds, held = line.rstrip("\n").split("\t")
            yield row("lathe", storage, OURS.get(sampler, sampler), int(size), float(microseconds), float(held))
    if program.returncode != 0:
        raise SystemExit("samplers_bench failed")


def row(source, storage, sampler, size, microseconds, held=None):
    return {"suite": "samplers", "from": source, "storage": storage, "sampler": sampler, "trials": size,
            "us": microseconds, "bytes": held}


def peer(samplers, sizes, *folder):
    if not samplers or not sizes:
        return
    command = ["/usr/bin/python3", "-W", "ignore", HERE / "optuna_overhead.py", samplers, sizes, *folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            entry = json.loads(line)
            yield row(entry["from"], entry["storage"], entry["sampler"], entry["trials"], entry["us"])


def recorded():
    with open(HERE / "recorded.csv", newline="", encoding="ascii") as file:
        for entry in csv.DictReader(file):
            storage = "memory" if entry["storage"] == "mem" else entry["storage"]
            yield row(entry["peer"] + " (recorded)", storage, entry["sampler"], int(entry["trials"]),
                      float(entry["median_us"]))


def run(build, arguments):
    """Yields one row per sampler, storage and number of ended trials."""
    with tempfile.TemporaryDirectory() as folder:
        yield from ours(build, arguments, folder)
        yield from peer(arguments.peer, arguments.peer_sizes)
        yield from peer(arguments.peer, arguments.peer_sqlite_sizes, folder)
    yield from recorded()


def microseconds(value):
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def cells(entry):
    return [entry["from"], entry["storage"], entry["sampler"], str(entry["trials"]), microseconds(entry["us"]),
            "-" if entry["bytes"] is None else f"{entry['bytes']:.0f}"]


def markdown(rows):
    lines = ["Median microseconds of ask (all 12 parameters), announce and tell after n random trials have ended: processor time",
             "in memory, wall time with SQLite (on a temporary file, with starting and finishing the trial there). Bytes: heap that",
             "the sampler holds per trial after 10,000. Recorded rows were measured by others on another day, wall time.", ""]
    for storage in ["memory", "sqlite"]:
        lines += ["", f"**{'In memory' if storage == 'memory' else 'With SQLite'}**", "",
                  "| from | sampler | " + " | ".join(f"n={size}" for size in SIZES) + " | bytes per trial |",
                  "|---|---|" + "---:|" * (len(SIZES) + 1)]
        chosen = [entry for entry in rows if entry["storage"] == storage]
        for source, sampler in dict.fromkeys((entry["from"], entry["sampler"]) for entry in chosen):
            mine = {entry["trials"]: entry for entry in chosen if (entry["from"], entry["sampler"]) == (source, sampler)}
            values = [microseconds(mine[size]["us"]) if size in mine else "-" for size in SIZES]
            held = mine.get(SIZES[-1], {}).get("bytes")
            lines.append(f"| {source} | {sampler} | " + " | ".join(values) + f" | {'-' if held is None else round(held)} |")
    return lines
