"""A unit whose output is multiplied by a number: 0 ablates it, more than 1 boosts it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dreamfilters.errors import TargetError

MOST_FACTOR = 1000.0
MOST_UNITS = 16  # changed at a time


@dataclass(frozen=True)
class UnitChange:
    """A unit and what its output is multiplied by.

    Attributes:
        layer: name of its layer.
        unit: its number.
        factor: 0 for an ablated unit.

    >>> str(UnitChange("conv6", 12, 0.0)), str(UnitChange("conv6", 12, 2.5))
    ('conv6:12 ablated', 'conv6:12 × 2.5')
    """

    layer: str
    unit: int
    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and 0 <= self.factor <= MOST_FACTOR):
            raise TargetError(
                f"{self.layer}:{self.unit}: factor {self.factor:g}; a number from 0, which ablates the unit, "
                f"to {MOST_FACTOR:g}"
            )

    def __str__(self) -> str:
        return f"{self.layer}:{self.unit} {'ablated' if self.factor == 0 else f'× {self.factor:g}'}"
