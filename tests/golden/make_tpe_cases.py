#!/usr/bin/env python3
"""Copies the golden numbers of TPE from shared/peers into tpe_cases.json, one case per line.

usage: make_tpe_cases.py PEERS_FOLDER > tpe_cases.json
golden_tpe_*.json hold densities that Optuna computed (check_formulas.py), golden_misc_newest.json its splits.
"""
import json
import pathlib
import sys

peers = pathlib.Path(sys.argv[1])
lines = []
for revision, name in (("5.0", "golden_tpe_newest.json"), ("3.1", "golden_tpe_310.json")):
    for case in json.loads((peers / name).read_text())["cases"]:
        lines.append({"kind": "density", "revision": revision, "parameters": case["space"], "joint": case["multivariate"],
                      "observations": case["obs"], "points": case["x"], "log_density": case["log_pdf"]})
misc = json.loads((peers / "golden_misc_newest.json").read_text())
lines.append({"kind": "split_one", **misc["split_single"]})
print("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]")
