"""A map laid over its image so that every place lies where it looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.layers.receptive_field import ReceptiveField

_LEAST, _MOST = 0.1, 0.9  # of the map in the mixture, where it is darkest and where it is brightest
_DARKENED = 0.6  # what is left of the image's brightness, so that the map's stands out


def overlay_maps(
    image: NDArray[np.uint8],
    painted: NDArray[np.uint8],
    shares: NDArray[np.float64],
    size: tuple[int, int],
    field: ReceptiveField | None,
) -> NDArray[np.uint8]:
    """Return the maps laid over the image, (n, h, w, 3): the stronger a place, the less it lets through.

    A pixel shows the place whose receptive field has its center nearest; where the nearest center is more than half a
    stride away, as at the edges of a network without padding, no place looks at the pixel and the image is alone.
    Without a receptive field the map is stretched over all of it.

    Args:
        image: (h, w, 3), the image at any enlargement.
        painted: the maps in their colors, (n, rows, columns, 3).
        shares: how far up the scale each place is, 0 to 1 or NaN, (n, rows, columns).
        size: (height, width) of the image in the pixels that the receptive field counts.
        field: of the layer, or None.
    """
    height, width, _ = image.shape
    rows = _places(height, size[0], painted.shape[1], _axis(field, 0))
    columns = _places(width, size[1], painted.shape[2], _axis(field, 1))
    weight = _LEAST + (_MOST - _LEAST) * np.nan_to_num(shares, nan=1.0)[..., None]
    weight = np.where((rows >= 0)[:, None, None] & (columns >= 0)[:, None], weight[:, rows][:, :, columns], 0)
    mixed = image * _DARKENED * (1 - weight) + painted[:, rows][:, :, columns] * weight
    return np.asarray(np.round(mixed).astype(np.uint8))


def _axis(field: ReceptiveField | None, axis: int) -> tuple[float, float] | None:
    """Return the center of the first place's field and the way to the next one's, on one axis."""
    if field is None:
        return None
    return float(field.offset[axis] + field.size[axis] / 2), float(field.stride[axis])


def _places(pixels: int, side: int, places: int, axis: tuple[float, float] | None) -> NDArray[np.intp]:
    """Return for each pixel of one axis the place that it shows, -1 for none."""
    middles = (np.arange(pixels) + 0.5) * side / pixels  # in the image's own pixels
    if axis is None:
        return (middles * places / side).astype(np.intp)
    first, stride = axis
    nearest = np.floor((middles - first) / stride + 0.5)
    return np.where((nearest >= 0) & (nearest < places), nearest, -1).astype(np.intp)
