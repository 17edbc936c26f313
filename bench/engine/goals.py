"""What the engine suite is held against: goals of issue 4, and the rates of libtorch where the goals were set."""

PEAK_THEN = 118.1  # GFLOP/s of a core there
JSC, JSC_X6, HLS4ML = "jsc-three-linear-layers", "jsc-three-linear-layers-x6", "16-64-32-32-5"

# Steps per second of libtorch C++ with OpenBLAS, one thread, on that machine.
LIBTORCH_THEN = {
    JSC: {8: 4216, 128: 3490, 512: 2529, 4096: 631},
    HLS4ML: {8: 4247, 128: 3418, 512: 1916, 4096: 365},
    JSC_X6: {8: 3581, 128: 2551, 512: 1239, 4096: 187},
}
VOID_BELOW = 0.8

# Times libtorch: goal and the least.
LIBTORCH_RATIOS = {(JSC, 8): (300, 250), (JSC, 128): (40, 35), (JSC, 512): (15, 13)}
PEAK_SHARES = {(HLS4ML, 512): 0.8}
QUANTISED_SHARE = 0.6  # of the float rate
EVALUATION_RATIO = 2.4  # times the training rate
TWO_TRIALS_RATIO = 1.9  # times one trial's
WIDTH_COST = 1.1  # of the next multiple of 16
NEIGHBOUR_BAND = (1 / 1.2, 1.2)  # useful FLOP/s of a multiple of 16 up to 128 against the one before


def libtorch_health(case, batch, rate, peak):
    """Returns libtorch's rate as a share of what it reached there, per FMA peak; None where that is not known."""
    then = LIBTORCH_THEN.get(case, {}).get(batch)
    return None if then is None else rate / (then * peak / PEAK_THEN)


def verdict(value, goal, least=None):
    if value >= goal:
        return f">= {goal:g}: met"
    if least is not None:
        return f">= {goal:g}: missed; >= {least:g}: {'met' if value >= least else 'missed'}"
    return f">= {goal:g}: missed"


def libtorch_verdict(case, batch, ratio, health):
    void = health is not None and health < VOID_BELOW
    state = "" if health is None else f"libtorch at {100 * health:.0f} % of its rate there"
    if (case, batch) not in LIBTORCH_RATIOS:
        return state
    words = verdict(ratio, *LIBTORCH_RATIOS[case, batch])
    return f"{words}; {'VOID: ' if void else ''}{state}"
