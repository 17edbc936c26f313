#!/usr/bin/env python3
"""Copies the golden numbers of TPE from shared/peers into tpe_cases.json, one case per line.

usage: make_tpe_cases.py PEERS_FOLDER > tpe_cases.json
golden_tpe_*.json hold densities that Optuna computed, golden_misc_newest.json its splits. Many integers without ties
are not among them: these cases are computed by the formulas of check_formulas.py, which agree with Optuna's densities
to 1e-13. Needs numpy.
"""
import json
import math
import pathlib
import random
import sys
import types

import numpy

INTEGERS = {"i200": (0, 199, False), "i1000": (0, 999, False), "li1000": (1, 1000, True)}


def formulas(peers, version):
    """Returns the functions of check_formulas.py, without Optuna."""
    text = (peers / "check_formulas.py").read_text()
    text = text[text.index("def logmass"):text.index("rng = np.random")]
    # Golden cells have no mass that a double cannot hold.
    log_ndtr = lambda z: math.log(0.5 * math.erfc(-z / math.sqrt(2))) if z > -37 else -0.5 * z * z - math.log(-2.51 * z)
    scope = {"math": math, "np": numpy, "V": version, "log_ndtr": log_ndtr, "CategoricalDistribution": type("None", (), {})}
    exec(text, scope)
    return scope


def density(revision, parameters, joint, observations, points, log_density):
    return {"kind": "density", "revision": revision, "parameters": parameters, "joint": joint,
            "observations": observations, "points": points, "log_density": log_density}


def computed_cases(peers):
    draws = random.Random(4)
    for revision, version in (("5.0", (5, 0)), ("3.1", (3, 1))):
        for names in (["i200"], ["i1000"], ["li1000"], list(INTEGERS)):
            space, observations, points = {}, {}, {}
            for name in names:
                low, high, log = INTEGERS[name]
                space[name] = types.SimpleNamespace(low=low, high=high, step=1, log=log)
                observations[name] = draws.sample(range(low, high + 1), 40)
                points[name] = draws.sample(range(low, high + 1), 3)
            joint = len(names) > 1
            log_pdf = formulas(peers, version)["log_pdf"]
            values = [log_pdf(observations, space, joint, {name: points[name][k] for name in names}) for k in range(3)]
            yield density(revision, names, joint, observations, points, values)


def main():
    peers = pathlib.Path(sys.argv[1])
    lines = []
    for revision, name in (("5.0", "golden_tpe_newest.json"), ("3.1", "golden_tpe_310.json")):
        for case in json.loads((peers / name).read_text())["cases"]:
            lines.append(density(revision, case["space"], case["multivariate"], case["obs"], case["x"], case["log_pdf"]))
    lines.extend(computed_cases(peers))
    misc = json.loads((peers / "golden_misc_newest.json").read_text())
    lines.append({"kind": "split_one", **misc["split_single"]})
    print("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]")


main()
