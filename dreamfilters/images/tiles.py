"""Grids of small images of one size, and rows of bars, with captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from dreamfilters.images.panels import DIM, Color, Panel, TextLine, blank
from dreamfilters.images.text import draw_text, shortened, text_width

_AXIS: Color = (95, 95, 95)
_BARS = 30  # in a row
_BAR: Color = (110, 160, 220)


def tiled(
    images: NDArray[np.uint8], captions: Sequence[Sequence[TextLine]], *, columns: int | None = None, gap: int = 8
) -> Panel:
    """Return the images (n, h, w, 3) in a grid, with centered captions below them.

    A cell is as wide as its image or its longest line. Default number of columns: a grid about 1.5 times as wide as
    high.
    """
    count, height, width, _ = images.shape
    below = max(sum(line.height for line in lines) for lines in captions)
    cell = max(width, *(math.ceil(_width(line)) for lines in captions for line in lines))
    down, across = height + below + gap, cell + gap  # from one cell to the next
    columns = min(count, columns or _columns(count, down, across))
    rows = -(-count // columns)
    whole = blank(rows * columns * height, width).reshape(rows * columns, height, width, 3)
    whole[:count] = images
    page = blank(rows * down, columns * across)
    left = (cell - width) // 2
    cells = page.reshape(rows, down, columns, across, 3)
    cells[:, :height, :, left : left + width] = whole.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    canvas = Image.fromarray(page)
    draw = ImageDraw.Draw(canvas)
    for index, lines in enumerate(captions):
        row, column = divmod(index, columns)
        _caption(draw, (column * across, row * down + height), cell, lines)
    return np.asarray(canvas)[: rows * down - gap, : columns * across - gap]


@dataclass(frozen=True)
class Axis:
    """The range of values of a row of bars, and the size of a bar's cell in pixels."""

    low: float
    high: float
    height: int = 80
    width: int = 34

    def level(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return the distance in pixels of each value from the upper end, 0 for NaN."""
        span = (self.high - self.low) or 1.0
        share = (self.high - np.nan_to_num(np.asarray(values, np.float64), nan=self.high)) / span
        return np.round(self.height * np.clip(share, 0, 1)).astype(np.int64)


def bars(values: Sequence[float], captions: Sequence[Sequence[TextLine]], axis: Axis, *, missing: Color) -> Panel:
    """Return bars from zero to each value in rows of 30, with centered captions below them.

    The ends of the axis are written at the left of each row. Bars are cut at the ends. NaN is a bar of full height in
    the color `missing`.
    """
    count = len(values)
    columns = min(_BARS, count)
    step, rows = axis.height + max(sum(line.height for line in lines) for lines in captions) + 10, -(-count // columns)
    ends = [f"{axis.high:.3g}", f"{axis.low:.3g}"]
    left = 8 + math.ceil(max(text_width(end, 10) for end in ends))
    page = blank(rows * step, left + columns * axis.width)
    corners = [(left + index % columns * axis.width, index // columns * step) for index in range(count)]
    _draw_bars(page, corners, values, axis, missing)
    canvas = Image.fromarray(page)
    draw = ImageDraw.Draw(canvas)
    for row in range(rows):
        for end, baseline in zip(ends, (9, axis.height), strict=True):
            draw_text(draw, (left - 6 - text_width(end, 10), row * step + baseline), end, 10, DIM)
    for (x, y), lines in zip(corners, captions, strict=True):
        _caption(draw, (x, y + axis.height), axis.width, lines)
    return np.asarray(canvas)


def _draw_bars(
    page: Panel, corners: Sequence[tuple[int, int]], values: Sequence[float], axis: Axis, missing: Color
) -> None:
    zero = int(axis.level(0.0))
    for (x, y), value, top in zip(corners, values, axis.level(values), strict=True):
        page[y + zero, x : x + axis.width] = _AXIS
        foot, color = (axis.height, missing) if math.isnan(value) else (zero, _BAR)
        page[y + min(top, foot) : y + max(top, foot), x + 3 : x + axis.width - 3] = color


def _caption(draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, lines: Sequence[TextLine]) -> None:
    """Draw centered lines in `width` pixels from a corner (x, y)."""
    left, top = corner
    for line in lines:
        fitting = line if _width(line) <= width else replace(line, text=shortened(line.text, line.size, width))
        start = left + (width - _width(fitting)) / 2
        draw_text(draw, (start, top + line.size + 1), fitting.text, line.size, line.color)
        top += line.height


@lru_cache(4096)  # many captions are equal, such as "= 0"
def _width(line: TextLine) -> float:
    return text_width(line.text, line.size)


def _columns(count: int, height: int, width: int) -> int:
    """Return the number of columns of a grid about 1.5 times as wide as high, with few empty cells.

    >>> [_columns(count, 100, 100) for count in (1, 6, 32, 128)]
    [1, 3, 8, 16]
    """
    ideal = math.sqrt(1.5 * count * height / width)
    near = range(max(1, math.floor(ideal * 0.8)), math.ceil(ideal * 1.35) + 1)
    return min(near, key=lambda columns: (-count % columns, abs(columns - ideal)))
