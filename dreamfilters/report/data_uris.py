"""Images and maps inside a page, as PNGs in data URIs."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.images import heat, png_bytes, resize

_ENLARGED = 192  # pixels, about as large as a dream is shown: browsers enlarge less smoothly than `resize`
_LARGE, _SMALL = 192, 64  # pixels that an image is shown at most, beside others and in the index
_RAMP = 128  # pixels of the drawn scale


def image_uri(image: ArrayLike, *, enlarged: bool = False) -> str:
    """Return an image (h, w, c), a small one enlarged by a whole factor if wanted."""
    values = np.asarray(image, np.float32)
    height, width = values.shape[:2]
    times = max(1, _ENLARGED // max(height, width)) if enlarged else 1
    return _uri(resize(values, (times * height, times * width)) if times > 1 else values)


def shown_uri(image: ArrayLike, *, small: bool = False) -> str:
    """Return an image (h, w, c) of any number of planes, not larger than it is shown."""
    side, flat = _SMALL if small else _LARGE, flat_image(image)
    longer = max(flat.shape[:2])
    if longer > side:
        flat = resize(flat, (max(1, flat.shape[0] * side // longer), max(1, flat.shape[1] * side // longer)))
    return image_uri(flat)


def pixels_uri(image: ArrayLike) -> str:
    """Return an image (h, w, c) of any number of planes, each of its pixels one."""
    return image_uri(flat_image(image))


def map_uri(values: ArrayLike, top: float, low: float = 0.0) -> str:
    """Return a map (h, w) in heat colors from `low` to `top`, one pixel a place."""
    return _uri(heat(values, low=low, high=top))


def ramp_uri() -> str:
    """Return all heat colors in one row, from the lowest to the highest."""
    return _uri(heat(np.linspace(0, 1, _RAMP)[None]))


def flat_image(image: ArrayLike) -> np.ndarray:
    """Return gray and color images as they are, the planes of any other side by side."""
    values = np.asarray(image, np.float32)
    if values.shape[-1] in (1, 3):
        return values
    return np.concatenate(np.split(values, values.shape[-1], axis=-1), axis=1)


def _uri(image: ArrayLike) -> str:
    return f"data:image/png;base64,{base64.b64encode(png_bytes(image)).decode('ascii')}"
