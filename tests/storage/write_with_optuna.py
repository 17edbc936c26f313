"""Writes studies with python3-optuna for lathe to read.

usage: write_with_optuna.py URL
Exit code 77: Optuna, or its driver of the database, is not installed.
"""

import sys
import warnings

try:
    import optuna
    if sys.argv[1].startswith("postgresql"):
        import psycopg2
except ImportError:
    sys.exit(77)

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def write_single(storage):
    """All kinds of parameters, one of them conditional; every way a trial may end, and two that have not."""
    study = optuna.create_study(storage=storage, study_name="single", direction="maximize",
                                sampler=optuna.samplers.RandomSampler(seed=0))
    study.set_user_attr("dataset", {"rows": 3, "name": "é"})
    for number in range(5):
        trial = study.ask()
        trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
        trial.suggest_int("width", 8, 64, step=8)
        trial.suggest_int("depth", 1, 32, log=True)
        if number % 2 == 0:
            trial.suggest_categorical("mixed", [None, 0.5, 1, True, "both é"])
        trial.set_user_attr("number", number)
        if number == 0:
            trial.report(0.25, 1)
            trial.report(float("nan"), 2)
            trial.report(float("-inf"), 3)
            study.tell(trial, 0.5)
        elif number == 1:
            trial.report(0.125, 1)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number == 2:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif number == 3:
            study.tell(trial, float("inf"))
    study.enqueue_trial({"rate": 0.001, "mixed": None}, user_attrs={"memo": "queued"})


def write_front(storage):
    study = optuna.create_study(storage=storage, study_name="front", directions=["minimize", "maximize"],
                                sampler=optuna.samplers.NSGAIISampler(
                                    seed=0, constraints_func=lambda trial: (trial.params["x"] - 2.5, -1.0)))
    for x in (1, 4):
        study.enqueue_trial({"x": x})
        trial = study.ask()
        study.tell(trial, [float(trial.suggest_int("x", 0, 5)), 0.5])


if __name__ == "__main__":
    opened = optuna.storages.RDBStorage(sys.argv[1])
    write_single(opened)
    write_front(opened)
