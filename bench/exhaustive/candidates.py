#!/usr/bin/env python3
"""Draws the list of candidates of the search of the FINNAS paper's size: bench/exhaustive/candidates.py > candidates.csv

500 different networks for jets (16 features, 5 classes) of 2 to 4 hidden layers with ReLU, 13 widths from 8 to 64, and
integer bits that hold for the whole network: of weights, of the network's input, of hidden activations (the paper's fields;
its bits of outputs have no place in lathe, and its exact choices are not known to us). Seeded: the same list every time."""

import csv
import random
import sys

SEED, CANDIDATES = 2609, 500
DEPTHS = [2, 3, 4]
WIDTHS = [8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64]
WEIGHT_BITS, INPUT_BITS, HIDDEN_BITS = [2, 3, 4, 6, 8], [4, 6, 8], [2, 3, 4, 6, 8]
COLUMNS = ["candidate", "hidden_widths", "weight_bits", "input_bits", "hidden_bits"]


def draw(generator):
    widths = [generator.choice(WIDTHS) for _ in range(generator.choice(DEPTHS))]
    bits = [generator.choice(choices) for choices in (WEIGHT_BITS, INPUT_BITS, HIDDEN_BITS)]
    return ("-".join(map(str, widths)), *bits)


def main():
    generator = random.Random(SEED)
    candidates = {}  # keeps the order of drawing
    while len(candidates) < CANDIDATES:
        candidates[draw(generator)] = None
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([number, *candidate] for number, candidate in enumerate(candidates))


if __name__ == "__main__":
    main()
