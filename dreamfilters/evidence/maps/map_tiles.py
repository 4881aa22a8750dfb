"""Activation maps as color tiles, one for each unit, and laid over their image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.map_style import MapStyle
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.images import ImageArray
from dreamfilters.images.colormaps import Colormap, colormap, share
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.panels import blank, enlarged, image_panel, shrunk
from dreamfilters.networks.layers.layer_info import ReceptiveField

_LARGEST = 256  # pixels of a tile's longer side
_MIN_OPACITY, _MAX_OPACITY = 0.1, 0.9  # of the map, where it is darkest and where it is brightest
_IMAGE_BRIGHTNESS = 0.6  # the image is darkened so that the map stands out
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
    factor = max(1, round(side / longer))
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


def overlay_maps(
    image: NDArray[np.uint8],
    painted: NDArray[np.uint8],
    shares: NDArray[np.float64],
    size: tuple[int, int],
    field: ReceptiveField | None,
) -> NDArray[np.uint8]:
    """Return the maps laid over the image, (n, h, w, 3): the stronger a position, the more opaque it is.

    A pixel shows the position whose receptive field's center is nearest. Where the nearest center is more than half a
    stride away, as at the edges of a network without padding, the pixel shows the image alone. Without a receptive
    field the map is stretched over the image.

    Args:
        image: (h, w, 3), the image at any enlargement.
        painted: (n, rows, columns, 3), the maps in color.
        shares: (n, rows, columns), each value's position on the scale, 0 to 1 or NaN.
        size: (height, width) of the network's input.
        field: receptive field of the layer, or None.
    """
    height, width, _ = image.shape
    rows = nearest_positions(height, size[0], painted.shape[1], field, 0)
    columns = nearest_positions(width, size[1], painted.shape[2], field, 1)
    weight = _MIN_OPACITY + (_MAX_OPACITY - _MIN_OPACITY) * np.nan_to_num(shares, nan=1.0)[..., None]
    weight = np.where((rows >= 0)[:, None, None] & (columns >= 0)[:, None], weight[:, rows][:, :, columns], 0)
    mixed = image * _IMAGE_BRIGHTNESS * (1 - weight) + painted[:, rows][:, :, columns] * weight
    return np.asarray(np.round(mixed).astype(np.uint8))


def nearest_positions(pixels: int, side: int, count: int, field: ReceptiveField | None, axis: int) -> NDArray[np.intp]:
    """Return the position that each pixel of one axis shows, -1 for none."""
    centers = (np.arange(pixels) + 0.5) * side / pixels  # in pixels of the network's input
    if field is None:
        return (centers * count / side).astype(np.intp)
    first, stride = float(field.offset[axis] + field.size[axis] / 2), float(field.stride[axis])
    nearest = np.floor((centers - first) / stride + 0.5)
    return np.where((nearest >= 0) & (nearest < count), nearest, -1).astype(np.intp)
