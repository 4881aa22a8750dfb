"""The table of trust: every measure for every method, over some images, and what is wrong with a method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from dreamfilters.attribution.trust.deletion import DELETION
from dreamfilters.attribution.trust.insertion import INSERTION
from dreamfilters.attribution.trust.weight_dependence import ALL_LAYERS, UPPER_HALF
from dreamfilters.display import frame, heading, table
from dreamfilters.serialization import finite

NO_BETTER, NOT_WEIGHTS = "no better than chance", "does not depend on the weights"
NOT_UPPER = "does not depend on the upper half of the layers"
_LEAST_GAIN = 0.05  # in area; below it, heatmaps at the right place and at another one are alike
_ERRORS = 2  # standard errors by which the mean gain has to exceed 0
_ALIKE = 0.7  # rank correlation of heatmaps before and after weights became random: half of the variance is shared

ImageValues: TypeAlias = Mapping[str, Mapping[str, tuple[float, float]]]  # method -> measure -> (value, by chance)
Curves: TypeAlias = Mapping[str, Mapping[str, tuple[float, ...]]]  # method -> measure -> the points of its curve


@dataclass(frozen=True)
class TrustValue:
    """A measure of one method over the images.

    Attributes:
        mean: over the images where it is defined; NaN without any.
        by_chance: the mean of what a heatmap that knows nothing gets; NaN without such a comparison.
        count: number of images where it is defined.
    """

    mean: float
    by_chance: float
    count: int


@dataclass(frozen=True)
class TrustRow:
    """The measures of one method.

    Attributes:
        method: its name; "random" is the control.
        values: measure -> its value.
        flags: what is wrong with the method.
    """

    method: str
    values: Mapping[str, TrustValue]
    flags: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Trust:
    """How far the heatmaps of each method can be trusted.

    Attributes:
        images: number of images that were measured.
        rows: one a method, the control last.
        curves: method -> "deletion" and "insertion" -> the mean of their curves over the images, see `mean_curves`.
        seconds: method -> the time of its heatmaps; {} where it is not known.
    """

    images: int
    rows: tuple[TrustRow, ...]
    curves: Curves = field(default_factory=dict, repr=False)
    seconds: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of the measures."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.values))

    def cells(self) -> list[dict[str, str]]:
        """Return the table as text: method, each measure with what chance gets in brackets, and the flags.

        >>> Trust(1, (TrustRow("gradient", {"deletion": TrustValue(0.25, 0.5, 1)}, ()),)).cells()
        [{'method': 'gradient', 'deletion': '0.25 (0.50)', 'flags': ''}]
        """
        return [
            {
                "method": row.method,
                **{name: _text(row.values.get(name)) for name in self.measures},
                **({"seconds": _seconds(self.seconds.get(row.method))} if self.seconds else {}),
                "flags": "; ".join(row.flags),
            }
            for row in self.rows
        ]

    def as_values(self) -> list[dict[str, Any]]:
        """Return the rows as JSON values."""
        return [
            {
                "method": row.method,
                "measures": {
                    name: {"mean": finite(one.mean), "by_chance": finite(one.by_chance), "images": one.count}
                    for name, one in row.values.items()
                },
                "flags": list(row.flags),
            }
            for row in self.rows
        ]

    def row(self, method: str) -> TrustRow:
        """Return the row of a method."""
        return next(row for row in self.rows if row.method == method)

    def _repr_html_(self) -> str:
        detail = f"means over {self.images} images; in brackets: the same heatmaps at another place"
        return frame(heading("Trust in the heatmaps", detail), table("", self.cells()))

    def __repr__(self) -> str:
        return f"Trust({self.images} images, {', '.join(row.method for row in self.rows)})"


def trust_of(
    images: Sequence[ImageValues], curves: Sequence[Curves] = (), seconds: Mapping[str, float] | None = None
) -> Trust:
    """Return the table of the values of each image, with the curves of each, and the time of each method."""
    methods = dict.fromkeys(method for image in images for method in image)
    rows = tuple(_row(method, [image[method] for image in images if method in image]) for method in methods)
    return Trust(len(images), rows, mean_curves(curves), seconds or {})


def mean_curves(images: Sequence[Curves]) -> Curves:
    """Return the mean of each curve over the images that have it; its area is the mean of their areas.

    >>> mean_curves([{"gradient": {"deletion": (1.0, 0.0)}}, {"gradient": {"deletion": (0.5, 0.0)}}])
    {'gradient': {'deletion': (0.75, 0.0)}}
    """
    found: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for image in images:
        for method, curves in image.items():
            for measure, points in curves.items():
                found.setdefault(method, {}).setdefault(measure, []).append(points)
    return {
        method: {measure: tuple(np.mean(rows, axis=0).tolist()) for measure, rows in curves.items()}
        for method, curves in found.items()
    }


def _row(method: str, images: Sequence[Mapping[str, tuple[float, float]]]) -> TrustRow:
    measures = dict.fromkeys(name for image in images for name in image)
    values = {name: _value([image[name] for image in images if name in image]) for name in measures}
    flags = [*([NO_BETTER] if _is_chance(images) else []), *_ignored(values)]
    return TrustRow(method, values, tuple(flags))


def _ignored(values: Mapping[str, TrustValue]) -> list[str]:
    """Return which weights the heatmaps do not depend on."""
    upper, every = (values[one.name].mean if one.name in values else math.nan for one in (UPPER_HALF, ALL_LAYERS))
    return [NOT_WEIGHTS] if every >= _ALIKE else [NOT_UPPER] if upper >= _ALIKE else []


def _value(pairs: Sequence[tuple[float, float]]) -> TrustValue:
    known = [value for value, _ in pairs if math.isfinite(value)]
    chances = [chance for value, chance in pairs if math.isfinite(value) and math.isfinite(chance)]
    return TrustValue(_mean(known), _mean(chances), len(known))


def _is_chance(images: Sequence[Mapping[str, tuple[float, float]]]) -> bool:
    """Return whether deletion and insertion are together no better than those of the heatmaps at another place."""
    gains = [_gain(image) for image in images if DELETION.name in image and INSERTION.name in image]
    gains = [gain for gain in gains if math.isfinite(gain)]
    if not gains:
        return False
    error = np.std(gains, ddof=1) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(np.mean(gains)) < max(_LEAST_GAIN, _ERRORS * float(error))


def _gain(image: Mapping[str, tuple[float, float]]) -> float:
    (deletion, of_deletion), (insertion, of_insertion) = image[DELETION.name], image[INSERTION.name]
    return ((of_deletion - deletion) + (insertion - of_insertion)) / 2


def _seconds(time: float | None) -> str:
    return "" if time is None else f"{time:.2f}"


def _mean(numbers: Sequence[float]) -> float:
    return float(np.mean(numbers)) if numbers else math.nan


def _text(value: TrustValue | None) -> str:
    if value is None or not math.isfinite(value.mean):
        return "–"
    chance = f" ({value.by_chance:.2f})" if math.isfinite(value.by_chance) else ""
    return f"{value.mean:.2f}{chance}".replace("-", "−")
