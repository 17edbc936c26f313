"""Trains with a plain python3-torch loop: index_select, zero_grad, forward, cross entropy, backward, Adam, one thread.

Serves the task train of the engine suite on the standard input; see serve.h for the protocol."""

import sys
import time

import torch

ROWS, FEATURES, CLASSES = 200_000, 16, 5
LEARNING_RATE = 1e-2


def make_module(network):
    jsc = {"jsc-three-linear-layers": [16, 16, 16, 5], "jsc-three-linear-layers-x6": [16, 96, 96, 5]}
    widths = jsc.get(network) or [int(width) for width in network.split("-")]
    layers = [torch.nn.BatchNorm1d(widths[0]), torch.nn.ReLU(True)] if network in jsc else []
    for before, after in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU(True)]
    return torch.nn.Sequential(*(layers if network in jsc else layers[:-1]))


def make_rows():
    """Makes rows as workload.h does: normal features, labels by the same rule, shuffled order."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(ROWS, FEATURES, generator=generator)
    labels = (features[:, :CLASSES] + features[:, 5:5 + CLASSES]).argmax(1)
    return features, labels, torch.randperm(ROWS, generator=generator)


def make_step(network, batch, rows):
    features, labels, order = rows
    module = make_module(network)
    optimizer = torch.optim.Adam(module.parameters(), LEARNING_RATE)
    first = 0

    def step():
        nonlocal first
        index = order[first:first + batch]
        first = first + batch if first + 2 * batch <= ROWS else 0
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(features.index_select(0, index)), labels.index_select(0, index))
        loss.backward()
        optimizer.step()

    return step


def answer(step, batch, seconds):
    wall, begin = time.perf_counter(), time.process_time()
    done = 0
    while time.process_time() - begin < seconds:
        for _ in range(4):
            step()
        done += 4 * batch
    return f"{done / (time.process_time() - begin):.6g} {done / (time.perf_counter() - wall):.6g}"


def main():
    torch.set_num_threads(1)
    rows = make_rows()
    current = None
    for line in sys.stdin:
        task, network, batch, seconds = line.split()
        if task != "train" or ":" in network:
            print("unknown", flush=True)
            continue
        if current != (network, batch):
            current = (network, batch)
            step = make_step(network, int(batch), rows)
            step()
        print(answer(step, int(batch), float(seconds)), flush=True)


if __name__ == "__main__":
    main()
