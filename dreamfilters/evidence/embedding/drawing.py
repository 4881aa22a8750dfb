"""Maps of images as images: a scatter of points colored by class, and the thumbnails in a grid."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dreamfilters.images.encoding import displayed
from dreamfilters.images.panels import BACKGROUND

if TYPE_CHECKING:
    from dreamfilters.evidence.embedding.result import Embedding

_GOLDEN = 0.618034  # of a turn between the hues of two classes, so that neighbors in a list differ most
_TONES = ((0.62, 0.75), (0.5, 0.6), (0.74, 0.85))  # lightness and saturation, in turn
_NO_CLASS = (150, 150, 150)
_MARGIN = 0.04  # of the side, around a map
_FINE = 2  # pixels for one, which smooths the points

Colors = Sequence[tuple[int, int, int]]


def class_colors(count: int) -> list[tuple[int, int, int]]:
    """Return a color (red, green, blue) for each of so many classes, visible on dark and light ground.

    >>> class_colors(2)
    [(231, 85, 85), (51, 96, 204)]
    """
    found = []
    for number in range(count):
        lightness, saturation = _TONES[number % len(_TONES)]
        parts = colorsys.hls_to_rgb(number * _GOLDEN % 1, lightness, saturation)
        found.append(tuple(round(255 * part) for part in parts))
    return [(red, green, blue) for red, green, blue in found]


def scaled_positions(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions (n, 2) in [0, 1], scaled alike in both directions and centered."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.asarray((positions - (low + high) / 2) / span + 0.5)


def scatter_image(embedding: Embedding, side: int) -> NDArray[np.float32]:
    """Return a map as an image (side, side, 3) in [0, 1]: a point for each image, a ring for each dream."""
    colors = [*class_colors(len(embedding.features.classes)), _NO_CLASS]  # the last is that of no class, -1
    large, numbers = side * _FINE, embedding.features.numbers
    page = Image.new("RGB", (large, large), BACKGROUND)
    draw = ImageDraw.Draw(page)
    at = scaled_positions(embedding.positions) * (1 - 2 * _MARGIN) + _MARGIN
    radius = _FINE * float(np.clip(60 / np.sqrt(len(embedding)), 1.2, 4))
    for index in np.argsort(embedding.is_dream, kind="stable").tolist():  # dreams are above
        x, y = at[index, 0] * large, (1 - at[index, 1]) * large
        if embedding.is_dream[index]:
            draw.ellipse([x - 8, y - 8, x + 8, y + 8], outline=(255, 255, 255), width=3)
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors[numbers[index]])
    return _samples(page.resize((side, side), Image.Resampling.BOX))


def grid_image(embedding: Embedding, side: int) -> NDArray[np.float32]:
    """Return the thumbnails in the grid, about `side` pixels wide, (h, w, 3) in [0, 1]; dreams have a white frame."""
    rows, columns = (embedding.grid.max(axis=0) + 1).tolist()
    cell = max(1, side // columns)
    page = np.empty((rows * cell, columns * cell, 3), np.float32)
    page[:] = np.array(BACKGROUND, np.float32) / 255
    for index, (row, column) in enumerate(embedding.grid.tolist()):
        tile = shown_tile(embedding.features.thumbnail(index), cell)
        if embedding.is_dream[index]:
            tile[[0, -1]] = tile[:, [0, -1]] = 1.0
        page[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = tile
    return page


def shown_tile(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return an image (h, w, c) of any number of channels, (side, side, 3), centered on dark ground."""
    flat = displayed(image)
    height, width = flat.shape[:2]
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = np.floor(np.clip(np.broadcast_to(flat, (height, width, 3)), 0, 1) * 255 + 0.5).astype(np.uint8)
    rule = Image.Resampling.NEAREST if factor > 2 else Image.Resampling.BILINEAR
    page = Image.new("RGB", (side, side), BACKGROUND)
    page.paste(Image.fromarray(pixels).resize(size, rule), ((side - size[0]) // 2, (side - size[1]) // 2))
    return _samples(page)


def _samples(page: Image.Image) -> NDArray[np.float32]:
    return np.asarray(np.divide(np.asarray(page), 255, dtype=np.float32))
