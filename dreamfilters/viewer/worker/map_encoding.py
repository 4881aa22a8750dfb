"""Activation maps as the page draws them: bytes for a layer, exact values for a unit."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import LayerMaps, Values

MAX_SIDE = 64  # positions along a side of a map on the sheet of a layer; larger maps are reduced to block maxima


def data_url(png: bytes) -> str:
    """Return the address of an image that is in the address itself.

    >>> data_url(b"PNG")
    'data:image/png;base64,UE5H'
    """
    return f"data:image/png;base64,{b64encode(png).decode()}"


def encode_layer_maps(maps: UnitMaps) -> LayerMaps:
    """Return the maps of one image with the numbers of each unit.

    On the sheet the value v of unit u is round(255 (v - minimum[u]) / (maximum[u] - minimum[u])); 0 where these are
    equal or v is not finite.
    """
    planes = maps.planes  # (units, h, w)
    minimum, maximum = maps.ranges
    small = block_maxima(planes)
    finite = np.isfinite(planes).reshape(len(planes), -1)
    zeros = (planes == 0).reshape(len(planes), -1).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    return LayerMaps(
        {
            "units": len(planes),
            "height": small.shape[1],
            "width": small.shape[2],
            "full": list(planes.shape[1:]),
            "display": "bars" if maps.is_vector else "maps",
            "minimum": _rounded(minimum),
            "maximum": _rounded(maximum),
            "mean": _rounded(maps.means),
            "zero_fraction": _rounded(zeros),
            "other_tokens": [_rounded(row) for row in maps.other_tokens] if maps.other_tokens.size else [],
        },
        quantize(small, minimum, maximum).tobytes(),
    )


def quantize(
    planes: NDArray[np.float32], minimum: NDArray[np.float32], maximum: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return (units, h, w) bytes: 0 for the minimum of each unit and 255 for its maximum."""
    low = np.nan_to_num(minimum)[:, None, None]
    span = np.nan_to_num(maximum)[:, None, None] - low
    scale = np.divide(255, span, out=np.zeros_like(span), where=span > 0)
    levels: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num((planes - low) * scale), 0, 255)).astype(np.uint8)
    return levels


def block_maxima(planes: NDArray[np.float32], max_side: int = MAX_SIDE) -> NDArray[np.float32]:
    """Return maps (units, h, w) with no side above `max_side`: each value is the maximum of its block."""
    for axis in (1, 2):
        block = -(-planes.shape[axis] // max_side)
        if block > 1:
            starts = np.arange(0, planes.shape[axis], block)
            planes = np.fmax.reduceat(planes, starts, axis=axis)  # ignores NaN
    return planes


def encode_unit_map(maps: UnitMaps) -> Values:
    """Return the map of the first unit of `maps`: its values, the (row, column) of their maximum, its other tokens."""
    plane = maps.planes[0]
    position = np.unravel_index(np.argmax(np.nan_to_num(plane, nan=-np.inf)), plane.shape)
    return {
        "height": plane.shape[0],
        "width": plane.shape[1],
        "values": [_rounded(row) for row in plane],
        "position": [int(index) for index in position],
        "other_tokens": [number for row in maps.other_tokens[:1] for number in _rounded(row)],
    }


def _rounded(values: NDArray[np.floating]) -> list[float | None]:
    """Return numbers to seven digits, the precision of float32; None where they are not finite."""
    return plain([float(f"{value:.7g}") for value in values.tolist()])  # type: ignore[no-any-return]
