"""Opens a study file with python3-optuna and prints what it holds, one fact a line.

usage: read_with_optuna.py FILE STUDY [--skip-compatibility-check]
Exit code 77: Optuna is not installed.
"""

import sys
import warnings

try:
    import optuna
except ImportError:
    sys.exit(77)

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def by_name(facts):
    """SQLite hands the rows out in the order of its index, Optuna as SQLite does."""
    return dict(sorted(facts.items()))


def show(path, name, skip):
    storage = optuna.storages.RDBStorage("sqlite:///" + path, skip_compatibility_check=skip)
    study = optuna.load_study(study_name=name, storage=storage)
    print("directions", [direction.name for direction in study.directions])
    print("user_attrs", study.user_attrs)
    print("names", storage.get_study_system_attrs(study._study_id))
    for trial in study.trials:
        print(trial.number, trial.state.name, trial.values, by_name(trial.params), trial.user_attrs, trial.system_attrs)
        print("  intermediate", trial.intermediate_values)
        print("  choices", by_name({key: dist.choices for key, dist in trial.distributions.items()}))
        print("  duration", trial.duration)
    if len(study.directions) == 1:
        print("best", study.best_trial.number, study.best_value)
    else:
        print("best", [trial.number for trial in study.best_trials])


def continue_study(path, name, skip):
    """Adds a trial, as a user does who goes on with Optuna."""
    storage = optuna.storages.RDBStorage("sqlite:///" + path, skip_compatibility_check=skip)
    study = optuna.load_study(study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    trial.suggest_categorical("multiplier", [1, 2, 4])
    study.tell(trial, [0.75] * len(study.directions))
    print("told", trial.number)


if __name__ == "__main__":
    skip_check = "--skip-compatibility-check" in sys.argv
    show(sys.argv[1], sys.argv[2], skip_check)
    continue_study(sys.argv[1], sys.argv[2], skip_check)
