#!/usr/bin/env python3
"""Compares validation accuracy with PyTorch's: bench/accuracy_vs_torch.py --lathe PROGRAM --data-dir FOLDER [--json FILE]

Trains the three-linear-layer jet network without ReLU on its logits (BN16, ReLU, 16-16, ReLU, 16-16, ReLU, 16-5): 20
epochs, Adam 1e-2, batch 512, constant learning rate, 16,000 of the training rows for validation, features standardised
with the other training rows. Both sides see the same split, which is drawn once; seeds differ in initial weights and
order of the rows. Accuracy is that of the last epoch. Prints mean and standard deviation of both, and their difference
with its standard error; ends with 1 where the difference exceeds --tolerance percentage points. A standard error near
the tolerance means that more seeds are needed for a firm answer. Needs numpy and PyTorch (Debian: python3-torch); both
sides use one thread.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

VALIDATION_ROWS, BATCH, LEARNING_RATE = 16000, 512, 1e-2
MODEL = "jsc-three-linear-layers-logits"


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", type=pathlib.Path, help="the program; without it only PyTorch runs")
    parser.add_argument("--data-dir", type=pathlib.Path, required=True, help="folder of the simulated jets")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each side; default 10")
    parser.add_argument("--epochs", type=int, default=20, help="default 20")
    parser.add_argument("--tolerance", type=float, default=0.3, help="percentage points; default 0.3")
    parser.add_argument("--json", type=pathlib.Path, help="file for all numbers")
    return parser.parse_args()


def torch_network():
    from torch import nn
    return nn.Sequential(nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(),
                         nn.Linear(16, 5))


def write_split(source, folder):
    """Writes a folder of jets whose validation part is split off the training rows."""
    import numpy
    features, labels = numpy.load(source / "X_train.npy"), numpy.load(source / "y_train.npy")
    order = numpy.random.default_rng(0).permutation(len(labels))
    for part, rows in (("val", order[:VALIDATION_ROWS]), ("train", order[VALIDATION_ROWS:])):
        numpy.save(folder / f"X_{part}.npy", features[rows])
        numpy.save(folder / f"y_{part}.npy", labels[rows])
    for name in ("X_test.npy", "y_test.npy", "feature_names.txt", "class_names.txt"):
        (folder / name).symlink_to((source / name).resolve())


def torch_parts(folder):
    """Reads and standardises: (training features, labels, validation features, labels)."""
    import numpy
    import torch
    features = [torch.from_numpy(numpy.load(folder / f"X_{part}.npy")).double() for part in ("train", "val")]
    labels = [torch.from_numpy(numpy.load(folder / f"y_{part}.npy").astype("int64")) for part in ("train", "val")]
    mean, deviation = features[0].mean(0), features[0].std(0, unbiased=False)
    scaled = [((part - mean) / deviation).float() for part in features]
    return scaled[0], labels[0], scaled[1], labels[1]


def torch_accuracy(parts, seed, epochs):
    import torch
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    rows, truth, validation_rows, validation_truth = parts
    network = torch_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        order = torch.randperm(len(truth), generator=generator)
        shuffled, shuffled_truth = rows[order], truth[order]
        for batch, batch_truth in zip(shuffled.split(BATCH), shuffled_truth.split(BATCH)):
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(network(batch), batch_truth).backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        hits = network(validation_rows).argmax(1) == validation_truth
    return 100 * hits.double().mean().item()


def run_torch(arguments, data):
    import torch
    torch.set_num_threads(1)
    parts = torch_parts(data)
    return [timed("PyTorch", seed, torch_accuracy, parts, seed, arguments.epochs) for seed in range(arguments.seeds)]


def lathe_accuracy(arguments, data, seed):
    command = [arguments.lathe, "train", MODEL, "jets", "--data-dir", data, "--seed", seed,
               "--max-epochs", arguments.epochs, "--batch-size", BATCH, "--learning-rate", LEARNING_RATE,
               "--training-optimizer", "adam", "--weight-decay", 0, "--lr-scheduler", "constant",
               "--log-level", "warning", "--project-dir", data / "projects",
               "--project", f"seed-{seed}", "--json"]
    result = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE)
    return 100 * json.loads(result.stdout)["last_validation_accuracy"]


def run_lathe(arguments, data):
    return [timed("lathe", seed, lathe_accuracy, arguments, data, seed) for seed in range(arguments.seeds)]


def timed(name, seed, function, *values):
    start = time.perf_counter()
    accuracy = function(*values)
    print(f"{name:8} seed {seed}: {accuracy:.2f} %  ({time.perf_counter() - start:.1f} s)", flush=True)
    return accuracy


def summary(name, accuracies):
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    print(f"{name:8} {statistics.mean(accuracies):.2f} +- {spread:.2f} %  ({len(accuracies)} seeds)")
    return {"mean": statistics.mean(accuracies), "deviation": spread, "accuracies": accuracies}


def main():
    arguments = read_arguments()
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder)
        write_split(arguments.data_dir, data)
        sides = {"lathe": run_lathe(arguments, data)} if arguments.lathe else {}
        sides["PyTorch"] = run_torch(arguments, data)
    result = {name: summary(name, accuracies) for name, accuracies in sides.items()}
    passed = True
    if arguments.lathe:
        difference = result["lathe"]["mean"] - result["PyTorch"]["mean"]
        passed = abs(difference) <= arguments.tolerance
        error = sum(side["deviation"] ** 2 / arguments.seeds for side in result.values()) ** 0.5
        result |= {"difference": difference, "standard_error": error, "tolerance": arguments.tolerance,
                   "passed": passed}
        print(f"difference {difference:+.2f} +- {error:.2f} percentage points, allowed {arguments.tolerance}: "
              f"{'passed' if passed else 'FAILED'}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
