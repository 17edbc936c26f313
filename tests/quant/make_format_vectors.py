#!/usr/bin/env python3
"""Writes tests/quant/vectors/block_floating.txt: what the format makes of numbers, computed with numpy from its
definition (src/lathe/quant/block_floating.cpp)."""

from pathlib import Path

import numpy as np

SHAPE = (9, 11)


def block_floating(x, width, exponent_width, block):
    largest_code, largest_exponent = 2 ** (width - 1) - 1, 2 ** (exponent_width - 1) - 1
    quantised = np.zeros_like(x)
    for row in range(x.shape[0]):
        for begin in range(0, x.shape[1], block):
            part = x[row, begin:begin + block].astype(np.float64)
            largest = np.abs(part).max()
            exponent = np.floor(np.log2(largest)) if largest > 0 else -127.0
            exponent = np.clip(exponent, -largest_exponent, largest_exponent)
            step = 2.0 ** (exponent + 2 - width)
            quantised[row, begin:begin + block] = np.clip(np.rint(part / step), -largest_code, largest_code) * step
    return quantised


def main():
    random = np.random.default_rng(7)
    path = Path(__file__).resolve().parent / "vectors" / "block_floating.txt"
    with open(path, "w") as file:
        for width, exponent_width, block in ((2, 8, 4), (4, 3, 4), (5, 8, 3), (8, 8, 32)):
            x = random.standard_normal(SHAPE) * 2.0 ** random.integers(-6, 6, SHAPE)
            x = np.where(random.random(SHAPE) < 0.2, np.rint(x * 4) / 8, x).astype(np.float32)  # ties
            x[0, :block] = 0
            quantised = block_floating(x, width, exponent_width, block)
            file.write(f"format block_floating(width={width}, exponent_width={exponent_width}, block=[{block}])\n")
            file.write(f"shape {SHAPE[0]} {SHAPE[1]}\n")
            for name, values in (("x", x), ("quantised", quantised), ("slope", np.ones_like(x))):
                file.write(name + "".join(f" {float(value).hex()}" for value in values.ravel()) + "\n")


if __name__ == "__main__":
    main()
