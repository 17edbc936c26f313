#!/usr/bin/python3
"""Makes tests/data/h5py_lzf.h5: a table of records that h5py compressed with LZF. Needs python3-h5py."""
import pathlib

import h5py
import numpy

rows = numpy.zeros(200, dtype=[("j_index", "<i8"), ("j_zlogz", "<f8"), ("j_g", "<i4")])
rows["j_index"] = numpy.arange(200)
rows["j_zlogz"] = (numpy.arange(200) // 10) * 0.5
rows["j_g"] = numpy.arange(200) % 5 == 0
with h5py.File(pathlib.Path(__file__).parent / "h5py_lzf.h5", "w") as file:
    file.create_dataset("t_allpar_new", data=rows, compression="lzf", chunks=(64,))
