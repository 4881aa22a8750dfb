"""Colormaps: maps of numbers as images with even steps of brightness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError, UnknownNameError, close_names
from dreamfilters.images.decoding import MID_GRAY, ImageArray

# Magma: every 17th of the 256 colors by Nathaniel J. Smith and Stefan van der Walt, public domain (CC0),
# https://github.com/BIDS/colormap. Linear interpolation stays within 2.3/255 of the original.
_MAGMA = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
# Viridis, by the same two and Eric Firing, same source: every 15th color; interpolation stays within 5/255.
_VIRIDIS = (
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f "
    "d8e219 fde725"
)
_GRAY = "000000 ffffff"


def _stops(colors: str) -> NDArray[np.float64]:
    return np.array([list(bytes.fromhex(color)) for color in colors.split()]) / 255  # (n, 3)


@dataclass(frozen=True, eq=False)
class Colormap:
    """Colors for the values of a map.

    Attributes:
        name: its key in `COLORMAPS`.
        colors: (256, 3) uint8, from the lowest to the highest value.
        missing: the color of NaN, unlike all others.
    """

    name: str
    colors: NDArray[np.uint8]
    missing: tuple[int, int, int]

    @classmethod
    def of(cls, name: str, colors: str, missing: tuple[int, int, int]) -> "Colormap":
        """Return the colormap that interpolates between colors in hexadecimal digits."""
        stops = _stops(colors)
        places = np.linspace(0, 1, 256)
        table = np.stack([np.interp(places, np.linspace(0, 1, len(stops)), shade) for shade in stops.T], axis=-1)
        return cls(name, np.round(table * 255).astype(np.uint8), missing)

    def paint(self, values: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.uint8]:
        """Return the colors (..., 3) of `values` (...), with the range `low` to `high`, which broadcast to them.

        Values outside the range get the color of its end. Where both ends are equal, all values get the lowest color.
        """
        place = share(values, low, high)
        missing = np.isnan(place)
        painted = self.colors[np.round(np.where(missing, 0, place) * 255).astype(np.uint8)]
        painted[missing] = self.missing
        return painted


def share(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return the position of each value between `low` and `high`, 0 to 1; 0 where both are equal, NaN for NaN."""
    values, low = np.asarray(values, np.float64), np.asarray(low, np.float64)
    span = np.asarray(high, np.float64) - low
    place = np.where(np.isnan(values), np.nan, np.zeros(span.shape))
    np.divide(np.clip(values, low, low + span) - low, span, out=place, where=span > 0)
    return place


_MID_GRAY = (128, 128, 128)
COLORMAPS = {
    colormap.name: colormap
    for colormap in (
        Colormap.of("gray", _GRAY, (40, 120, 255)),  # NaN is blue
        Colormap.of("magma", _MAGMA, _MID_GRAY),
        Colormap.of("viridis", _VIRIDIS, _MID_GRAY),
    )
}


def colormap(name: str) -> Colormap:
    """Return the colormap of a name.

    Raises:
        UnknownNameError: there is no such colormap.
    """
    if name not in COLORMAPS:
        raise UnknownNameError(f"colormap={name}: no such colormap. {close_names(name, COLORMAPS)}")
    return COLORMAPS[name]


def heat(values: ArrayLike, *, low: float | None = None, high: float | None = None) -> ImageArray:
    """Return the map `values` (h, w) in the colors of magma, (h, w, 3) in [0, 1].

    `low` and `high` are the ends of the range; default: the lowest and the highest finite value. A constant map gets
    the color of `low`. NaN is mid-gray, which magma does not contain.

    Raises:
        ImageError: `values` is not (h, w), or `low` is above `high`.

    >>> (255 * heat([[0.0, 1.0]])).round().tolist()
    [[[0.0, 0.0, 4.0], [252.0, 253.0, 191.0]]]
    """
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    low = (finite.min() if finite.size else 0.0) if low is None else low
    high = max(low, finite.max() if finite.size else low) if high is None else high
    if values.ndim != 2 or not low <= high:
        raise ImageError(f"heat: shape {values.shape}, low {low:g}, high {high:g}; must be (h, w) with low <= high")
    place = np.clip(values, low, high) - low  # (h, w)
    place = place / (high - low) if high > low else place
    colors = _stops(_MAGMA)
    stops = np.linspace(0, 1, len(colors))
    colored = np.stack([np.interp(place, stops, shade) for shade in colors.T], axis=-1)  # (h, w, 3)
    colored[np.isnan(values)] = MID_GRAY
    return colored.astype(np.float32)
