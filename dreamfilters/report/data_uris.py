"""Images and maps as PNG data URIs."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.images import heat, png_bytes, resize

_LARGE, _SMALL = 192, 64  # longer side in pixels, of an image in a row and of a thumbnail
_RAMP = 128  # pixels of the color scale


def shown_uri(image: ArrayLike, *, small: bool = False) -> str:
    """Return an image (h, w, c) of any number of channels, no larger than a page shows it."""
    side, flat = _SMALL if small else _LARGE, flat_image(image)
    longer = max(flat.shape[:2])
    if longer > side:
        flat = resize(flat, (max(1, flat.shape[0] * side // longer), max(1, flat.shape[1] * side // longer)))
    return _uri(flat)


def pixels_uri(image: ArrayLike) -> str:
    """Return an image (h, w, c) of any number of channels at its own size."""
    return _uri(flat_image(image))


def map_uri(values: ArrayLike, top: float, low: float = 0.0) -> str:
    """Return a map (h, w) as a heatmap from `low` to `top`, one pixel a position."""
    return _uri(heat(values, low=low, high=top))


def ramp_uri() -> str:
    """Return the colors of a heatmap in one row, from the lowest to the highest."""
    return _uri(heat(np.linspace(0, 1, _RAMP)[None]))


def flat_image(image: ArrayLike) -> np.ndarray:
    """Return gray and color images unchanged, and the channels of any other image side by side."""
    values = np.asarray(image, np.float32)
    if values.shape[-1] in (1, 3):
        return values
    return np.concatenate(np.split(values, values.shape[-1], axis=-1), axis=1)


def _uri(image: ArrayLike) -> str:
    return f"data:image/png;base64,{base64.b64encode(png_bytes(image)).decode('ascii')}"
