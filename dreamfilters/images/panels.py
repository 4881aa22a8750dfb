"""Panels: rectangles of color, text and images that are stacked into pages."""

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

BACKGROUND: Color = (26, 26, 26)  # neutral, so that it does not affect how colors look
BRIGHT: Color = (240, 240, 240)
PLAIN: Color = (205, 205, 205)
DIM: Color = (150, 150, 150)

_COMPRESSION = 1  # less than half the time of level 6 for about the same size, because pages are mostly flat
_LINE = 1.4  # line height / font size, with room for the dots of a capital umlaut


@dataclass(frozen=True)
class TextLine:
    """A line of text; it is shortened if it is too long for its panel."""

    text: str
    size: int = 13
    color: Color = PLAIN

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return round(self.size * _LINE)


def blank(height: int, width: int, color: Color = BACKGROUND) -> Panel:
    """Return a panel of one color."""
    if len(set(color)) == 1:  # five times as fast
        return np.full((height, width, 3), color[0], np.uint8)
    return np.full((height, width, 3), color, np.uint8)


def text_panel(lines: Sequence[TextLine], *, width: int | None = None) -> Panel:
    """Return a panel with lines of text, as wide as the longest, or shortened to `width`."""
    widest = max((int(text_width(line.text, line.size)) + 2 for line in lines), default=1)
    wide = widest if width is None else width
    canvas = Image.new("RGB", (wide, max(1, sum(line.height for line in lines))), BACKGROUND)
    draw, top = ImageDraw.Draw(canvas), 0
    for line in lines:
        fitting = line.text if width is None else shortened(line.text, line.size, wide)
        draw_text(draw, (0, top + line.size), fitting, line.size, line.color)
        top += line.height
    return np.asarray(canvas)


def stacked(panels: Sequence[Panel], *, gap: int = 0) -> Panel:
    """Return the panels stacked vertically, aligned at the left."""
    width = max(panel.shape[1] for panel in panels)
    rows: list[Panel] = []
    for number, panel in enumerate(panels):
        rows += [blank(gap, width)] * (number > 0 and gap > 0)
        rows.append(np.concatenate([panel, blank(panel.shape[0], width - panel.shape[1])], axis=1))
    return np.concatenate(rows)


def side_by_side(panels: Sequence[Panel], *, gap: int = 0) -> Panel:
    """Return the panels side by side, aligned at the top."""
    turned = [panel.swapaxes(0, 1) for panel in panels]
    return stacked(turned, gap=gap).swapaxes(0, 1)


def framed(panel: Panel, margin: int) -> Panel:
    """Return the panel with a margin on all sides."""
    height, width, _ = panel.shape
    page = blank(height + 2 * margin, width + 2 * margin)
    page[margin : margin + height, margin : margin + width] = panel
    return page


def image_panel(image: ArrayLike, side: int) -> Panel:
    """Return an image (h, w, 1 to 4) in [0, 1] as a panel about `side` pixels long.

    A small image is enlarged by an integer factor without interpolation, so that its pixels are visible.
    """
    opaque = in_channels(with_channels(image), 3)
    height, width = opaque.shape[:2]
    longer = max(height, width)
    if longer > side:
        size = max(1, round(height * side / longer)), max(1, round(width * side / longer))
        return np.asarray(as_image(resize(opaque, size)))
    return enlarged(np.asarray(as_image(opaque)), max(1, side // longer))


def enlarged(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return pixels (..., h, w, 3) enlarged by an integer factor without interpolation."""
    return pixels if factor == 1 else pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def shrunk(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return pixels (..., h, w, 3) shrunk by an integer factor: the means of squares, smaller ones at the end."""
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
