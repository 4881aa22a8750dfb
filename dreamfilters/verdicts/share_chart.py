"""An audit as a chart: the share of each verdict in each layer, one bar per layer, with the counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dreamfilters.images.panels import (
    BACKGROUND,
    BRIGHT,
    DIM,
    PLAIN,
    Color,
    Panel,
    TextLine,
    blank,
    framed,
    side_by_side,
    stacked,
    text_panel,
)
from dreamfilters.images.text import shortened, text_width
from dreamfilters.verdicts.result import Audit
from dreamfilters.verdicts.verdict import COLORS, KINDS, Kind

_BAR = 420  # pixels of a bar
_LEAST = 4  # pixels of the smallest share, so that one unit of hundreds is visible
_ROW, _THICK = 24, 14
_SIZE = 13
_LONGEST = 260  # pixels of a layer's name
_GAP = 18


def shares_chart(audit: Audit) -> Panel:
    """Return the chart as an image (h, w, 3): one row per layer from the input on, and one for all layers.

    Every share above 0 is at least 4 pixels wide; the counts next to the bar are exact.
    """
    rows = [(layer.name, layer.counts) for layer in audit.layers]
    if len(rows) > 1:
        rows.append(("all layers", audit.counts))
    names = [shortened(name, _SIZE, _LONGEST) for name, _ in rows]
    widest = math.ceil(max(text_width(name, _SIZE) for name in (*names, "layer"))) + 4
    lines = [
        _row(widest, name, counts, BRIGHT if place == len(audit.layers) else PLAIN)
        for place, (name, (_, counts)) in enumerate(zip(names, rows, strict=True))
    ]
    parts = [_title(audit, lines[0].shape[1]), _heading(widest), *lines[: len(audit.layers)]]
    if len(rows) > 1:
        parts += [blank(1, lines[0].shape[1], DIM), lines[-1]]
    return framed(stacked(parts, gap=4), 20)


def segments(counts: Sequence[int], width: int, least: int = _LEAST) -> list[int]:
    """Return how many of `width` pixels each share gets: all together all of them, none that is not 0 below `least`.

    >>> segments([99, 1, 0], 100, least=3)
    [97, 3, 0]
    """
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    ends = [round(width * sum(counts[: place + 1]) / total) for place in range(len(counts))]
    pixels = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    pixels = [max(share, least) if count else 0 for share, count in zip(pixels, counts, strict=True)]
    pixels[pixels.index(max(pixels))] += width - sum(pixels)  # taken from the largest share
    return pixels


def _title(audit: Audit, width: int) -> Panel:
    basis = f"{audit.images:,} images scanned" if audit.images else "bounds and dreams, without images"
    units = sum(audit.counts.values())
    inputs = f"input in {audit.inputs}" if audit.inputs else "valid input"
    return text_panel(
        [
            TextLine(f"{audit.network}: {units:,} units, {basis}", 17, BRIGHT),
            TextLine(f"Share of each layer's units by verdict. Dead is proved for every {inputs}.", 12, DIM),
        ],
        width=width,
    )


def _heading(widest: int) -> Panel:
    cells = [_right(TextLine("layer", _SIZE, DIM), widest, left=True), _right(TextLine("", _SIZE), _BAR)]
    cells += [_legend(kind) for kind in KINDS]
    cells.append(_right(TextLine("units", _SIZE, DIM), _column("units")))
    return side_by_side(cells, gap=_GAP)


def _legend(kind: Kind) -> Panel:
    swatch = stacked([blank((_ROW - _THICK) // 2, _THICK), blank(_THICK, _THICK, COLORS[kind])])
    word = _right(TextLine(kind, _SIZE), math.ceil(text_width(kind, _SIZE)) + 2)
    legend = side_by_side([swatch, word], gap=6)
    rest = _column(kind) - legend.shape[1]
    return side_by_side([blank(_ROW, rest), legend]) if rest > 0 else legend


def _row(widest: int, name: str, counts: Mapping[Kind, int], color: Color) -> Panel:
    cells = [_right(TextLine(name, _SIZE, color), widest, left=True), _bar(counts)]
    cells += [
        _right(TextLine(f"{counts[kind]:,}", _SIZE, color if counts[kind] else (90, 90, 90)), _column(kind))
        for kind in KINDS
    ]
    cells.append(_right(TextLine(f"{sum(counts.values()):,}", _SIZE, DIM), _column("units")))
    return side_by_side(cells, gap=_GAP)


def _bar(counts: Mapping[Kind, int]) -> Panel:
    bar = blank(_ROW, _BAR)
    top, start = (_ROW - _THICK) // 2, 0
    for kind, width in zip(KINDS, segments(list(counts.values()), _BAR), strict=True):
        bar[top : top + _THICK, start : start + width] = COLORS[kind]
        if start and width:
            bar[top : top + _THICK, start] = BACKGROUND  # a dark line between shares
        start += width
    return bar


def _column(heading: str) -> int:
    """Return the width of a column: that of its swatch and heading, or of a number of seven digits."""
    word = math.ceil(text_width(heading, _SIZE)) + 2 + (_THICK + 6 if heading in COLORS else 0)
    return max(word, math.ceil(text_width("1,000,000", _SIZE)) + 2)


def _right(line: TextLine, width: int, *, left: bool = False) -> Panel:
    """Return a cell of the table, with the text right- or left-aligned and centered vertically."""
    text = text_panel([line], width=min(width, math.ceil(text_width(line.text, line.size)) + 2))
    rest = blank(line.height, width - text.shape[1])
    cell = side_by_side([text, rest] if left else [rest, text]) if rest.shape[1] else text
    above_it = (_ROW - line.height) // 2
    return stacked([blank(above_it, width), cell, blank(_ROW - line.height - above_it, width)])
