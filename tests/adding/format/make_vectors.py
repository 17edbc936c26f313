#!/usr/bin/env python3
"""Writes vectors.txt: what block_log makes of numbers, computed with numpy from its definition."""

import numpy as np

SHAPE, BLOCK = (12, 10), 4  # the last block of a row has two values


def block_log(x, width):
    """Returns the quantised row-major array and the factors of its gradient."""
    levels = 2 ** (width - 1) - 1
    quantised, slope = np.zeros_like(x), np.zeros_like(x)
    for row in range(x.shape[0]):
        for begin in range(0, x.shape[1], BLOCK):
            part = x[row, begin:begin + BLOCK]
            largest = np.abs(part).max()
            high = np.floor(np.log2(largest)) if largest > 0 else -100.0
            high = np.clip(high, -100, 100)
            low = high - (levels - 1)
            for i, value in enumerate(part):
                magnitude = abs(float(value))
                if magnitude < 2.0 ** (low - 1):
                    continue
                below = np.floor(np.log2(magnitude))
                nearest = below + (1 if magnitude / 2.0 ** below >= 1.5 else 0)
                quantised[row, begin + i] = np.sign(value) * 2.0 ** np.clip(nearest, low, high)
                slope[row, begin + i] = 1
    return quantised, slope


def main():
    random = np.random.default_rng(12)
    with open("vectors.txt", "w") as file:
        for width in (2, 3, 4, 6):
            x = random.standard_normal(SHAPE) * 2.0 ** random.integers(-6, 6, SHAPE)
            x[random.random(SHAPE) < 0.1] = 0
            x = np.where(random.random(SHAPE) < 0.2, np.sign(x) * 1.5 * 2.0 ** random.integers(-4, 4, SHAPE), x)
            x[0, :BLOCK] = 0  # a block of zeros
            x = x.astype(np.float32)
            quantised, slope = block_log(x, width)
            file.write(f"format block_log(width={width}, block=[{BLOCK}])\nshape {SHAPE[0]} {SHAPE[1]}\n")
            for name, values in (("x", x), ("quantised", quantised), ("slope", slope)):
                file.write(name + "".join(f" {float(value).hex()}" for value in values.ravel()) + "\n")


if __name__ == "__main__":
    main()
