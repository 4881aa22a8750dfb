"""A map of numbers becomes a picture whose brightness grows evenly with them."""

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import PictureError
from dreamfilters.images.decoding import MID_GREY, Picture, in_channels
from dreamfilters.images.sizing import resize

# Magma: every 17th of the 256 colours by Nathaniel J. Smith and Stefan van der Walt, given to the public domain (CC0),
# https://github.com/BIDS/colormap. Straight lines between these 16 stay within 2.3/255 of the original.
_MAGMA = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
_COLOURS = np.array([list(bytes.fromhex(colour)) for colour in _MAGMA.split()]) / 255  # (16, 3)


def heat(values: ArrayLike, *, low: float | None = None, high: float | None = None) -> Picture:
    """The map `values` (h, w) in colours (h, w, 3): black at `low` and below, through purple, to pale yellow at `high`.

    Without `low` or `high` the least or greatest finite value takes its place. A constant map has one colour, that of
    `low`; NaN is mid-grey, a colour the scale does not hold. Raises PictureError if `low` is above `high`.

    >>> (255 * heat([[0.0, 1.0]])).round().tolist()
    [[[0.0, 0.0, 4.0], [252.0, 253.0, 191.0]]]
    """
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    low = (finite.min() if finite.size else 0.0) if low is None else low
    high = max(low, finite.max() if finite.size else low) if high is None else high
    if values.ndim != 2 or not low <= high:
        raise PictureError(f"heat: shape {values.shape}, low {low:g}, high {high:g}; wanted (h, w) and low up to high")
    place = np.clip(values, low, high) - low  # (h, w)
    place = place / (high - low) if high > low else place
    stops = np.linspace(0, 1, len(_COLOURS))
    coloured = np.stack([np.interp(place, stops, shade) for shade in _COLOURS.T], axis=-1)  # (h, w, 3)
    coloured[np.isnan(values)] = MID_GREY
    return coloured.astype(np.float32)


def overlay(picture: ArrayLike, heated: ArrayLike, *, alpha: float = 0.5) -> Picture:
    """`heated` (h2, w2, 3) laid over `picture` (h, w, 1 to 4) at its size, (h, w, 3); at `alpha` 0 just the picture."""
    below = in_channels(np.asarray(picture, np.float32), 3)
    height, width = below.shape[:2]
    above = resize(heated, (height, width))
    return (below * (1 - alpha) + above * alpha).astype(np.float32)
