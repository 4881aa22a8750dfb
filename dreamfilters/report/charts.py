"""Where the bars, lines and ticks of a chart lie; the page draws them, and nothing else is needed to see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamfilters.comparison.measures.path_similarity import PathSimilarity
from dreamfilters.evidence.scan.histograms import Histogram

WIDTH, HEIGHT = 480, 190  # of a drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 12, 26  # of the plain around the plot
_BARS = 56  # over the whole width
_FEWEST = 8  # bars of real images, however narrow their share of the width is
_TICKS = 5
_LONGEST = 12  # letters of a layer's name under a chart


@dataclass(frozen=True)
class Tick:
    """A value on an axis: its place in the drawing, and what stands there; `full` is the whole name."""

    place: float
    text: str
    full: str = ""


@dataclass(frozen=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Mark:
    """One value among many: which `kind` of line it is, its name in the legend, the value, and its place."""

    kind: str
    name: str
    value: float
    place: float = 0.0


@dataclass(frozen=True)
class BarChart:
    """A histogram: counts on a logarithmic scale, so that one image among thousands is seen."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True)
class LineSeries:
    """A line through the layers: which `kind` it is, and its points as SVG has them, each piece without a gap."""

    kind: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LineChart:
    """Lines over the layers of a network."""

    lines: tuple[LineSeries, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def bar_chart(histogram: Histogram, marks: Sequence[Mark]) -> BarChart:
    """Return the histogram with some values marked on its axis, which reaches over both.

    Each bar is of whole bins of the histogram, so it stands for so many images exactly.
    """
    known = [mark for mark in marks if math.isfinite(mark.value)]
    values = [*([histogram.low, histogram.high] if math.isfinite(histogram.low) else []), *(one.value for one in known)]
    low, high = _widened(min(values, default=0.0), max(values, default=1.0))
    edges, counts = _rebinned(histogram, low, high)
    most = max(1.0, float(counts.max(initial=0)))
    bottom = HEIGHT - _BOTTOM
    tall = [(bottom - _TOP) * math.log1p(count) / math.log1p(most) for count in counts]
    places = [_across(edge, low, high) for edge in edges]
    bars = [
        Bar(_short(left), _short(bottom - rise), _short(max(right - left - 0.6, 0.6)), _short(rise))
        for left, right, rise in zip(places, places[1:], tall, strict=False)
        if rise > 0
    ]
    powers = [10**power for power in range(math.floor(math.log10(most)) + 1)]
    up = [Tick(_short(bottom - (bottom - _TOP) * math.log1p(count) / math.log1p(most)), str(count)) for count in powers]
    placed = [Mark(one.kind, one.name, one.value, _short(_across(one.value, low, high))) for one in known]
    across = [Tick(_short(_across(value, low, high)), text) for value, text in ticks(low, high)]
    return BarChart(tuple(bars), tuple(placed), tuple(across), tuple(up))


def line_chart(path: PathSimilarity) -> LineChart:
    """Return the way of a dream through the layers, and those of its references and of unrelated images."""
    steps = path.steps
    rows = {kind: [getattr(step, kind) for step in steps] for kind in ("same", "other", "dream")}
    known = [value for row in rows.values() for value in row if value is not None]
    low, high = min([0.0, *known]), max([*known, low_end(known)])
    gap = (WIDTH - _LEFT - _RIGHT) / len(steps)
    places = [_LEFT + gap * (place + 0.5) for place in range(len(steps))]
    lines = tuple(_line(kind, places, row, low, high) for kind, row in rows.items())
    across = tuple(Tick(_short(x), shortened(step.layer), step.layer) for x, step in zip(places, steps, strict=True))
    return LineChart(
        lines, across, tuple(Tick(_short(_up(value, low, high)), text) for value, text in ticks(low, high))
    )


def low_end(values: Sequence[float]) -> float:
    """Return the least top of a scale that starts at 0."""
    return 0.1 if not values else max(0.1, min(values))


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round values from `low` to `high`, about five, with their text.

    >>> ticks(0.0, 1.0)
    [(0.0, '0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1')]
    """
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda one: abs(math.log(one / rough)))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    counts = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    texts = (f"{count * step:.{digits}f}" for count in counts)
    return [
        (round(count * step, 12), (text.rstrip("0").rstrip(".") if digits else text).replace("-", "−"))
        for count, text in zip(counts, texts, strict=True)
    ]


def shortened(name: str) -> str:
    """Return a layer's name as it fits under a chart: its end, which tells layers of a nested model apart."""
    return name if len(name) <= _LONGEST else "…" + name[-(_LONGEST - 1) :]


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis: a little beyond the values, or around the only one."""
    span = high - low or abs(high) or 1.0
    return low - 0.02 * span, high + 0.02 * span


def _rebinned(histogram: Histogram, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (edges, counts) of bars of whole bins, as many as the width of the drawing is worth."""
    filled = np.flatnonzero(histogram.counts)
    if not filled.size:
        return np.zeros(1), np.zeros(0)
    first, last = int(filled[0]), int(filled[-1]) + 1
    share = (histogram.edges[last] - histogram.edges[first]) / (high - low)
    together = max(1, round((last - first) / max(_FEWEST, _BARS * share)))
    starts = np.arange(first, last, together)
    counts = np.add.reduceat(histogram.counts[:last], starts)
    return histogram.edges[[*starts, min(starts[-1] + together, len(histogram.edges) - 1)]], counts


def _line(kind: str, places: Sequence[float], row: Sequence[float | None], low: float, high: float) -> LineSeries:
    pieces: list[list[str]] = [[]]
    dots = []
    for x, value in zip(places, row, strict=True):
        if value is None:
            pieces.append([])
            continue
        dots.append((_short(x), _short(_up(value, low, high))))
        pieces[-1].append("{},{}".format(*dots[-1]))
    return LineSeries(kind, tuple(" ".join(piece) for piece in pieces if len(piece) > 1), tuple(dots))


def _across(value: float, low: float, high: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / (high - low)


def _up(value: float, low: float, high: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * (value - low) / (high - low)


def _short(place: float) -> float:
    return round(place, 2)
