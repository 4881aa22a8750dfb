"""Activation maps as color tiles, one for each unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.map_style import MapStyle
from dreamfilters.evidence.maps.overlay import overlay_maps
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.images import ImageArray
from dreamfilters.images.colormaps import Colormap, colormap, share
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.panels import blank, enlarged, image_panel, shrunk

_LARGEST = 256  # pixels of a tile's longer side
_TOKEN_GAP = 4  # pixels between the grid of patch tokens and the other tokens


def map_tiles(maps: UnitMaps, image: ImageArray, style: MapStyle, side: int) -> NDArray[np.uint8]:
    """Return the maps in color, (units, h, w, 3): small maps are enlarged to about `side` pixels, large ones shrunk.

    Class and register tokens are drawn in columns to the right of the grid of patch tokens.

    Args:
        maps: the maps.
        image: (h, w, c) in [0, 1], drawn below the maps of an overlay.
        style: scale, colormap and overlay.
        side: pixels along the longer side.
    """
    colors = colormap(style.colormap)
    low, high = (end[:, None, None] for end in maps.limits(style.scale))
    painted = colors.paint(maps.planes, low, high)
    longer = max(painted.shape[1:3])
    factor = _factor(longer, side)
    if style.overlay and (maps.info.kind != "tokens" or maps.grid):
        size = image.shape[:2]
        below = image_panel(_under(image, colors), min(_LARGEST, max(side, *size)))
        field = None if maps.grid else maps.info.receptive_field  # the grid covers the image
        tiles = overlay_maps(below, painted, share(maps.planes, low, high), size, field)
    else:
        tiles = shrunk(painted, -(-longer // _LARGEST)) if longer > _LARGEST else enlarged(painted, factor)
    others = maps.other_tokens[:, :, None]  # (units, k, 1)
    return _with_others(tiles, colors.paint(others, low, high), factor) if others.size else tiles


def _with_others(tiles: NDArray[np.uint8], others: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return tiles (units, h, w, 3) with other tokens (units, k, 1, 3) to their right, column by column."""
    units, height = tiles.shape[:2]
    rows = max(1, min(others.shape[1], height // factor))
    parts = [tiles]
    for first in range(0, others.shape[1], rows):
        column = enlarged(others[:, first : first + rows], factor)[:, :height]
        strip = np.broadcast_to(blank(height, _TOKEN_GAP + factor), (units, height, _TOKEN_GAP + factor, 3)).copy()
        strip[:, : column.shape[1], _TOKEN_GAP:] = column
        parts.append(strip)
    return np.concatenate(parts, axis=2)


def _under(image: ImageArray, colors: Colormap) -> ImageArray:
    """Return the image to draw under a map: gray under a colored map, so that all color is the map's."""
    is_gray = np.ptp(colors.colors, axis=1).max() == 0
    return image if is_gray else in_channels(with_channels(image), 1)


def _factor(longer: int, side: int) -> int:
    return max(1, round(side / longer))
