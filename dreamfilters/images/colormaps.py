"""A map of numbers becomes a picture whose brightness grows evenly with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import PictureError, UnknownNameError, close_names
from dreamfilters.images.decoding import MID_GREY, Picture, in_channels
from dreamfilters.images.resizing import resize

# Magma: every 17th of the 256 colours by Nathaniel J. Smith and Stefan van der Walt, given to the public domain (CC0),
# https://github.com/BIDS/colormap. Straight lines between these 16 stay within 2.3/255 of the original.
_MAGMA = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
# Viridis, by the same two and Eric Firing, from the same place: every 15th colour, which stays within 5/255.
_VIRIDIS = (
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f "
    "d8e219 fde725"
)
_GREY = "000000 ffffff"


def _stops(colours: str) -> NDArray[np.float64]:
    return np.array([list(bytes.fromhex(colour)) for colour in colours.split()]) / 255  # (n, 3)


_COLOURS = _stops(_MAGMA)


@dataclass(frozen=True, eq=False)
class Palette:
    """The colours of a map.

    Attributes:
        name: as `PALETTES` has it.
        colours: (256, 3) uint8 for the least value to the greatest, evenly brighter.
        missing: that of NaN, far from all of them.
    """

    name: str
    colours: NDArray[np.uint8]
    missing: tuple[int, int, int]

    @classmethod
    def of(cls, name: str, colours: str, missing: tuple[int, int, int]) -> "Palette":
        """Draw straight lines between colours in hexadecimal digits."""
        stops = _stops(colours)
        places = np.linspace(0, 1, 256)
        table = np.stack([np.interp(places, np.linspace(0, 1, len(stops)), shade) for shade in stops.T], axis=-1)
        return cls(name, np.round(table * 255).astype(np.uint8), missing)

    def paint(self, values: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.uint8]:
        """Return the colours (..., 3) of `values` (...), where `low` and `high`, which broadcast to them, are the ends.

        What lies beyond an end has its colour; where both ends are equal, everything has that of the low one.
        """
        place = share(values, low, high)
        missing = np.isnan(place)
        painted = self.colours[np.round(np.where(missing, 0, place) * 255).astype(np.uint8)]
        painted[missing] = self.missing
        return painted


def share(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return how far from `low` to `high` each value lies, 0 to 1, and 0 where both are equal; NaN stays NaN."""
    values, low = np.asarray(values, np.float64), np.asarray(low, np.float64)
    span = np.asarray(high, np.float64) - low
    place = np.where(np.isnan(values), np.nan, np.zeros(span.shape))
    np.divide(np.clip(values, low, low + span) - low, span, out=place, where=span > 0)
    return place


_MID_GREY = (128, 128, 128)
PALETTES = {
    palette.name: palette
    for palette in (
        Palette.of("grey", _GREY, (40, 120, 255)),  # as the old tools have it; NaN is blue
        Palette.of("magma", _MAGMA, _MID_GREY),
        Palette.of("viridis", _VIRIDIS, _MID_GREY),
    )
}


def palette(name: str) -> Palette:
    """Return the palette of that name, or raise UnknownNameError."""
    if name not in PALETTES:
        raise UnknownNameError(f"colours={name}: no such palette. {close_names(name, PALETTES)}")
    return PALETTES[name]


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
