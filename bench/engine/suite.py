"""The dense engine against its peers and against the peak of the core, one thread each, in alternating chunks.

Rates are per second of processor time, so that other programs disturb them little; two trials at once are measured by wall
time. Useful floating-point operations are those of the linear layers without padding: 2 x inputs x outputs forward, twice
that backward, without the gradient of the network's input."""

import os
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import goals  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import roofline  # noqa: E402

PACKAGES = ["libtorch-dev", "libopenblas0-pthread", "python3-torch", "libdnnl-dev"]
TARGETS = ["engine_bench_lathe", "engine_bench_libtorch", "engine_bench_onednn"]
CASES = [goals.JSC, goals.HLS4ML, goals.JSC_X6]
BATCHES = [8, 128, 512, 4096]
QUANTISED = [(4, 4), (6, 6), (8, 8), (4, 8)]  # bits of weights and of activations
PARTS = ["steps", "ratios", "widths", "batches"]
MOST_WIDTH = 512
QUICK_WIDTHS = [1, 3, 5, 8, 12, 15, 17, 20, 24, 31, 33, 40, 47, 56, 65, 72, 79, 97, 111, 120, 127, 129, 200, 257, 400, 511]

HEADINGS = ["part", "case", "batch", "against", "ours", "other", "unit", "ratio", "GFLOP/s", "peak", "wanted"]
WIDTHS = [8, 40, 7, 26, 11, 11, 11, 8, 9, 7, 40]


def add_arguments(parser):
    parser.add_argument("--quick", action="store_true", help="short chunks, their fastest, libtorch the only peer, few widths")
    parser.add_argument("--fastest", action="store_true",
                        help="take the fastest chunk of each instead of the median: for a busy machine")
    parser.add_argument("--only", metavar="PARTS", default=",".join(PARTS),
                        help=f"parts to run, a comma between: {', '.join(PARTS)} (all)")
    parser.add_argument("--case", action="append", choices=CASES, help="networks of steps, ratios and batches (all)")
    parser.add_argument("--no-peers", action="store_true", help="measure against the peak alone")
    parser.add_argument("--picture", metavar="FILE", help="write the roofline as SVG; beside FILE of --markdown by default")


class Plan:
    """What is measured for how long."""

    def __init__(self, arguments):
        self.quick = arguments.quick
        self.fastest = self.quick or arguments.fastest
        self.rounds = 5 if self.quick else 9
        self.seconds = 0.06 if self.quick else 0.25
        self.cases = arguments.case or CASES
        self.batches = [8, 128, 512] if self.quick else BATCHES
        self.peers = 0 if arguments.no_peers else 1 if self.quick else 3

    def typical(self, column):
        """Returns the rate that a column of rounds stands for."""
        return max(column) if self.fastest else statistics.median(column)

    def ratio(self, column, other):
        return max(column) / max(other) if self.fastest else programs.median_ratio(column, other)


def linear_sizes(case):
    jsc = {goals.JSC: [16, 16, 16, 5], goals.JSC_X6: [16, 96, 96, 5]}
    case = case.split(":")[0]
    widths = jsc.get(case) or [int(width) for width in case.split("-")]
    return list(zip(widths, widths[1:])), case in jsc


def flops(case):
    """Returns the useful floating-point operations of training on one sample."""
    sizes, batch_norm_before = linear_sizes(case)
    total = 6 * sum(inputs * outputs for inputs, outputs in sizes)
    return total if batch_norm_before else total - 2 * sizes[0][0] * sizes[0][1]


def row(part, case, batch, against, ours, other, unit, ratio, gflops=None, peak=None, wanted="", threads=1):
    return {"suite": "engine", "part": part, "case": case, "batch": batch, "threads": threads, "peer": against,
            "ours": ours, "peer_value": other, "unit": unit, "ratio": ratio, "gflops": gflops,
            "share": gflops / peak if peak else None, "wanted": wanted}


def measure_steps(ours, peers, plan, case, batch):
    """Yields a row for each peer and one against the peak, from the same alternating chunks."""

    def rate(program):
        return lambda: program.rate("train", case, batch, plan.seconds)

    columns = programs.alternate(plan.rounds, rate(ours), lambda: ours.rate("peak", "-", 0, plan.seconds / 2),
                                 *[rate(program) for _, program in peers])
    own, peak = plan.typical(columns[0]), plan.typical(columns[1]) / 1e9
    gflops = own * flops(case) / 1e9
    for (name, _), column in zip(peers, columns[2:]):
        theirs, ratio = plan.typical(column), plan.ratio(columns[0], column)
        wanted = ""
        if name.startswith("libtorch"):
            wanted = goals.libtorch_verdict(case, batch, ratio, goals.libtorch_health(case, batch, theirs / batch, peak))
        yield row("steps", case, batch, name, own / batch, theirs / batch, "steps/s", ratio, gflops, peak, wanted)
    share = plan.ratio(columns[0], columns[1]) * flops(case)
    goal = goals.PEAK_SHARES.get((case, batch))
    yield row("steps", case, batch, "FMA peak of the core", gflops, peak, "GFLOP/s", share, gflops, peak,
              goals.verdict(share, goal) if goal else "")


def run_steps(build, ours, plan):
    peers = list(programs.peers(build, plan.peers))
    for case in plan.cases:
        for batch in plan.batches:
            yield from measure_steps(ours, peers, plan, case, batch)
    for _, program in peers:
        program.close()


def compare(ours, plan, case, batch, task, base, words, goal, unit="samples/s"):
    """Returns the row of one of our rates, (task, network), against another."""
    columns = programs.alternate(plan.rounds, *[lambda task=task, network=network: ours.rate(task, network, batch, plan.seconds)
                                                for task, network in (task, base)])
    ratio = plan.ratio(*columns)
    return row("ratios", case, batch, words, plan.typical(columns[0]), plan.typical(columns[1]), unit, ratio,
               wanted=goals.verdict(ratio, goal) if goal else "")


def measure_two_trials(ours, plan, case, batch):
    """Yields two trials at once against one: by wall time, and by processor time (what two free cores would give)."""
    load = os.getloadavg()[0]
    both = programs.alternate(plan.rounds, lambda: ours.rates("trials-2", case, batch, 4 * plan.seconds),
                              lambda: ours.rates("trials-1", case, batch, 2 * plan.seconds))
    state = "" if load < 1.5 else f" (load average {load:.1f}: not a quiet machine)"
    for index, name in ((1, "wall time"), (0, "processor time")):
        two, one = [[rates[index] for rates in column] for column in both]
        if name == "processor time":
            two = [2 * rate for rate in two]
        ratio = plan.ratio(two, one)
        wanted = goals.verdict(ratio, goals.TWO_TRIALS_RATIO) + (state if name == "wall time" else "")
        yield row("ratios", f"{case}, two trials", batch, f"one trial, {name}", plan.typical(two), plan.typical(one),
                  "samples/s", ratio, threads=2, wanted=wanted)


def run_ratios(ours, plan):
    bits = QUANTISED[:2] if plan.quick else QUANTISED
    for case in plan.cases:
        for batch in [512] if plan.quick else [128, 512, 4096]:
            train = ("train", case)
            for weights, data in bits:
                name = f"{case}:w{weights}a{data}"
                yield compare(ours, plan, name, batch, ("train", name), train, "the same in float", goals.QUANTISED_SHARE)
            yield compare(ours, plan, f"{case}, evaluation", batch, ("evaluate", case), train, "training",
                          goals.EVALUATION_RATIO)
            name = f"{case}:w6a6"
            yield compare(ours, plan, f"{name}, evaluation", batch, ("evaluate", name), ("train", name),
                          "its training", None)
            yield compare(ours, plan, f"{case}, epochs of train()", batch, ("epoch", case), train, "bare steps", None)
        yield from measure_two_trials(ours, plan, case, 512)


def square(width):
    return f"16-{width}-{width}-5"


def measure_widths(ours, plan, widths, batch=512):
    """Returns the rates (samples/s) of the widths: a list of rounds for each. The last width is the one compared with."""
    seconds = 0.03 if plan.quick else 0.05
    rounds = 3 if plan.quick else 5
    columns = programs.alternate(rounds, *[lambda width=width: ours.rate("train", square(width), batch, seconds)
                                           for width in widths])
    return dict(zip(widths, columns))


def width_rows(plan, rates, top, peak):
    """Yields a row per width of a block of sixteen: what it costs against the widest of the block."""
    for width, column in rates.items():
        if width == top:
            continue
        cost = plan.ratio(rates[top], column)
        state = "met" if cost <= goals.WIDTH_COST else "missed"
        rate = plan.typical(column)
        yield row("widths", square(width), 512, f"width {top}: cost", rate, plan.typical(rates[top]), "samples/s",
                  cost, rate * flops(square(width)) / 1e9, peak, f"<= {goals.WIDTH_COST:g}: {state}")


def neighbour_row(top, rate, before, peak):
    gflops = rate * flops(square(top)) / 1e9
    if before is None:
        return row("widths", square(top), 512, "-", rate, rate, "samples/s", 1.0, gflops, peak)
    low, high = goals.NEIGHBOUR_BAND
    ratio = gflops / before
    wanted = ""
    if top <= 128:
        wanted = f"{low:.2f} to {high:g}: {'met' if low <= ratio <= high else 'missed'}"
    return row("widths", square(top), 512, f"width {top - 16}: FLOP/s", gflops, before, "GFLOP/s", ratio, gflops, peak,
               wanted)


def run_widths(ours, plan):
    peak = ours.rate("peak", "-", 0, 0.3) / 1e9
    before = None
    for top in range(16, MOST_WIDTH + 1, 16):
        block = [width for width in range(top - 15, top) if not plan.quick or width in QUICK_WIDTHS]
        if plan.quick and not block and top > 128:
            before = None
            continue
        rates = measure_widths(ours, plan, [*block, top])
        yield from width_rows(plan, rates, top, peak)
        result = neighbour_row(top, plan.typical(rates[top]), before, peak)
        before = result["gflops"]
        yield result


def run_batches(ours, plan):
    sizes = [1, 8, 64, 512, 8192] if plan.quick else [1, 2, 4, 8, 16, 32, 64, 65, 100, 128, 256, 512, 1000, 1024, 2048, 4096, 8192]
    for case in plan.cases:
        columns = programs.alternate(3, lambda: ours.rate("peak", "-", 0, plan.seconds / 2),
                                     *[lambda batch=batch: ours.rate("train", case, batch, plan.seconds / 2)
                                       for batch in sizes])
        peak, *rates = map(plan.typical, columns)
        for batch, rate in zip(sizes, rates):
            gflops = rate * flops(case) / 1e9
            yield row("batches", case, batch, "FMA peak of the core", gflops, peak / 1e9, "GFLOP/s", gflops / peak * 1e9,
                      gflops, peak / 1e9)


def measure_memory(ours):
    rate = max(ours.rate("memory", "-", 0, 0.3) for _ in range(3)) / 1e9
    return row("machine", "reading memory", "-", "-", rate, rate, "GB/s", 1.0)


def run(build, arguments):
    """Yields the rows of the parts asked for."""
    plan = Plan(arguments)
    ours = programs.lathe(build)
    steps = {"steps": lambda: run_steps(build, ours, plan), "ratios": lambda: run_ratios(ours, plan),
             "widths": lambda: run_widths(ours, plan), "batches": lambda: run_batches(ours, plan)}
    asked = arguments.only.split(",")
    if unknown := set(asked) - set(PARTS):
        sys.exit(f"--only: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    peak = max(ours.rate("peak", "-", 0, 0.2) for _ in range(3)) / 1e9
    yield row("machine", f"SIMD target {programs.simd_target(build)}", "-", "FMA peak of the core", peak, peak, "GFLOP/s", 1.0)
    yield measure_memory(ours)
    for part in PARTS:
        if part in asked:
            yield from steps[part]()
    ours.close()


def number(value):
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def cells(one):
    share = "" if one["share"] is None else f"{100 * one['share']:.0f} %"
    gflops = "" if one["gflops"] is None else f"{one['gflops']:.1f}"
    return [one["part"], one["case"], str(one["batch"]), one["peer"], number(one["ours"]), number(one["peer_value"]),
            one["unit"], f"{one['ratio']:.3g}", gflops, share, one["wanted"]]


def finish(rows, arguments):
    """Draws the roofline where it was asked for. Called by bench/run when all rows are there."""
    path = arguments.picture
    if path is None and arguments.markdown:
        path = pathlib.Path(arguments.markdown).with_name("roofline.svg")
    if path is not None:
        pathlib.Path(path).write_text(roofline.picture(rows, flops), encoding="utf-8")


def markdown(rows):
    return report.lines(rows, HEADINGS, cells)
