"""Rectangles of color, text and tiles that are set beside and above each other until they are a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.encoding import as_image
from dreamfilters.images.resizing import resize
from dreamfilters.images.text import draw_text, shortened, text_width

Panel: TypeAlias = NDArray[np.uint8]  # (h, w, 3)
Color: TypeAlias = tuple[int, int, int]

BACKGROUND: Color = (26, 26, 26)  # neutral, so that it does not tint the colors beside it
BRIGHT: Color = (240, 240, 240)
PLAIN: Color = (205, 205, 205)
DIM: Color = (150, 150, 150)

_COMPRESSION = 1  # in under half the time of 6 to about the same size: pages are flat squares and little else
_LINE = 1.4  # line height over font size; leaves room for the dots of a capital umlaut


@dataclass(frozen=True)
class TextLine:
    """A line of text; what is too long for its panel ends in an ellipsis."""

    text: str
    size: int = 13
    color: Color = PLAIN

    @property
    def height(self) -> int:
        """Of its row in pixels."""
        return round(self.size * _LINE)


def blank(height: int, width: int, color: Color = BACKGROUND) -> Panel:
    """Return a panel of one color."""
    if len(set(color)) == 1:  # in a fifth of the time
        return np.full((height, width, 3), color[0], np.uint8)
    return np.full((height, width, 3), color, np.uint8)


def written(lines: Sequence[TextLine], *, width: int | None = None) -> Panel:
    """Return lines of text below each other, as wide as the longest of them or cut to `width`."""
    widest = max((-(-int(text_width(line.text, line.size)) // 1) + 2 for line in lines), default=1)
    wide = widest if width is None else width
    canvas = Image.new("RGB", (wide, max(1, sum(line.height for line in lines))), BACKGROUND)
    draw, top = ImageDraw.Draw(canvas), 0
    for line in lines:
        fitting = line.text if width is None else shortened(line.text, line.size, wide)
        draw_text(draw, (0, top + line.size), fitting, line.size, line.color)
        top += line.height
    return np.asarray(canvas)


def above(panels: Sequence[Panel], *, gap: int = 0) -> Panel:
    """Return the panels below each other, flush left."""
    width = max(panel.shape[1] for panel in panels)
    rows: list[Panel] = []
    for number, panel in enumerate(panels):
        rows += [blank(gap, width)] * (number > 0 and gap > 0)
        rows.append(np.concatenate([panel, blank(panel.shape[0], width - panel.shape[1])], axis=1))
    return np.concatenate(rows)


def beside(panels: Sequence[Panel], *, gap: int = 0) -> Panel:
    """Return the panels from left to right, flush at the top."""
    turned = [panel.swapaxes(0, 1) for panel in panels]
    return above(turned, gap=gap).swapaxes(0, 1)


def framed(panel: Panel, margin: int) -> Panel:
    """Return the panel with a margin all around."""
    height, width, _ = panel.shape
    page = blank(height + 2 * margin, width + 2 * margin)
    page[margin : margin + height, margin : margin + width] = panel
    return page


def image_panel(image: ArrayLike, side: int) -> Panel:
    """Return an image (h, w, 1 to 4) in [0, 1] about `side` pixels long.

    A small one is enlarged by a whole factor, in squares: its single pixels are what one looks at.
    """
    opaque = in_channels(with_channels(image), 3)
    height, width = opaque.shape[:2]
    longer = max(height, width)
    if longer > side:
        size = max(1, round(height * side / longer)), max(1, round(width * side / longer))
        return np.asarray(as_image(resize(opaque, size)))
    return enlarged(np.asarray(as_image(opaque)), max(1, side // longer))


def enlarged(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return (..., h, w, 3) with each pixel a square of `factor` by `factor`."""
    return pixels if factor == 1 else pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def shrunk(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return (..., h, w, 3) with each square of `factor` by `factor` one pixel, their mean; the last may hold fewer."""
    height, width = pixels.shape[-3:-1]
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    total = np.add.reduceat(np.add.reduceat(pixels, rows, axis=-3, dtype=np.uint32), columns, axis=-2)
    counts = np.diff(np.append(rows, height))[:, None] * np.diff(np.append(columns, width))
    return np.asarray(np.round(total / counts[..., None]).astype(np.uint8))


def png_of(panel: Panel) -> bytes:
    """Return the panel as a PNG file, the same bytes for the same panel."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(panel)).save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()
