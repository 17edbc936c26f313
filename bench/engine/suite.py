"""Training steps of the dense engine against libtorch's C++ API, one thread each, in alternating chunks.

Rates are steps per second of processor time, so that other programs disturb them little."""

import os
import statistics
import subprocess

PACKAGES = ["libtorch-dev", "libopenblas0-pthread"]
TARGETS = ["engine_bench_lathe", "engine_bench_libtorch"]
CASES = ["jsc-three-linear-layers", "16-64-32-32-5"]
BATCHES = [8, 128, 512, 4096]
ROUNDS = 9
SECONDS = 0.25
UNIT = "steps/s"


class Program:
    """A bench program that serves requests on its standard input."""

    def __init__(self, path):
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)

    def rate(self, case, batch, seconds):
        self.process.stdin.write(f"{case} {batch} {seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(ours, peer, case, batch):
    """Alternates chunks of the two programs and returns the row of their medians."""
    pairs = []
    for program in (ours, peer):
        program.rate(case, batch, SECONDS)  # warm-up
    for _ in range(ROUNDS):
        pairs.append((ours.rate(case, batch, SECONDS), peer.rate(case, batch, SECONDS)))
    return {
        "suite": "engine",
        "case": case,
        "batch": batch,
        "threads": 1,
        "peer": "libtorch C++ (OpenBLAS)",
        "ours": statistics.median(own for own, _ in pairs),
        "peer_value": statistics.median(other for _, other in pairs),
        "unit": UNIT,
        "ratio": statistics.median(own / other for own, other in pairs),
    }


def run(build):
    """Yields one row per case and batch size."""
    ours = Program(build / "bench/engine/engine_bench_lathe")
    peer = Program(build / "bench/engine/engine_bench_libtorch")
    for case in CASES:
        for batch in BATCHES:
            yield measure(ours, peer, case, batch)
    ours.close()
    peer.close()
