"""Measures what python3-optuna costs per trial: optuna_overhead.py SAMPLERS SIZES [DATABASE FOLDER].

The same as overhead.cpp: n random trials of 12 parameters x 6 choices have ended; then ask, twelve suggestions and tell,
median microseconds (memory: processor time; sqlite: wall time). Prints JSON rows."""

import json
import pathlib
import random
import statistics
import sys
import time

import optuna

NAMES = [f"x{i}" for i in range(12)]
CHOICES = list(range(6))
WARM_UP, MOST_ROUNDS, LEAST_ROUNDS, SECONDS = 3, 120, 5, 8


def sampler(name):
    kinds = optuna.samplers
    return {
        "random": lambda: kinds.RandomSampler(seed=1),
        "nsga2": lambda: kinds.NSGAIISampler(seed=1),
        "tpe-uni": lambda: kinds.TPESampler(seed=1),
        "tpe-mv": lambda: kinds.TPESampler(seed=1, multivariate=True),
        "bruteforce": lambda: kinds.BruteForceSampler(seed=1),
    }[name]()


def objective(codes):
    return sum((i + 1) * code for i, code in enumerate(codes)) / 390


def history(count):
    """Returns finished trials as NSGA-II would have left them, generations of 50."""
    numbers = random.Random(7)
    distribution = optuna.distributions.CategoricalDistribution(CHOICES)
    trials = []
    for number in range(count):
        codes = [numbers.randrange(6) for _ in NAMES]
        trials.append(optuna.trial.create_trial(params=dict(zip(NAMES, codes)), value=objective(codes),
                                                distributions=dict.fromkeys(NAMES, distribution),
                                                system_attrs={"nsga2:generation": number // 50}))
    return trials


def measure(name, size, folder):
    path = pathlib.Path(folder) / "optuna_overhead.db" if folder else None
    study = optuna.create_study(sampler=sampler(name), storage=f"sqlite:///{path}" if path else None)
    study.add_trials(history(size))
    clock = time.perf_counter if folder else time.thread_time
    rounds, deadline = [], time.perf_counter() + SECONDS
    for number in range(WARM_UP + MOST_ROUNDS):
        if len(rounds) >= LEAST_ROUNDS and time.perf_counter() > deadline:
            break
        start = clock()
        trial = study.ask()
        codes = [trial.suggest_categorical(parameter, CHOICES) for parameter in NAMES]
        study.tell(trial, objective(codes))
        if number >= WARM_UP:
            rounds.append((clock() - start) * 1e6)
    if path:
        path.unlink()
    return statistics.median(rounds), len(rounds)


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names, sizes = sys.argv[1].split(","), [int(text) for text in sys.argv[2].split(",")]
    folder = sys.argv[3] if len(sys.argv) > 3 else None
    for name in names:
        for size in sizes:
            microseconds, rounds = measure(name, size, folder)
            print(json.dumps({"from": f"Optuna {optuna.__version__}", "sampler": name, "trials": size, "rounds": rounds,
                              "storage": "sqlite" if folder else "memory", "us": microseconds}), flush=True)


if __name__ == "__main__":
    main()
