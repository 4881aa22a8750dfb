"""A layer's maps as one sheet of bytes, each map between its own ends, small enough to be sent for a whole layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import LayerMaps

LARGEST = 64  # places along a side of a map on the sheet; a larger one is reduced to the greatest of each block


def layer_maps(maps: UnitMaps) -> LayerMaps:
    """Return the maps of one image with the numbers of each unit.

    On the sheet a value v of unit u is round(255 (v - least[u]) / (most[u] - least[u])), 0 where these are equal or v
    is not finite.
    """
    planes = maps.planes  # (units, h, w)
    least, most = maps.ranges
    small = reduced(planes)
    finite = np.isfinite(planes).reshape(len(planes), -1)
    zeros = (planes == 0).reshape(len(planes), -1).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    return LayerMaps(
        {
            "units": len(planes),
            "height": small.shape[1],
            "width": small.shape[2],
            "full": list(planes.shape[1:]),
            "display": "bars" if maps.is_vector else "maps",
            "minimum": _rounded(least),
            "maximum": _rounded(most),
            "mean": _rounded(maps.means),
            "zero_fraction": _rounded(zeros),
        },
        quantized(small, least, most).tobytes(),
    )


def quantized(planes: NDArray[np.float32], least: NDArray[np.float32], most: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (units, h, w) bytes: 0 for each unit's least value and 255 for its most."""
    low = np.nan_to_num(least)[:, None, None]
    span = np.nan_to_num(most)[:, None, None] - low
    scale = np.divide(255, span, out=np.zeros_like(span), where=span > 0)
    levels: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num((planes - low) * scale), 0, 255)).astype(np.uint8)
    return levels


def reduced(planes: NDArray[np.float32], largest: int = LARGEST) -> NDArray[np.float32]:
    """Return maps (units, h, w) with no side above `largest`: each place is the greatest value of its block."""
    for axis in (1, 2):
        block = -(-planes.shape[axis] // largest)
        if block > 1:
            starts = np.arange(0, planes.shape[axis], block)
            planes = np.fmax.reduceat(planes, starts, axis=axis)  # blind to NaN
    return planes


def unit_map(plane: NDArray[np.float32]) -> dict[str, object]:
    """Return one unit's map (h, w) as numbers, and the (row, column) of its greatest value."""
    place = np.unravel_index(np.argmax(np.nan_to_num(plane, nan=-np.inf)), plane.shape)
    return {
        "height": plane.shape[0],
        "width": plane.shape[1],
        "values": [_rounded(row) for row in plane],
        "position": [int(side) for side in place],
    }


def _rounded(values: NDArray[np.floating]) -> list[float | None]:
    """Return numbers to seven digits, as many as a float32 has; None where they are not finite."""
    return plain([float(f"{value:.7g}") for value in values.tolist()])  # type: ignore[no-any-return]
