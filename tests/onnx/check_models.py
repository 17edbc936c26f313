#!/usr/bin/python3
"""Checks ONNX files with ONNX's own checker, shape inference included: check_models.py FILE..."""

import sys

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    print("checked", path)
