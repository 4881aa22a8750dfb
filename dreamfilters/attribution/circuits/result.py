"""The units of an earlier layer that feed a unit, as values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.dreams.result import Dream
from dreamfilters.images import ImageArray, contact_sheet
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.encoding import displayed
from dreamfilters.images.panels import BACKGROUND
from dreamfilters.images.resizing import resize
from dreamfilters.number_format import percent
from dreamfilters.serialization import plain

_SIDE = 96  # pixels of a kernel in a notebook
_TILE = 144  # pixels of a dream and of a kernel in the drawing
_COLUMNS = 6  # of the drawing
_GAP = 4  # between a dream and the kernel below it


@dataclass(frozen=True)
class FeedingUnit:
    """What one unit of the earlier layer adds to the response of a unit.

    Attributes:
        unit: its number.
        contribution: its share of the response in the units of the response, averaged over the images; negative if it
            lowers the response.
        share: the magnitude of this, of the sum of the magnitudes of all units of the layer.
        activation: its mean response to the images.
        weight: the sum of its expanded weights, which is what a constant map of 1 would add; None where there are none.
    """

    unit: int
    contribution: float
    share: float
    activation: float
    weight: float | None = None


@dataclass(frozen=True, eq=False)
class Circuit:
    """The result of `circuit`.

    Attributes:
        target: the unit that is fed, such as 'conv5:3'.
        layer: the earlier layer.
        response: the unit's largest value before its activation, averaged over the images that count.
        total: the sum of the contributions of all units. The rest of the response is biases, and what paths that bypass
            the layer add; with a nonlinear layer in between also the error of the linear approximation.
        images: number of images that count, those with the largest responses.
        count: number of units of the earlier layer.
        units: the units with the largest contributions of either sign, the most positive first.
        kernels: (len(units), h, w) the expanded weights of each unit: how much a value of 1 at this place of its map
            adds to the unit's value before its activation; None where there are none.
        reason: why there are no expanded weights, or ''.
        dreams: of the unit that is fed and of each unit that feeds it, in the order of `units`; () for none.
    """

    target: str
    layer: str
    response: float
    total: float
    images: int
    count: int
    units: tuple[FeedingUnit, ...]
    kernels: NDArray[np.float64] | None = field(default=None, repr=False)
    reason: str = ""
    dreams: tuple[Dream, ...] = field(default=(), repr=False)

    @property
    def kernel_images(self) -> tuple[ImageArray, ...]:
        """The kernels as images (h, w, 3) on one scale: blue adds to the unit, red lowers it, white is 0."""
        if self.kernels is None:
            return ()
        largest = float(np.abs(self.kernels).max()) or 1.0
        return tuple(signed_image(kernel / largest) for kernel in self.kernels)

    @property
    def sheet(self) -> ImageArray | None:
        """The unit, then each unit that feeds it, with its contribution, (H, W, 3): its dream and its kernel below.

        Without dreams it is the kernels alone, without kernels the dreams; None without both.
        """
        kernels = [_tile(kernel) for kernel in self.kernel_images]
        dreams = [_tile(displayed(dream.image)) for dream in self.dreams]
        captions = [f"{self.layer}:{one.unit}\n{one.contribution:+.3g} ({percent(one.share, 0)})" for one in self.units]
        title = f"{self.target} reads {self.layer}"
        title += ": expanded weights, blue adds, red lowers" if kernels else ""
        if not dreams:
            return contact_sheet(kernels, captions, title=title) if kernels else None
        images = [_above(dream, kernel) for dream, kernel in zip(dreams[1:], kernels, strict=False)] or dreams[1:]
        first = _above(dreams[0], None) if kernels else dreams[0]
        captions = [f"{self.target}\nresponse {self.response:.3g}", *captions]
        side = max(images[0].shape[:2])
        return contact_sheet([first, *images], captions, columns=_COLUMNS, tile=side, title=title)

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(replace(self, dreams=()))
        values["dreams"] = [{"target": one.name, "seed": one.seed} for one in self.dreams]
        return values

    def _repr_html_(self) -> str:
        detail = f"{self.total:.4g} of {self.response:.4g}, mean of {self.images} images"
        shown = [
            (image, (f"{self.layer}:{one.unit}", f"{one.contribution:+.3g}"))
            for image, one in zip(self.kernel_images, self.units, strict=False)
        ]
        parts = [tiles(shown, side=_SIDE)] if shown else [self.reason]
        names = [self.target, *(f"{self.layer}:{one.unit}" for one in self.units)]
        if self.dreams:
            pairs = zip(self.dreams, names, strict=True)
            parts.insert(0, tiles([(displayed(dream.image), (name,)) for dream, name in pairs], side=_SIDE))
        return frame(heading(f"{self.target} reads {self.layer}", detail), table("", plain(self.units)), *parts)


def signed_image(values: ArrayLike) -> ImageArray:
    """Return values (h, w) in [-1, 1] as an image: from red over white to blue.

    >>> signed_image([[1.0, 0.0, -1.0]]).tolist()
    [[[0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]]
    """
    signed = np.clip(np.asarray(values, np.float64), -1, 1)
    red, blue = 1 - np.maximum(signed, 0), 1 + np.minimum(signed, 0)
    image: ImageArray = np.stack([red, np.minimum(red, blue), blue], axis=-1).astype(np.float32)
    return image


def _tile(image: ImageArray) -> ImageArray:
    """Return an image (h, w, 1 to 4) as color, about `_TILE` pixels long; a small one keeps its pixels as squares."""
    color = in_channels(with_channels(image), 3)
    longest = max(color.shape[:2])
    if longest > _TILE:
        height, width = (max(1, round(side * _TILE / longest)) for side in color.shape[:2])
        return resize(color, (height, width))
    factor = _TILE // longest
    return np.repeat(np.repeat(color, factor, 0), factor, 1)


def _above(dream: ImageArray, kernel: ImageArray | None) -> ImageArray:
    """Return a dream with a kernel below it, centered, or with as much room."""
    below = np.zeros((_TILE, dream.shape[1], 3), np.float32) if kernel is None else kernel
    height, width = dream.shape[0] + _GAP + max(_TILE, below.shape[0]), max(dream.shape[1], below.shape[1])
    whole = np.full((height, width, 3), np.asarray(BACKGROUND, np.float32) / 255, np.float32)
    for part, top in ((dream, 0), (below, dream.shape[0] + _GAP)):
        if part is not below or kernel is not None:
            left = (width - part.shape[1]) // 2
            whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole
