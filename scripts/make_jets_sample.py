#!/usr/bin/python3
"""Makes the bundled sample data/jets from the full simulated jets.

    scripts/make_jets_sample.py FULL_FOLDER [OUTPUT_FOLDER]

FULL_FOLDER holds X_train.npy, y_train.npy, X_test.npy and y_test.npy (160,000 and 20,000 jets). The sample takes the
first 10,000 training and the first 1,600 test jets of each of the five classes, in the order of the file, so the same
input always gives the same bytes. Needs python3-numpy.
"""
import pathlib
import shutil
import sys

import numpy

ROWS_PER_CLASS = {"train": 10_000, "test": 1_600}
CLASSES = 5


def first_rows_of_each_class(labels, count):
    """Returns the indices, ascending, of the first `count` rows of every class."""
    chosen = [numpy.flatnonzero(labels == label)[:count] for label in range(CLASSES)]
    for label, rows in enumerate(chosen):
        if len(rows) < count:
            sys.exit(f"class {label} has only {len(rows)} rows; {count} are needed")
    return numpy.sort(numpy.concatenate(chosen))


def write_part(source, target, part):
    features = numpy.load(source / f"X_{part}.npy")
    labels = numpy.load(source / f"y_{part}.npy")
    rows = first_rows_of_each_class(labels, ROWS_PER_CLASS[part])
    numpy.save(target / f"X_{part}.npy", numpy.ascontiguousarray(features[rows], dtype="<f4"))
    numpy.save(target / f"y_{part}.npy", labels[rows].astype("u1"))
    print(f"{part}: {len(rows)} of {len(labels)} jets")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    source = pathlib.Path(sys.argv[1])
    default_target = pathlib.Path(__file__).resolve().parent.parent / "data" / "jets"
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else default_target
    target.mkdir(parents=True, exist_ok=True)
    for part in ROWS_PER_CLASS:
        write_part(source, target, part)
    for name in ("feature_names.txt", "class_names.txt"):
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
