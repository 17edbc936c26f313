"""The programs of the engine suite: each answers requests `TASK NETWORK BATCH SECONDS` on its standard input."""

import os
import pathlib
import statistics
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent


class Program:
    """A bench program. Rates are per second of processor time (rate) or of wall time (wall_rate)."""

    def __init__(self, *command):
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)

    def rates(self, task, network, batch, seconds):
        self.process.stdin.write(f"{task} {network} {batch} {seconds}\n")
        self.process.stdin.flush()
        return [float(value) for value in self.process.stdout.readline().split()]

    def rate(self, task, network, batch, seconds):
        return self.rates(task, network, batch, seconds)[0]

    def wall_rate(self, task, network, batch, seconds):
        return self.rates(task, network, batch, seconds)[1]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def lathe(build):
    return Program(build / "bench/engine/engine_bench_lathe")


def simd_target(build):
    """Returns the SIMD target that the engine and the peak loop take on this processor."""
    result = subprocess.run([build / "bench/engine/engine_bench_lathe", "target"], capture_output=True, text=True)
    return result.stdout.strip()


def peers(build, count):
    """Yields (name, program) of the first training peers."""
    commands = [("libtorch C++ (OpenBLAS)", [build / "bench/engine/engine_bench_libtorch"]),
                ("python3-torch loop", ["/usr/bin/python3", FOLDER / "torch_loop.py"]),
                ("oneDNN products alone", [build / "bench/engine/engine_bench_onednn"])]
    for name, command in commands[:count]:
        yield name, Program(*command)


def alternate(rounds, *measurements):
    """Calls the measurements in turn, round by round, after one round of warm-up; returns a list of values for each."""
    for measure in measurements:
        measure()
    values = [[measure() for measure in measurements] for _ in range(rounds)]
    return [list(column) for column in zip(*values)]


def median_ratio(numerators, denominators):
    return statistics.median(a / b for a, b in zip(numerators, denominators))
