"""VGG7 on the processor: the onednn back end against python3-torch with channels-last images and OpenBLAS.

Random images of CIFAR-10's size, batch 128, SGD, both in alternating chunks. Rates are per second of processor time (one
thread), so that other programs disturb them little; two trials at once are measured by wall time, which needs two free
cores. Peak memory is that of a process that does two steps."""

import os
import pathlib
import statistics
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "engine"))
import programs  # noqa: E402

PACKAGES = ["libopenblas0-pthread", "python3-torch", "libdnnl-dev"]
TARGETS = ["conv_bench_lathe"]
PEER = "python3-torch"
WANTED = {"train": 1.12, "forward": 1.25, "two trials": 1.9, "train, memory": 1.0, "forward, memory": 1.0}

HEADINGS = ["case", "batch", "threads", "against", "ours", "other", "unit", "ratio", "wanted"]
WIDTHS = [24, 7, 9, 56, 10, 10, 10, 8, 14]


def add_arguments(parser):
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print the time of each step of the plans, too")


def row(case, batch, threads, peer, ours, theirs, unit, ratio):
    wanted = WANTED[case]
    verdict = f"{wanted}: {'reached' if ratio >= wanted else 'missed'}"
    return {"suite": "conv", "case": f"vgg7, {case}", "batch": batch, "threads": threads, "peer": peer, "ours": ours,
            "peer_value": theirs, "unit": unit, "ratio": ratio, "wanted": verdict}


def cells(values):
    return [values["case"], str(values["batch"]), str(values["threads"]), values["peer"], f"{values['ours']:.4g}",
            f"{values['peer_value']:.4g}", values["unit"], f"{values['ratio']:.3g}", values["wanted"]]


def markdown(rows):
    return ["Medians of interleaved rounds; a ratio above 1 means that we are better.", "",
            "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS),
            *["| " + " | ".join(cells(values)) + " |" for values in rows]]


def lathe_command(build):
    return build / "bench/conv/conv_bench_lathe"


def torch_command():
    return ["/usr/bin/python3", FOLDER / "torch_program.py"]


def compare_rates(build, arguments):
    """Yields training and forward on one thread: images a second of processor time."""
    ours, theirs = programs.Program(lathe_command(build)), programs.Program(*torch_command())
    for task, seconds in (("train", 8), ("forward", 4)):
        columns = programs.alternate(arguments.rounds,
                                     *[lambda program=program: program.rate(task, "1", arguments.batch, seconds)
                                       for program in (ours, theirs)])
        yield row(task, arguments.batch, 1, PEER, *map(statistics.median, columns), "images/s",
                  programs.median_ratio(*columns))
    theirs.close()
    ours.close()


def compare_trials(build, arguments):
    """Yields two trials at once against one, by wall time."""
    ours = programs.Program(lathe_command(build))
    both, one = programs.alternate(arguments.rounds,
                                   lambda: ours.wall_rate("train-2", "1", arguments.batch, 16),
                                   lambda: ours.wall_rate("train", "1", arguments.batch, 8))
    load = os.getloadavg()[0]
    state = "" if load < 2.5 else f" (load average {load:.1f}: not a quiet machine)"
    yield row("two trials", arguments.batch, 2, f"one trial{state}", statistics.median(both),
              statistics.median(one), "images/s", programs.median_ratio(both, one))
    ours.close()


def peak_megabytes(command, task, batch):
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    output = subprocess.run([*map(str, command), "memory", task, str(batch), "1"], capture_output=True, text=True,
                            check=True, env=environment).stdout
    return int(output) * 1024 / 1e6


def compare_memory(build, arguments):
    """Yields peak memory; a ratio above 1 means that we need less."""
    for task in ("train", "forward"):
        ours = peak_megabytes([lathe_command(build)], task, arguments.batch)
        theirs = peak_megabytes(torch_command(), task, arguments.batch)
        yield row(f"{task}, memory", arguments.batch, 1, PEER, ours, theirs, "MB", theirs / ours)


def print_profile(build, arguments):
    for task in ("train", "forward"):
        subprocess.run([lathe_command(build), "profile", task, str(arguments.batch), "1"], check=True)


def run(build, arguments):
    yield from compare_rates(build, arguments)
    yield from compare_trials(build, arguments)
    yield from compare_memory(build, arguments)
    if arguments.profile:
        print_profile(build, arguments)
