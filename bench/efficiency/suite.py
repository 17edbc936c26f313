"""How good the best trial is after so many trials: lathe's samplers beside Optuna's, on six synthetic problems with exact
optima and on measured tables (where --tables names their folder).

Figures are means over seeds with standard errors. Optuna's are recorded (recorded.csv: 50 seeds, one worker, so lag 1) or,
with --peer SEEDS, measured in the same run with Debian's python3-optuna. Ours are measured at --lag, the default of lathe
search: trial t knows the results of trials 0 .. t - lag only.

Two more problems have points that fail (half of them). There every sampler is compared, seed by seed, with random search
and with itself where it is told nothing of the points that failed, as lathe did before it told them."""

import csv
import json
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["python3-optuna", "libeigen3-dev"]
TARGETS = ["efficiency_bench"]
TABLES = HERE.parent.parent.parent / "shared/peers/tables"
TRAINED = HERE.parent.parent / "data/tables"  # made by lathe table
LAG_PROBLEMS = ["nk12", "chan6", "int8"]
CHECKPOINTS = [50, 100, 200]
LABELS = {"nsgaii:population_size = 20": "nsgaii-20", "tpe:multivariate = false": "tpe-uni",
          "tpe:multivariate = true": "tpe-mv", "tpe:group = true": "tpe-mvgroup"}
CONTENDERS = ["random", "qmc", *LABELS, "nsgaii", "evolution", "gp", "auto"]
NAMESAKES = {"random": "random", "tpe-mv": "tpe-mv", "tpe-mvgroup": "tpe-mvgroup", "tpe-uni": "tpe-uni",
             "nsgaii": "nsga2-50", "nsgaii-20": "nsga2-20"}
FAILING_CONTENDERS = ["random", *LABELS, 'tpe:revision = "3.1"', "nsgaii", "nsgaiii", "evolution", "gp"]
MOST_OVER_RANDOM = 2.0  # points of failures that a sampler may have more than random search
HEADINGS = ["problem", "from", "sampler", "lag", "trials", "mean", "error", "distinct", "us per ask", "failed", "over random", "gain"]
WIDTHS = [18, 18, 14, 6, 8, 12, 10, 10, 12, 8, 14, 18]


def add_arguments(parser):
    parser.add_argument("--seeds", type=int, default=50, help="seeds 0, 1, ... of ours")
    parser.add_argument("--lag", type=int, default=4, help="of ours")
    parser.add_argument("--lags", default="1,8,16", help=f"lags at which auto is measured on {LAG_PROBLEMS}; empty: none")
    parser.add_argument("--trials", type=int, default=200, help="500: adds figures at 500 trials")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="NAME or NAME:key = value, with commas between")
    parser.add_argument("--failing", action="store_true", help="the problems with points that fail alone")
    parser.add_argument("--peer", type=int, default=0, metavar="SEEDS", help="run python3-optuna too")
    parser.add_argument("--tables", default=str(TABLES), help="folder of measured tables; skipped where absent")


def ours(build, contenders, lag, arguments, tables=None, problems=None):
    points = [point for point in [*CHECKPOINTS, 500] if point <= arguments.trials]
    command = [build / "bench/efficiency/efficiency_bench", *contenders, "--lag", str(lag), "--seeds", str(arguments.seeds),
               "--checkpoints", ",".join(map(str, points))]
    if tables:
        command += ["--tables", tables]
    if problems:
        command += ["--problems", ",".join(problems)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            problem, sampler, trials, mean, error, distinct, ask_us = line.rstrip("\n").split("\t")
            yield row(problem, "exact" if sampler == "optimum" else "lathe", LABELS.get(sampler, sampler),
                      lag, int(trials), float(mean), float(error), float(distinct), float(ask_us))
    if program.returncode != 0:
        raise SystemExit("efficiency_bench failed")


def each_seed(build, arguments, untold):
    """Returns {(problem, sampler, trials): [(value, share of failures in %, us per ask) of each seed]} and the optima."""
    points = [point for point in CHECKPOINTS if point <= arguments.trials]
    command = [build / "bench/efficiency/efficiency_bench", *FAILING_CONTENDERS, "--failing", "--each-seed", "--lag", str(arguments.lag),
               "--seeds", str(arguments.seeds), "--checkpoints", ",".join(map(str, points)), *(["--untold"] if untold else [])]
    found, optima = {}, {}
    for line in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        problem, sampler, trials, seed, value, failed, ask_us = line.split("\t")
        if sampler == "optimum":
            optima[problem] = float(seed)
            continue
        measured = (float(value), 100 * int(failed) / int(trials), float(ask_us))
        found.setdefault((problem, LABELS.get(sampler, sampler), int(trials)), []).append(measured)
    return found, optima


def paired(differences):
    """Returns the mean and half of its 95 % interval."""
    spread = statistics.stdev(differences) if len(differences) > 1 else 0.0
    return statistics.fmean(differences), 1.96 * spread / len(differences) ** 0.5


def failing(build, arguments):
    """Yields the rows of the problems with points that fail."""
    told, optima = each_seed(build, arguments, False)
    untold, _ = each_seed(build, arguments, True)
    for problem, optimum in optima.items():
        yield row(problem, "exact", "optimum", arguments.lag, 0, optimum, 0.0, None, None)
    for (problem, sampler, trials), seeds in told.items():
        before = untold[problem, sampler, trials]
        sign = 1 if problem.endswith("mo") else -1
        values = [value for value, _, _ in seeds]
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        entry = row(problem, "lathe", sampler, arguments.lag, trials, statistics.fmean(values), error, None,
                    statistics.median(cost for _, _, cost in seeds))
        entry["failed"] = statistics.fmean(share for _, share, _ in seeds)
        entry["failed_untold"] = statistics.fmean(share for _, share, _ in before)
        entry["over_random"] = paired([a[1] - b[1] for a, b in zip(seeds, told[problem, "random", trials])])
        entry["gain"] = paired([sign * (a[0] - b[0]) for a, b in zip(seeds, before)])
        yield entry


def row(problem, source, sampler, lag, trials, mean, error, distinct, ask_us):
    return {"suite": "efficiency", "problem": problem, "from": source, "sampler": sampler, "lag": lag, "trials": trials,
            "mean": mean, "error": error, "distinct": distinct, "ask_us": ask_us}


def recorded(limit):
    with open(HERE / "recorded.csv", newline="", encoding="ascii") as file:
        for entry in csv.DictReader(file):
            if int(entry["trials"]) <= limit:
                distinct = float(entry["distinct"]) if entry["distinct"] else None
                yield row(entry["problem"], entry["peer"] + " (recorded)", entry["sampler"], 1, int(entry["trials"]),
                          float(entry["mean"]), float(entry["standard_error"]), distinct, None)


def peer(arguments):
    points = [str(point) for point in CHECKPOINTS if point <= arguments.trials]
    command = ["/usr/bin/python3", HERE / "optuna_peer.py", str(arguments.peer), ",".join(points)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            yield row(**json.loads(line))


def run(build, arguments):
    """Yields one row per problem, sampler and number of trials."""
    yield from failing(build, arguments)
    if arguments.failing:
        return
    yield from ours(build, arguments.contenders.split(","), arguments.lag, arguments)
    for lag in filter(None, arguments.lags.split(",")):
        yield from (entry for entry in ours(build, ["auto"], int(lag), arguments, None, LAG_PROBLEMS) if entry["from"] == "lathe")
    yield from recorded(arguments.trials)
    if arguments.peer:
        yield from peer(arguments)
    yield from ours(build, arguments.contenders.split(","), arguments.lag, arguments, TRAINED)
    if arguments.tables and pathlib.Path(arguments.tables).is_dir():
        yield from ours(build, arguments.contenders.split(","), arguments.lag, arguments, arguments.tables)


def cells(entry):
    def show(value, digits):
        return "-" if value is None else f"{value:.{digits}f}"

    return [entry["problem"], entry["from"], entry["sampler"], str(entry["lag"]), str(entry["trials"]),
            show(entry["mean"], 4), show(entry["error"], 4), show(entry["distinct"], 0), show(entry["ask_us"], 0),
            show(entry.get("failed"), 1), interval(entry.get("over_random"), 1), interval(entry.get("gain"), 4)]


def interval(pair, digits):
    return "-" if pair is None else f"{pair[0]:+.{digits}f} +- {pair[1]:.{digits}f}"


def failing_table(rows):
    """Returns the lines of the problems with points that fail."""
    rows = [entry for entry in rows if "failed" in entry]
    lines = ["", "Points that fail: share of the trials that failed; the same less that of random search (goal: at most "
             f"{MOST_OVER_RANDOM:g} points more,", "with the 95 % interval); share where the sampler is told nothing of failures, as before; the best value "
             "(hypervolume);", "what telling gains of it, paired by seed (95 % interval; goal: not below 0). `auto` picks `gp` here.", "",
             "| problem | sampler | n | failed % | over random | untold % | value | gain | goals |", "|---|---|---:|---:|---:|---:|---:|---:|---|"]
    for entry in rows:
        few = entry["over_random"][0] + entry["over_random"][1] <= MOST_OVER_RANDOM
        as_good = entry["gain"][0] + entry["gain"][1] >= 0
        held = "-" if entry["sampler"] == "random" else "both" if few and as_good else "failures" if few else "value" if as_good else "none"
        lines.append(f"| {entry['problem']} | {entry['sampler']} | {entry['trials']} | {entry['failed']:.1f} | "
                     f"{interval(entry['over_random'], 1)} | {entry['failed_untold']:.1f} | {entry['mean']:.4f} ({entry['error']:.4f}) | "
                     f"{interval(entry['gain'], 4)} | {held} |")
    return lines


def section(problem, rows):
    """Returns the lines of one problem's table."""
    optimum = next(entry["mean"] for entry in rows if entry["from"] == "exact")
    points = sorted({entry["trials"] for entry in rows if entry["from"] != "exact"})
    larger = problem.endswith("mo")
    what = "hypervolume, larger is better" if larger else "best value, smaller is better"
    lines = ["", f"**{problem}** ({what}; exact {'front' if larger else 'optimum'} {optimum:.5g})", "",
             "| from | sampler | lag | " + " | ".join(f"n={point}" for point in points) +
             " | distinct of 200 | us per ask |", "|---|---|---:|" + "---:|" * (len(points) + 2)]
    contenders = dict.fromkeys((entry["from"], entry["sampler"], entry["lag"]) for entry in rows if entry["from"] != "exact")
    for source, sampler, lag in contenders:
        mine = {entry["trials"]: entry for entry in rows
                if (entry["from"], entry["sampler"], entry["lag"]) == (source, sampler, lag)}
        values = [f"{mine[point]['mean']:.4f} ({mine[point]['error']:.4f})" if point in mine else "-" for point in points]
        last = mine.get(200, {})
        lines.append(f"| {source} | {sampler} | {lag} | " + " | ".join(values) +
                     f" | {shown(last.get('distinct'))} | {shown(last.get('ask_us'))} |")
    return lines


def shown(value):
    return "-" if value is None else f"{value:,.0f}"


def compared(rows, sampler, others):
    """Yields (problem, our row, the best other row, difference in standard errors) at 200 trials and the default lag."""
    for problem in dict.fromkeys(entry["problem"] for entry in rows):
        sign = -1 if problem.endswith("mo") else 1
        at_200 = [entry for entry in rows if entry["problem"] == problem and entry["trials"] == 200]
        own = [entry for entry in at_200 if (entry["from"], entry["sampler"], entry["lag"]) == ("lathe", sampler, 4)]
        rivals = [entry for entry in at_200 if "recorded" in entry["from"] and entry["sampler"] in others]
        if own and rivals:
            best = min(rivals, key=lambda entry: sign * entry["mean"])
            error = (own[0]["error"] ** 2 + best["error"] ** 2) ** 0.5
            yield problem, own[0], best, sign * (best["mean"] - own[0]["mean"]) / error


def verdicts(rows):
    """Says by how many standard errors ours beat Optuna's rows at 200 trials."""
    everything = {entry["sampler"] for entry in rows if "recorded" in entry["from"]}
    lines = ["", "At 200 trials, ours at lag 4 against recorded rows (lag 1); the difference is in standard errors of both together,",
             "above 0 where ours is better. `auto` against the best of Optuna's rows:", "",
             "| problem | auto | best of Optuna | difference |", "|---|---:|---|---:|"]
    for problem, own, best, difference in compared(rows, "auto", everything):
        lines.append(f"| {problem} | {own['mean']:.4f} ({own['error']:.4f}) | {best['from'].removesuffix(' (recorded)')} "
                     f"{best['sampler']} {best['mean']:.4f} ({best['error']:.4f}) | {difference:.1f} |")
    problems = list(dict.fromkeys(entry["problem"] for entry in rows if "recorded" in entry["from"]))
    lines += ["", "Each sampler against the better of Optuna's two versions of its name:", "",
              "| sampler | " + " | ".join(problems) + " |", "|---|" + "---:|" * len(problems)]
    for sampler, name in NAMESAKES.items():
        found = {problem: difference for problem, _, _, difference in compared(rows, sampler, {name})}
        lines.append(f"| {sampler} | " + " | ".join(f"{found[p]:.1f}" if p in found else "-" for p in problems) + " |")
    return lines


def lag_table(rows):
    """Returns the lines that say what lag costs auto."""
    own = [entry for entry in rows if entry["from"] == "lathe" and entry["sampler"] == "auto" and entry["trials"] == 200]
    lags = sorted({entry["lag"] for entry in own})
    problems = [problem for problem in LAG_PROBLEMS if any(entry["problem"] == problem for entry in own)]
    if len(lags) < 2:
        return []
    lines = ["", "What lag costs: `auto` at 200 trials.", "",
             "| lag | " + " | ".join(problems) + " |", "|---:|" + "---:|" * len(problems)]
    for lag in lags:
        found = {entry["problem"]: entry for entry in own if entry["lag"] == lag}
        lines.append(f"| {lag} | " + " | ".join(f"{found[p]['mean']:.4f} ({found[p]['error']:.4f})" if p in found else "-"
                                               for p in problems) + " |")
    return lines


def markdown(rows):
    lines = ["Mean over seeds (standard error). Microseconds per ask (with announce and tell): median of processor time over the",
             "first 200 trials. Recorded rows were measured elsewhere by others with one worker, which knows all results (lag 1);",
             "50 seeds."]
    lines += failing_table(rows)
    rows = [entry for entry in rows if entry["problem"] not in {other["problem"] for other in rows if "failed" in other}]
    if not rows:
        return lines
    lines += verdicts(rows) + lag_table(rows)
    for problem in dict.fromkeys(entry["problem"] for entry in rows):
        lines += section(problem, [entry for entry in rows if entry["problem"] == problem])
    return lines
