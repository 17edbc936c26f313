"""VGG7 with python3-torch, channels-last: serves the tasks train and forward on the standard input (see serve.h; NETWORK
is the number of threads), or prints with `memory TASK BATCH THREADS` the peak memory of two pieces of work in KiB."""

import resource
import sys
import time

import torch


def make_module():
    layers, channels = [], 3
    for width in (128, 256, 512):
        for _ in range(2):
            layers += [torch.nn.Conv2d(channels, width, 3, padding=1), torch.nn.BatchNorm2d(width, momentum=0.9),
                       torch.nn.ReLU()]
            channels = width
        layers.append(torch.nn.MaxPool2d(2))
    head = [torch.nn.Flatten(), torch.nn.Linear(8192, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(),
            torch.nn.Linear(1024, 10)]
    return torch.nn.Sequential(*layers, *head).to(memory_format=torch.channels_last)


def make_work(task, batch, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    module = make_module()
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    if task == "forward":
        module.eval()

        def forward():
            with torch.no_grad():
                module(images)

        return forward
    optimizer = torch.optim.SGD(module.parameters(), 1e-3)

    def train():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()

    return train


def measure(work, batch, seconds):
    wall, begin, done = time.perf_counter(), time.process_time(), 0
    while time.process_time() - begin < seconds:
        work()
        done += batch
    return f"{done / (time.process_time() - begin):.6g} {done / (time.perf_counter() - wall):.6g}"


def main():
    if sys.argv[1:2] == ["memory"]:
        work = make_work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        work()
        work()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    current = None
    for line in sys.stdin:
        task, threads, batch, seconds = line.split()
        if task not in ("train", "forward"):
            print("unknown", flush=True)
            continue
        if current != (task, threads, batch):
            current = (task, threads, batch)
            work = make_work(task, int(batch), int(threads))
            work()
        print(measure(work, int(batch), float(seconds)), flush=True)


if __name__ == "__main__":
    main()
