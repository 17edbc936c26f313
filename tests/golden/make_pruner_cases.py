"""Writes tests/pruner/golden.h: what Optuna's pruners decide on fixed learning curves.

usage: python3 make_pruner_cases.py > ../pruner/golden.h        (needs python3-optuna and numpy)

Each case runs its trials one after the other; `stops` holds the step at which each was pruned, 0 where it was not.
"""
import copy
import warnings

import numpy
import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.CRITICAL)
PRUNED = optuna.trial.TrialState.PRUNED
P = optuna.pruners


def rising_curves():
    random = numpy.random.RandomState(5)
    limits = 0.5 + 0.4 * random.rand(24, 1)
    speed = 0.2 + 2 * random.rand(24, 1)
    noise = 0.02 * random.randn(24, 30)
    return numpy.round(limits * (1 - numpy.exp(-numpy.arange(1, 31)[None] / 10 * speed)) + noise, 4)


def decide(pruner, curves, steps, direction, name="curves"):
    study = optuna.create_study(study_name=name, pruner=pruner, direction=direction,
                                sampler=optuna.samplers.RandomSampler(seed=0))
    stops = []
    for curve in curves:
        trial = study.ask()
        for step, value in zip(steps, curve):
            trial.report(float(value), step)
            if trial.should_prune():
                study.tell(trial, state=PRUNED)
                stops.append(step)
                break
        else:
            study.tell(trial, float(curve[-1]))
            stops.append(0)
    return stops


CASES = [
    ("median", "", P.MedianPruner()),
    ("median", "n_startup_trials = 3\\nn_warmup_steps = 2\\ninterval_steps = 4\\n",
     P.MedianPruner(n_startup_trials=3, n_warmup_steps=2, interval_steps=4)),
    ("median", "n_startup_trials = 2\\nn_min_trials = 4\\n", P.MedianPruner(n_startup_trials=2, n_min_trials=4)),
    ("percentile", "percentile = 25\\nn_startup_trials = 3\\n", P.PercentilePruner(25.0, n_startup_trials=3)),
    ("percentile", "percentile = 70\\nn_startup_trials = 1\\nn_warmup_steps = 5\\n",
     P.PercentilePruner(70.0, n_startup_trials=1, n_warmup_steps=5)),
    ("asha", "min_resource = 1\\n", P.SuccessiveHalvingPruner(1)),
    ("asha", "min_resource = 1\\nreduction_factor = 3\\n", P.SuccessiveHalvingPruner(1, 3)),
    ("asha", "min_resource = 2\\nreduction_factor = 2\\nmin_early_stopping_rate = 1\\n",
     P.SuccessiveHalvingPruner(2, 2, 1)),
    ("asha", "min_resource = 1\\nreduction_factor = 3\\nbootstrap_count = 2\\n",
     P.SuccessiveHalvingPruner(1, 3, bootstrap_count=2)),
    ("hyperband", "min_resource = 1\\nmax_resource = 27\\nreduction_factor = 3\\n", P.HyperbandPruner(1, 27, 3)),
    ("hyperband", "min_resource = 2\\nmax_resource = 30\\nreduction_factor = 2\\n", P.HyperbandPruner(2, 30, 2)),
    ("patient", "patience = 2\\nmin_delta = 0.001\\n", P.PatientPruner(None, patience=2, min_delta=0.001)),
    ("patient", "patience = 1\\nwrapped = { name = \\\"median\\\", n_startup_trials = 3 }\\n",
     P.PatientPruner(P.MedianPruner(n_startup_trials=3), patience=1)),
    ("threshold", "lower = 0.15\\nupper = 0.9\\nn_warmup_steps = 2\\ninterval_steps = 3\\n",
     P.ThresholdPruner(lower=0.15, upper=0.9, n_warmup_steps=2, interval_steps=3)),
]


def table(values):
    return "{" + ", ".join(str(value) for value in values) + "}"


def main():
    curves = rising_curves()
    steps = list(range(1, 31))
    print(f"""#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Golden decisions of Optuna {optuna.__version__}, made by tests/golden/make_pruner_cases.py. Do not edit.
// clang-format off
namespace lathe::pruner::golden {{

/// [trials][steps 1, 2, ...]
inline const std::vector<std::vector<double>> kCurves{{""")
    for curve in curves:
        print("    " + table(curve) + ",")
    print("""};

/// Holds what a pruner decides on the curves, maximised and minimised.
struct Case {
  std::string name, options;
  std::vector<std::int64_t> maximised, minimised;  ///< step at which each trial was pruned, or 0
};

inline const std::vector<Case> kCases{""")
    for name, options, pruner in CASES:
        stops = [decide(copy.deepcopy(pruner), curves, steps, direction) for direction in ("maximize", "minimize")]
        print(f'    {{"{name}", "{options}",\n     {table(stops[0])},\n     {table(stops[1])}}},')
    print("""};

}  // namespace lathe::pruner::golden""")


main()
