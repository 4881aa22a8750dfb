"""`Tolerance`: the strongest transforms under which a network keeps its predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dreamfilters.errors import InputFormError
from dreamfilters.number_format import percent
from dreamfilters.text_files import shown

_MOST = {"rotate": 180.0, "shift": 1.0, "crop": 1.0}  # of other values, only the least is limited


@dataclass(frozen=True)
class Tolerance:
    """The strongest transforms of each kind under which a network keeps its predictions, see `calibrate`.

    Attributes:
        rotate: degrees, either way.
        scale: s for factors from 1 / (1 + s) to 1 + s.
        shift: share of the side, either way.
        crop: side of the smallest crop, as a share of the image's.
        noise: std of normal noise.
        blur: sigma of a Gaussian, as a share of the side.

    Raises:
        InputFormError: a value is negative or too large.

    >>> Tolerance(rotate=15, shift=0.08).describe()
    'rotations of 15 degrees, scalings of 0 %, shifts of 8 %, crops to 100 %, noise of 0, blur of 0 %'
    """

    rotate: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    crop: float = 1.0
    noise: float = 0.0
    blur: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            most = _MOST.get(name, math.inf)
            if not 0 <= value <= most or math.isinf(value):
                raise InputFormError(f"tolerance {name}={value}: must be at least 0{_at_most(most)}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Tolerance:
        """Return the tolerance of the table in a TOML file; keys that are absent tolerate nothing.

        Raises:
            InputFormError: an unknown key, or a value that is not such a number.
        """
        names = [field.name for field in fields(cls)]
        for name, value in values.items():
            if name not in names:
                raise InputFormError(f"tolerance: {shown(name)}: no such key. Keys: {', '.join(names)}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputFormError(f"tolerance {name}={shown(value)}: a number")
        return cls(**{name: float(value) for name, value in values.items()})

    def as_values(self) -> dict[str, float]:
        """Return the table of a TOML file, which `of` reads."""
        return dict(vars(self))

    def describe(self) -> str:
        """Return the tolerance in one line."""
        return (
            f"rotations of {self.rotate:g} degrees, scalings of {percent(self.scale)}, shifts of "
            f"{percent(self.shift)}, crops to {percent(self.crop)}, noise of {self.noise:g}, blur of "
            f"{percent(self.blur)}"
        )


# The medians of nine traffic-sign networks of 30 to 64 pixels that others trained, see docs/benchmarks.md.
TYPICAL = Tolerance(rotate=20.0, scale=0.4, shift=0.08, crop=0.85, noise=0.06, blur=0.04)
# Networks of large images are trained on crops. SqueezeNet tolerates more: 45 degrees, 50 %, 25 %, crops to 70 %.
TYPICAL_LARGE = Tolerance(rotate=20.0, scale=0.4, shift=0.2, crop=0.7, noise=0.03)


def _at_most(most: float) -> str:
    return "" if math.isinf(most) else f", at most {most:g}"
