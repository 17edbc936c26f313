"""VGG7 training on a CUDA device: the torch back end beside PyTorch, interleaved in one run, images per second.

Needs a CUDA device, a libtorch with CUDA that lathe was built on (docs/gpu.md) and a Python with PyTorch (--python); says
so and measures nothing where one is missing."""

import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = []
TARGETS = ["gpu_bench_lathe"]


def add_arguments(parser):
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch with CUDA")
    parser.add_argument("--batches", default="128,512,1024", help="batch sizes, a comma between")
    parser.add_argument("--precisions", default="bf16,32", help="bf16, 16 and 32, a comma between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")


def unavailable():
    """Returns why nothing can be measured here, before anything is built; None: it can."""
    if any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")):
        return None
    return "no CUDA device: this machine has no NVIDIA driver"


class Program:
    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def rate(self, precision, batch, seconds):
        self.process.stdin.write(f"{precision} {batch} {seconds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args[0]} ended")
        return float(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def missing(ours, peer):
    """Returns what the two programs say of the device where one cannot use it; prints both where they can."""
    for command in ([ours, "device"], [*peer, "device"]):
        if not pathlib.Path(command[0]).exists():
            return f"{command[0]} was not built: lathe found no libtorch (docs/gpu.md)"
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if result.returncode != 0:
            return (result.stdout or result.stderr).strip().splitlines()[-1]
        print(result.stdout.strip(), flush=True)
    return None


def rows_of(case, batch, names, values):
    ours = statistics.median(values[0])
    for name, others in zip(names, values[1:]):
        theirs = statistics.median(others)
        yield {"suite": "gpu", "case": case, "batch": batch, "threads": 1, "peer": name, "ours": ours, "peer_value": theirs,
               "unit": "images/s", "ratio": ours / theirs}


def run(build, arguments):
    ours, peer = build / "bench/gpu/gpu_bench_lathe", [arguments.python, HERE / "torch_program.py"]
    reason = missing(ours, peer)
    if reason:
        print(f"no CUDA device: {reason}", flush=True)
        return
    names = ["PyTorch", "PyTorch, cudnn.benchmark"]
    programs = [Program(ours), Program(*peer), Program(*peer, "benchmark")]
    for precision in arguments.precisions.split(","):
        for batch in map(int, arguments.batches.split(",")):
            values = [[] for _ in programs]
            for _ in range(arguments.rounds):
                for program, found in zip(programs, values):
                    found.append(program.rate(precision, batch, arguments.seconds))
            yield from rows_of(f"vgg7 training {precision}", batch, names, values)
    for program in programs:
        program.close()
