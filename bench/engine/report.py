"""The engine suite's section of docs/performance.md."""

import textwrap

INTRODUCTIONS = {
    "machine": "What the core can do, measured in the same run: fused multiply-adds in registers, and reading 256 MiB.",
    "steps": "Training steps against the peers, medians of alternating chunks (--quick, --fastest: the fastest); a ratio "
             "above 1: we are better. Against the FMA peak the ratio is the useful share of it. Of oneDNN only the matrix "
             "products are run: no data, loss or optimiser.",
    "ratios": "Our own rates against each other.",
    "widths": "Hidden widths W of 16-W-W-5: the worst of each sixteen against the multiple of 16 above it (time per "
              "sample), and each multiple against the one before (useful FLOP/s).",
    "batches": "Batch sizes.",
}


def worst_of_blocks(rows):
    """Leaves of each sixteen widths the one that costs most, with the number of those that cost too much."""
    blocks = {}
    for row in rows:
        key = row["peer"] if row["peer"].endswith(": cost") else row["case"] + row["peer"]
        blocks.setdefault(key, []).append(row)
    for block in blocks.values():
        yield max(block, key=lambda row: row["ratio"])


def table(rows, headings, cells):
    picked = [i for i, heading in enumerate(headings) if heading != "part"]
    yield "| " + " | ".join(headings[i] for i in picked) + " |"
    yield "|" + "---|" * len(picked)
    for row in rows:
        values = cells(row)
        yield "| " + " | ".join(values[i] for i in picked) + " |"


def summary(rows):
    costs = [row for row in rows if row["peer"].endswith(": cost")]
    if not costs:
        return []
    over = [row for row in costs if row["wanted"].endswith("missed")]
    worst = max(costs, key=lambda row: row["ratio"])
    return [f"Of {len(costs)} widths {len(over)} cost more than 1.1 times the next multiple of 16; the worst is "
            f"{worst['case']} with {worst['ratio']:.3g}.", ""]


def lines(rows, headings, cells):
    result = [""]
    if any(row["part"] in ("steps", "widths") for row in rows):
        result += ["![Roofline](roofline.svg)", ""]
    for part, words in INTRODUCTIONS.items():
        picked = [row for row in rows if row["part"] == part]
        if not picked:
            continue
        result += ["", *textwrap.wrap(words, 120), "", *(summary(picked) if part == "widths" else []),
                   *table(worst_of_blocks(picked) if part == "widths" else picked, headings, cells)]
    return result
