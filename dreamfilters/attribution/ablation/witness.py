"""What masking the place of a unit's strongest response does to this response, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class OcclusionWitness:
    """The result of `occlusion_witness` for one unit; responses are maxima of its map.

    Attributes:
        layer: its layer.
        unit: its number.
        image: name of the image with the largest response, '' if there is none.
        position: row and column of this response.
        box: (top, left, bottom, right) of the mask, in pixels of the network's input.
        response: without a mask.
        masked: with the mask at this place.
        blank: to an image of nothing but the mask.
        elsewhere: with the same mask at other places.
        confirmed: whether the mask at this place removes the response, and at no other place as much.
        reason: why there is nothing to confirm, or ''.
    """

    layer: str
    unit: int
    image: str = ""
    position: tuple[int, int] = (0, 0)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    response: float = math.nan
    masked: float = math.nan
    blank: float = math.nan
    elsewhere: tuple[float, ...] = ()
    confirmed: bool = False
    reason: str = ""

    @property
    def verdict(self) -> str:
        """'confirmed', 'not confirmed', or 'not tested' where there is nothing to confirm."""
        return "not tested" if self.reason else "confirmed" if self.confirmed else "not confirmed"

    def describe(self) -> str:
        """Return the verdict with its numbers in one line.

        >>> OcclusionWitness("conv4", 4, "a.png", (1, 2), (0, 0, 9, 9), 3.2, 0.4, 0.1, (3.1, 3.3), True).describe()
        'confirmed: 3.2 on a.png, 0.4 with its place masked, 3.1 or more with other places masked'
        """
        if self.reason:
            return f"{self.verdict}: {self.reason}"
        other = f"{min(self.elsewhere):.4g} or more with other places masked" if self.elsewhere else "no other place"
        return f"{self.verdict}: {self.response:.4g} on {self.image}, {self.masked:.4g} with its place masked, {other}"
