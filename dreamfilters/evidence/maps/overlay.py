"""Overlays: activation maps on their image, each position at the center of its receptive field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.layers.receptive_field import ReceptiveField

_MIN_OPACITY, _MAX_OPACITY = 0.1, 0.9  # of the map, where it is darkest and where it is brightest
_IMAGE_BRIGHTNESS = 0.6  # the image is darkened so that the map stands out


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
    rows = _nearest_positions(height, size[0], painted.shape[1], _axis(field, 0))
    columns = _nearest_positions(width, size[1], painted.shape[2], _axis(field, 1))
    weight = _MIN_OPACITY + (_MAX_OPACITY - _MIN_OPACITY) * np.nan_to_num(shares, nan=1.0)[..., None]
    weight = np.where((rows >= 0)[:, None, None] & (columns >= 0)[:, None], weight[:, rows][:, :, columns], 0)
    mixed = image * _IMAGE_BRIGHTNESS * (1 - weight) + painted[:, rows][:, :, columns] * weight
    return np.asarray(np.round(mixed).astype(np.uint8))


def _axis(field: ReceptiveField | None, axis: int) -> tuple[float, float] | None:
    """Return the center of the first position's field and the stride to the next, on one axis."""
    if field is None:
        return None
    return float(field.offset[axis] + field.size[axis] / 2), float(field.stride[axis])


def _nearest_positions(pixels: int, side: int, count: int, axis: tuple[float, float] | None) -> NDArray[np.intp]:
    """Return the position that each pixel of one axis shows, -1 for none."""
    centers = (np.arange(pixels) + 0.5) * side / pixels  # in pixels of the network's input
    if axis is None:
        return (centers * count / side).astype(np.intp)
    first, stride = axis
    nearest = np.floor((centers - first) / stride + 0.5)
    return np.where((nearest >= 0) & (nearest < count), nearest, -1).astype(np.intp)
