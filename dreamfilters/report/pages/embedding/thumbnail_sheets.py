"""Thumbnails in a few image files, from which the map draws them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from dreamfilters.evidence.embedding.drawing import shown_tile
from dreamfilters.evidence.embedding.feature_table import ImageFeatures

COLUMNS = 32  # of a sheet
PER_SHEET = COLUMNS**2
_QUALITY = 90  # of the JPEG files, with colors at full resolution


def tile_side(features: ImageFeatures) -> int:
    """Return the side of a tile in pixels."""
    _, height, width, channels = features.thumbnails.shape
    return int(max(height, width if channels in (1, 3) else width * min(channels, 3)))


def sheet_count(features: ImageFeatures) -> int:
    """Return the number of sheets."""
    return -(-len(features) // PER_SHEET)


def sheets_of(features: ImageFeatures) -> Iterator[bytes]:
    """Yield JPEG files of up to 1,024 thumbnails each, in rows of 32 squares."""
    side = tile_side(features)
    for first in range(0, len(features), PER_SHEET):
        count = min(PER_SHEET, len(features) - first)
        page = np.zeros((-(-count // COLUMNS) * side, COLUMNS * side, 3), np.uint8)
        for place in range(count):
            row, column = (side * at for at in divmod(place, COLUMNS))
            tile = shown_tile(features.thumbnail(first + place), side)
            page[row : row + side, column : column + side] = np.floor(tile * 255 + 0.5)
        file = io.BytesIO()
        Image.fromarray(page).save(file, "JPEG", quality=_QUALITY, subsampling=0)
        yield file.getvalue()
