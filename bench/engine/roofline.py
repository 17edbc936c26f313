"""Draws the rows of the engine suite under the roofline of a core, as SVG text.

The roof is the lower of the measured FMA peak and the measured memory rate times the intensity: useful floating-point
operations per byte that training reads of the data (16 features, a label and an index, four bytes each)."""

import html
import math

BYTES_PER_SAMPLE = 4 * (16 + 1 + 1)
WIDTH, HEIGHT = 860, 540
LEFT, RIGHT, TOP, BOTTOM = 70, 34, 60, 60
INK, FAINT, OURS, PEER, WIDTHS_COLOUR = "#24292f", "#d8dee4", "#0969da", "#bc4c00", "#1a7f37"


class Axis:
    """Maps values to pixels, logarithmically, over whole decades."""

    def __init__(self, low, high, first, last):
        self.low, self.high = math.floor(math.log10(low)), math.ceil(math.log10(high))
        self.first, self.last = first, last

    def pixel(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def decades(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def text(x, y, words, anchor="middle", size=12, colour=INK, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{more}>'
            f"{html.escape(words)}</text>")


def line(points, colour, more=""):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}"{more}/>'


def dot(x, y, colour, filled, title):
    fill = colour if filled else "#ffffff"
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5">'
            f"<title>{html.escape(title)}</title></circle>")


def grid(x_axis, y_axis):
    for value in x_axis.decades():
        x = x_axis.pixel(value)
        yield line([(x, TOP), (x, HEIGHT - BOTTOM)], FAINT)
        yield text(x, HEIGHT - BOTTOM + 18, f"{value:g}")
    for value in y_axis.decades():
        y = y_axis.pixel(value)
        yield line([(LEFT, y), (WIDTH - RIGHT, y)], FAINT)
        yield text(LEFT - 8, y + 4, f"{value:g}", "end")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, "useful FLOP per byte of data read")
    yield text(20, (TOP + HEIGHT - BOTTOM) / 2, "useful GFLOP/s", more=f' transform="rotate(-90 20 {(TOP + HEIGHT - BOTTOM) / 2})"')


def roof(x_axis, y_axis, peak, memory):
    low, high = 10.0 ** x_axis.low, 10.0 ** x_axis.high
    ridge = peak / memory
    corner = max(low, 10.0 ** y_axis.low / memory)
    points = [(corner, corner * memory), (ridge, peak), (high, peak)]
    yield line([(x_axis.pixel(x), y_axis.pixel(y)) for x, y in points], INK, ' stroke-width="2"')
    yield text(x_axis.pixel(high) - 4, y_axis.pixel(peak) - 6, f"FMA peak {peak:.0f} GFLOP/s", "end")
    yield text(x_axis.pixel(ridge) - 12, y_axis.pixel(peak) - 6, f"memory {memory:.0f} GB/s", "end")


def value_of(rows, name):
    return next(row["ours"] for row in rows if row["part"] == "machine" and name in (row["case"], row["peer"]))


def points_of(rows, flops):
    """Yields (series, intensity, GFLOP/s, words, label)."""
    for row in rows:
        case, batch = row["case"], row["batch"]
        if row["part"] == "steps" and row["unit"] == "GFLOP/s":
            yield "ours", flops(case) / BYTES_PER_SAMPLE, row["gflops"], f"{case}, batch {batch}", str(batch)
        elif row["part"] == "steps" and row["peer"].startswith("libtorch"):
            rate = row["peer_value"] * batch * flops(case) / 1e9
            yield "libtorch", flops(case) / BYTES_PER_SAMPLE, rate, f"libtorch, {case}, batch {batch}", str(batch)
        elif row["part"] == "widths":
            yield "widths", flops(case) / BYTES_PER_SAMPLE, row["gflops"], f"{case}, batch {batch}", ""


LEGEND = [("ours", OURS, True, "lathe, three networks at batches of 8 to 4096"),
          ("widths", WIDTHS_COLOUR, True, "lathe, 16-W-W-5, W = 1 to 512, batch 512"),
          ("libtorch", PEER, False, "libtorch C++, OpenBLAS")]


def labels(points, x_axis, y_axis):
    """Yields the batch sizes beside their points, where they do not cover each other, and the networks' names below."""
    lowest = {}
    last = {}
    for series, x, y, words, label in sorted(points, key=lambda point: (point[0], point[1], point[2])):
        if not label:
            continue
        place = y_axis.pixel(y)
        if abs(last.get((series, x), -100) - place) >= 11:
            last[series, x] = place
            anchor, shift = ("start", 8) if series == "ours" else ("end", -8)
            yield text(x_axis.pixel(x) + shift, place + 4, label, anchor, 10)
        name = words.removeprefix("libtorch, ").split(",")[0]
        lowest[name] = (x, max(place, lowest.get(name, (x, 0))[1]))
    for name, (x, place) in lowest.items():
        yield text(x_axis.pixel(x), place + 20, name, size=11)


def legend():
    for index, (_, colour, filled, words) in enumerate(LEGEND):
        y = HEIGHT - BOTTOM - 16 - 20 * (len(LEGEND) - 1 - index)
        yield dot(WIDTH - 330, y, colour, filled, words)
        yield text(WIDTH - 318, y + 4, words, "start")


def picture(rows, flops):
    """Returns the SVG text of the rows of a run of the suite."""
    peak, memory = value_of(rows, "FMA peak of the core"), value_of(rows, "reading memory")
    points = list(points_of(rows, flops))
    x_axis = Axis(1, max([1000, *[point[1] for point in points]]), LEFT, WIDTH - RIGHT)
    y_axis = Axis(min([1, *[point[2] for point in points]]), peak, HEIGHT - BOTTOM, TOP)
    style = {name: (colour, filled) for name, colour, filled, _ in LEGEND}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
             text(WIDTH / 2, 28, "Training on one core under its roofline", size=16),
             *grid(x_axis, y_axis), *roof(x_axis, y_axis, peak, memory)]
    parts += [dot(x_axis.pixel(x), y_axis.pixel(y), *style[series], f"{words}: {y:.1f} GFLOP/s")
              for series, x, y, words, _ in points]
    return "\n".join([*parts, *labels(points, x_axis, y_axis), *legend(), "</svg>"]) + "\n"
