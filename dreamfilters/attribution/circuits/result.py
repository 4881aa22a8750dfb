"""The units of an earlier layer that feed a unit, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.images import ImageArray, contact_sheet
from dreamfilters.serialization import plain

_SIDE = 96  # pixels of a kernel in a notebook


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

    @property
    def kernel_images(self) -> tuple[ImageArray, ...]:
        """The kernels as images (h, w, 3) on one scale: blue adds to the unit, red lowers it, white is 0."""
        if self.kernels is None:
            return ()
        largest = float(np.abs(self.kernels).max()) or 1.0
        return tuple(signed_image(kernel / largest) for kernel in self.kernels)

    @property
    def sheet(self) -> ImageArray | None:
        """The kernels beside each other with the units and their contributions, (H, W, 3); None without kernels."""
        if self.kernels is None:
            return None
        captions = [f"{self.layer}:{one.unit}\n{one.contribution:+.3g} ({one.share:.0%})" for one in self.units]
        title = f"{self.target} reads {self.layer}: expanded weights, blue adds, red lowers"
        return contact_sheet(self.kernel_images, captions, title=title)

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        detail = f"{self.total:.4g} of {self.response:.4g}, mean of {self.images} images"
        shown = [
            (image, (f"{self.layer}:{one.unit}", f"{one.contribution:+.3g}"))
            for image, one in zip(self.kernel_images, self.units, strict=False)
        ]
        parts = [tiles(shown, side=_SIDE)] if shown else [self.reason]
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
