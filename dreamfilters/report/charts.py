"""The geometry of a chart: bars, lines and ticks as a page draws them in SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dreamfilters.evidence.scan.histograms import Histogram

if TYPE_CHECKING:  # it imports Keras
    from dreamfilters.comparison.measures.measure import HistogramPart, LinePart

WIDTH, HEIGHT = 480, 190  # of a drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 12, 26  # margins around the plot
_BARS = 56  # over the whole width
_FEWEST = 8  # bars of real images, however narrow their share of the width
_TICKS = 5
_LONGEST = 12  # letters of a layer's name under a chart


@dataclass(frozen=True)
class Tick:
    """A value on an axis: its position in the drawing and its text; `full` is the whole name."""

    position: float
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
class PlacedMark:
    """A marked value: its style, its name in the legend, the value, and its position in the drawing."""

    kind: str
    label: str
    value: float
    position: float


@dataclass(frozen=True)
class BarChart:
    """A histogram with counts on a logarithmic scale, so that one image among thousands is visible."""

    bars: tuple[Bar, ...]
    marks: tuple[PlacedMark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True)
class LineSeries:
    """A line: its style, its uninterrupted pieces as SVG points, and its dots."""

    kind: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LineChart:
    """Lines over named points."""

    lines: tuple[LineSeries, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def bar_chart(part: HistogramPart) -> BarChart:
    """Return the histogram with its marked values; the axis covers both.

    Each bar covers whole bins of the histogram, so that it stands for an exact number of images.
    """
    histogram = part.histogram
    marks = [mark for mark in part.marks if math.isfinite(mark.value)]
    values = [*([histogram.low, histogram.high] if math.isfinite(histogram.low) else []), *(one.value for one in marks)]
    low, high = _widened(min(values, default=0.0), max(values, default=1.0))
    edges, counts = _rebinned(histogram, low, high)
    most = max(1.0, float(counts.max(initial=0)))
    bottom = HEIGHT - _BOTTOM
    heights = [(bottom - _TOP) * math.log1p(count) / math.log1p(most) for count in counts]
    positions = [_across(edge, low, high) for edge in edges]
    bars = [
        Bar(_short(left), _short(bottom - height), _short(max(right - left - 0.6, 0.6)), _short(height))
        for left, right, height in zip(positions, positions[1:], heights, strict=False)
        if height > 0
    ]
    powers = [10**power for power in range(math.floor(math.log10(most)) + 1)]
    up = [Tick(_short(bottom - (bottom - _TOP) * math.log1p(count) / math.log1p(most)), str(count)) for count in powers]
    placed = [PlacedMark(one.kind, one.label, one.value, _short(_across(one.value, low, high))) for one in marks]
    across = [Tick(_short(_across(value, low, high)), text) for value, text in ticks(low, high)]
    return BarChart(tuple(bars), tuple(placed), tuple(across), tuple(up))


def line_chart(part: LinePart) -> LineChart:
    """Return the lines over their points."""
    known = [value for line in part.lines.values() for value in line if value is not None]
    low, high = min([0.0, *known]), max([0.1, *known])
    gap = (WIDTH - _LEFT - _RIGHT) / len(part.points)
    positions = [_LEFT + gap * (number + 0.5) for number in range(len(part.points))]
    lines = tuple(_line(kind, positions, line, low, high) for kind, line in part.lines.items())
    across = tuple(Tick(_short(x), shortened(name), name) for x, name in zip(positions, part.points, strict=True))
    up = tuple(Tick(_short(_up(value, low, high)), text) for value, text in ticks(low, high))
    return LineChart(lines, across, up)


@dataclass(frozen=True)
class ChangeBar:
    """A bar from zero to a change: where it is drawn, the ends of its interval, and what it shows."""

    bar: Bar
    middle: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class ChangeChart:
    """Changes as bars from zero with their intervals, over a band of reference values, None for none."""

    bars: tuple[ChangeBar, ...]
    zero: float
    band: Bar | None
    up: tuple[Tick, ...]


def change_chart(changes: Sequence[tuple[str, float, float, float]], reference: Sequence[float] = ()) -> ChangeChart:
    """Return a bar for each (name, change, low, high), in this order.

    Args:
        changes: the interval of each change is from low to high; numbers that are not finite are left out.
        reference: values whose range is drawn as a band.

    Example:
        >>> [bar.bar.height for bar in change_chart([("a", -1.0, -1.0, -1.0), ("b", -0.5, -0.5, -0.5)]).bars]
        [152.0, 76.0]
    """
    shown = [one for one in changes if all(map(math.isfinite, one[1:]))]
    values = [0.0, *(value for one in shown for value in one[1:]), *reference]
    low, high = min(values), max(values)
    low, high = (low, high) if high > low else (low - 1.0, high)
    zero, gap = _up(0.0, low, high), (WIDTH - _LEFT - _RIGHT) / max(1, len(shown))
    bars = []
    for number, (name, value, least, most) in enumerate(shown):
        x, y = _LEFT + gap * number, _up(value, low, high)
        bar = Bar(_short(x + 0.15 * gap), _short(min(y, zero)), _short(0.7 * gap), _short(abs(y - zero)))
        ends = [_short(_up(end, low, high)) for end in (least, most)]
        text = f"{name}: {value:+.4g} [{least:+.4g}, {most:+.4g}]"
        bars.append(ChangeBar(bar, _short(x + 0.5 * gap), ends[0], ends[1], text))
    band = None
    if len(reference):
        top, bottom = _up(max(reference), low, high), _up(min(reference), low, high)
        band = Bar(_LEFT, _short(top), WIDTH - _LEFT - _RIGHT, _short(max(bottom - top, 1.0)))
    up = tuple(Tick(_short(_up(value, low, high)), text) for value, text in ticks(low, high))
    return ChangeChart(tuple(bars), _short(zero), band, up)


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
    """Return a layer's name as it fits under a chart: its end, which differs between layers of a nested model."""
    return name if len(name) <= _LONGEST else "…" + name[-(_LONGEST - 1) :]


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis: slightly beyond the values, or around a single one."""
    span = high - low or abs(high) or 1.0
    return low - 0.02 * span, high + 0.02 * span


def _rebinned(histogram: Histogram, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (edges, counts) of bars that cover whole bins, as many as fit the width of the drawing."""
    filled = np.flatnonzero(histogram.counts)
    if not filled.size:
        return np.zeros(1), np.zeros(0)
    first, last = int(filled[0]), int(filled[-1]) + 1
    share = (histogram.edges[last] - histogram.edges[first]) / (high - low)
    together = max(1, round((last - first) / max(_FEWEST, _BARS * share)))
    starts = np.arange(first, last, together)
    counts = np.add.reduceat(histogram.counts[:last], starts)
    return histogram.edges[[*starts, min(starts[-1] + together, len(histogram.edges) - 1)]], counts


def _line(kind: str, positions: Sequence[float], row: Sequence[float | None], low: float, high: float) -> LineSeries:
    pieces: list[list[str]] = [[]]
    dots = []
    for x, value in zip(positions, row, strict=True):
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


def _short(position: float) -> float:
    return round(position, 2)
