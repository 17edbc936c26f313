"""Opens a database with python3-optuna, prints what a study holds, one fact a line, and continues it.

usage: read_with_optuna.py URL STUDY [--skip-compatibility-check]
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


def by_name(facts):
    """A database hands rows out in the order of its index, Optuna as the database does."""
    return dict(sorted(facts.items()))


def show(storage, name):
    study = optuna.load_study(study_name=name, storage=storage)
    print("directions", [direction.name for direction in study.directions])
    print("user_attrs", study.user_attrs)
    print("names", storage.get_study_system_attrs(study._study_id))
    distributions = {}
    for trial in study.get_trials():
        print(trial.number, trial.state.name, trial.values, by_name(trial.params), by_name(trial.user_attrs),
              by_name(trial.system_attrs), by_name(trial.intermediate_values), trial.duration)
        distributions.update(trial.distributions)
    for name, distribution in by_name(distributions).items():
        print(name, distribution)
    if len(study.directions) == 1:
        print("best", study.best_trial.number, study.best_value)
    else:
        print("best", [trial.number for trial in study.best_trials])
    print("stale", storage._get_stale_trial_ids(study._study_id))


def continue_study(storage, name):
    """Takes what waits and adds a trial, as a user does who goes on with Optuna."""
    study = optuna.load_study(study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    print("told", trial.number, trial.suggest_categorical("multiplier", [1, 2, 4]), trial.suggest_int("width", 8, 64, 8))
    study.tell(trial, [0.75] * len(study.directions))
    study.enqueue_trial({"multiplier": 2, "width": 16})


if __name__ == "__main__":
    opened = optuna.storages.RDBStorage(sys.argv[1], heartbeat_interval=30,
                                        skip_compatibility_check="--skip-compatibility-check" in sys.argv)
    show(opened, sys.argv[2])
    continue_study(opened, sys.argv[2])
