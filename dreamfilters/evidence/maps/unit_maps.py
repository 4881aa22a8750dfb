"""What one layer answers to one image: the map of every unit, its numbers, and the scale they are shown on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import LayerInfo, Network
from dreamfilters.networks.layers.pass_through import types_of

By: TypeAlias = Literal["unit", "layer", "fixed"]


@dataclass(frozen=True)
class MapScale:
    """Which value is the darkest color and which the brightest.

    Attributes:
        by: "unit": each map's own least and greatest value, as the old tools have it, so that maps cannot be compared;
            "layer": those of the whole layer for this image; "fixed": `low` and `high`.
        low: with "fixed", the darkest.
        high: with "fixed", the brightest.

    Example:
        >>> MapScale.read("0:6")
        MapScale(by='fixed', low=0.0, high=6.0)
    """

    by: By = "unit"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.by not in ("unit", "layer", "fixed"):
            raise RecipeError(f"scale={self.by}: unit, layer or two numbers LOW:HIGH")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise RecipeError(f"scale={self.low:g}:{self.high:g}: two numbers, the first below the second")

    @classmethod
    def read(cls, text: str) -> MapScale:
        """Return the scale of a word: 'unit', 'layer' or 'LOW:HIGH'.

        Raises:
            RecipeError: another word, or numbers out of order.
        """
        numbers = [number for number in re.split(r"[:,\s]+", text.strip()) if number]
        if len(numbers) != 2:
            return cls(text.strip())  # type: ignore[arg-type]
        try:
            low, high = map(float, numbers)
        except ValueError:
            raise RecipeError(f"scale={text}: unit, layer or two numbers LOW:HIGH") from None
        return cls("fixed", low, high)


@dataclass(frozen=True, eq=False)
class UnitMaps:
    """The maps of a layer's units for one image.

    Attributes:
        info: the layer.
        units: the numbers of the units that are held.
        values: (h, w, units) float32; (1, 1, units) for a layer that answers an image as a whole.
        span: the least and the greatest finite value of the whole layer, of the units that are not held too.
    """

    info: LayerInfo
    units: tuple[int, ...]
    values: Floats
    span: tuple[float, float]

    @classmethod
    def of(cls, info: LayerInfo, values: Floats, units: Sequence[int] | None = None) -> UnitMaps:
        """Return the maps of one image's activation, (h, w, c) or (c,), of all units or of some."""
        maps = values if values.ndim == 3 else values[None, None, :]
        chosen = tuple(range(maps.shape[-1])) if units is None else tuple(units)
        span = _ends(maps.reshape(1, -1))
        return cls(
            info, chosen, maps if units is None else maps[..., list(chosen)], (float(span[0][0]), float(span[1][0]))
        )

    @property
    def are_numbers(self) -> bool:
        """Whether each unit's map is a single number, as that of a dense layer."""
        return self.values.shape[:2] == (1, 1)

    @cached_property
    def planes(self) -> Floats:
        """The maps one after the other, (units, h, w)."""
        return np.ascontiguousarray(np.moveaxis(self.values, -1, 0))

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """The least and the greatest finite value of each map, (units,) twice; NaN where there is none."""
        return _ends(self._rows)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """The mean of each map's finite values, (units,); NaN where there is none."""
        finite = np.isfinite(self._rows)
        if finite.all():
            return np.asarray(self._rows.mean(axis=1, dtype=np.float64))
        total = np.where(finite, self._rows, 0).sum(axis=1, dtype=np.float64)
        empty = np.full(len(total), np.nan)
        return np.asarray(np.divide(total, finite.sum(axis=1), out=empty, where=finite.any(axis=1)))

    @cached_property
    def missing(self) -> NDArray[np.int64]:
        """How many places of each map are NaN, (units,)."""
        return np.asarray(np.isnan(self._rows).sum(axis=1))

    @cached_property
    def infinite(self) -> NDArray[np.int64]:
        """How many places of each map are infinite, (units,)."""
        return np.asarray(np.isinf(self._rows).sum(axis=1))

    def limits(self, scale: MapScale) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what the darkest and the brightest color mean for each unit, (units,) twice."""
        low, high = (np.nan_to_num(end.astype(np.float64)) for end in self.ends)
        if scale.by == "unit" and not self.are_numbers:
            return low, high
        ends = (scale.low, scale.high) if scale.by == "fixed" else np.nan_to_num(self.span)
        return np.full(len(low), ends[0], np.float64), np.full(len(low), ends[1], np.float64)

    def as_values(self, scale: MapScale) -> dict[str, Any]:
        """Return the numbers of every unit, and the scale, as JSON can hold them."""
        low, high = self.limits(scale)
        by = "layer" if self.are_numbers and scale.by == "unit" else scale.by
        return {
            "type": self.info.type,
            "activation": self.info.activation,
            "map": list(self.values.shape[:2]),
            "layer": {"units": self.info.units, "min": _number(self.span[0]), "max": _number(self.span[1])},
            "scale": {"by": by} if by == "unit" else {"by": by, "low": _number(low[0]), "high": _number(high[0])},
            "units": list(self.units),
            "min": [_number(value) for value in self.ends[0].tolist()],
            "max": [_number(value) for value in self.ends[1].tolist()],
            "mean": [_number(value) for value in self.means.tolist()],
            "nan": self.missing.tolist(),
            "infinite": self.infinite.tolist(),
        }

    @property
    def _rows(self) -> Floats:
        return self.planes.reshape(len(self.units), -1)


# Layers whose maps equal those of the layer before them.
_FORWARDED = types_of("identity", "reshape")


def mapped_layers(network: Network, names: Sequence[str] | None = None) -> tuple[LayerInfo, ...]:
    """Return the layers that have a map for each unit or a number for each, in the order of execution.

    Without `names` those of all, but the ones that only hand on or reshape what they got, such as Dropout and Flatten.

    Raises:
        UnknownNameError: no such layer.
        TargetError: it has neither maps nor numbers.
    """
    if names is None:
        return tuple(info for info in network.layers if _has_maps(info) and info.type not in _FORWARDED)
    chosen = {network.layer(name).name for name in names}
    for info in network.layers:
        if info.name in chosen and not _has_maps(info):
            raise TargetError(f"{info.name}: its output {info.shape} is neither a map (h, w, c) nor a vector (c,)")
    return tuple(info for info in network.layers if info.name in chosen)


def select_units(layers: Sequence[LayerInfo], units: Sequence[int] | None) -> Mapping[str, tuple[int, ...] | None]:
    """Return which units of each layer are meant, None for all; a layer that has none of them is left out.

    Raises:
        TargetError: no layer has one of them.
    """
    if units is None:
        return {info.name: None for info in layers}
    wanted = tuple(dict.fromkeys(units))
    found = {info.name: tuple(unit for unit in wanted if 0 <= unit < info.units) for info in layers}
    lacking = next((unit for unit in wanted if not any(unit in kept for kept in found.values())), None)
    if lacking is not None or not wanted:
        most = max(layers, key=lambda info: info.units)
        known = f"{most.name} has {most.units}, 0 to {most.units - 1}"
        raise TargetError(f"unit {lacking}: no chosen layer has it; {known}" if wanted else f"no units: {known}")
    return {name: kept for name, kept in found.items() if kept}


def _has_maps(info: LayerInfo) -> bool:
    return len(info.shape) in (1, 3) and info.units > 0


def _ends(rows: Floats) -> tuple[Floats, Floats]:
    """Return the least and the greatest finite value of each row."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high
    finite = np.isfinite(rows)
    some = finite.any(axis=1)
    low, high = np.where(finite, rows, np.inf).min(axis=1), np.where(finite, rows, -np.inf).max(axis=1)
    return np.where(some, low, np.nan).astype(np.float32), np.where(some, high, np.nan).astype(np.float32)


def _number(value: float) -> float | None:
    """Return the number to nine digits, which no other float32 has; None where it is not finite."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
