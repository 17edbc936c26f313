"""Runs python3-optuna on the six problems of bench/problems.h: optuna_peer.py SEEDS CHECKPOINTS.

Prints one JSON row per problem, sampler and number of trials; one worker, in memory, seeds 0, 1, ..."""

import json
import math
import statistics
import sys
import time

import optuna

MASK = 2**64 - 1
WIDTHS = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
BITS = [2, 3, 4, 6, 8, 16]
WORK = [4.0, 8.0, 8.0, 6.0, 6.0, 2.0]
CAPACITY = [0.15, 0.10, 0.12, 0.20, 0.25, 0.30]
SENSITIVITY = [0.20, 0.15, 0.10, 0.10, 0.15, 0.30]
NOISE = [4.0, 0.5, 0.1, 0.2, 1.0, 3.0]


def uniform(problem, line, column):
    word = ((problem << 32 | line << 16 | column) + 0x9E3779B97F4A7C15) & MASK
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & MASK
    return ((word ^ word >> 31) >> 11) * 2.0**-53


def six_choices(trial):
    return [trial.suggest_categorical(f"x{i}", list(range(6))) for i in range(12)]


def sep12(trial):
    return [sum((i + 1) / 78.0 * uniform(1, i, code) for i, code in enumerate(six_choices(trial)))]


def nk12(trial):
    codes = six_choices(trial)
    return [sum(uniform(2, i, 6 * codes[i] + codes[(i + 1) % 12]) for i in range(12)) / 12.0]


def chan6mo(trial):
    widths = [trial.suggest_categorical(f"m{layer}", WIDTHS) for layer in range(6)]
    bits = [trial.suggest_categorical(f"b{layer}", BITS) for layer in range(6)]
    error, cost, before = 0.05, 0.0, 1.0
    for layer, (width, count) in enumerate(zip(widths, bits)):
        error += SENSITIVITY[layer] * (CAPACITY[layer] / (width + CAPACITY[layer]))
        error += NOISE[layer] * 2.0**-count / (0.5 + width)
        if layer > 0:
            error += 0.05 * ((width - before) * (width - before))
        cost += WORK[layer] * before * width * count / 8.0
        before = width
    return [error, cost / 34.0]


def chan6(trial):
    error, cost = chan6mo(trial)
    return [error + 2.0 * max(0.0, cost / 0.25 - 1.0)]


def cond8(trial):
    depth = trial.suggest_int("depth", 2, 8)
    total = 0.0
    for layer in range(depth):
        operation = trial.suggest_categorical(f"op{layer}", list(range(4)))
        width = trial.suggest_categorical(f"w{layer}", list(range(4)))
        kernel = trial.suggest_categorical(f"k{layer}", list(range(3))) if operation < 2 else 0
        total += 0.2 + 0.8 * uniform(5, layer, 12 * operation + 3 * width + kernel)
    return [1.0 / (1.0 + total) + 0.05 * depth]


def int8(trial):
    away = [trial.suggest_int(f"x{i}", 0, 15) - int(16.0 * uniform(6, i, 0)) for i in range(8)]
    return [(sum(d * d for d in away) + sum(0.5 * (a - b) ** 2 for a, b in zip(away, away[1:]))) / 1800.0]


PROBLEMS = [sep12, nk12, chan6, cond8, int8, chan6mo]


def samplers(seed):
    kinds = optuna.samplers
    return {
        "random": kinds.RandomSampler(seed=seed),
        "nsga2-20": kinds.NSGAIISampler(seed=seed, population_size=20),
        "nsga2-50": kinds.NSGAIISampler(seed=seed),
        "tpe-mv": kinds.TPESampler(seed=seed, multivariate=True),
        "tpe-uni": kinds.TPESampler(seed=seed),
    }


def hypervolume(points):
    volume, top = 0.0, 1.0
    for first, second in sorted(points):
        if first < 1 and second < top:
            volume += (1 - first) * (top - second)
            top = second
    return volume


def run(problem, sampler, checkpoints):
    """Returns (figure, distinct points) at each of the checkpoints."""
    study = optuna.create_study(directions=["minimize"] * (2 if problem is chan6mo else 1), sampler=sampler)
    points, seen, reached = [], set(), []
    for number in range(1, checkpoints[-1] + 1):
        trial = study.ask()
        points.append(problem(trial))
        study.tell(trial, points[-1])
        seen.add(tuple(sorted(trial.params.items())))
        if number in checkpoints:
            value = hypervolume(points) if problem is chan6mo else min(point[0] for point in points)
            reached.append((value, len(seen)))
    return reached


def main():
    seeds, checkpoints = int(sys.argv[1]), [int(text) for text in sys.argv[2].split(",")]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for problem in PROBLEMS:
        for name in samplers(0):
            start = time.process_time()
            runs = [run(problem, samplers(seed)[name], checkpoints) for seed in range(seeds)]
            per_trial = (time.process_time() - start) / seeds / checkpoints[-1]
            for i, trials in enumerate(checkpoints):
                values = [reached[i][0] for reached in runs]
                error = statistics.stdev(values) / math.sqrt(seeds) if seeds > 1 else 0.0
                print(json.dumps({"problem": problem.__name__, "source": f"Optuna {optuna.__version__}", "sampler": name,
                                  "lag": 1, "trials": trials, "mean": statistics.fmean(values), "error": error,
                                  "distinct": statistics.fmean(reached[i][1] for reached in runs),
                                  "ask_us": per_trial * 1e6}), flush=True)


if __name__ == "__main__":
    main()
