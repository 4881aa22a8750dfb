"""The activation maps of one layer on one image: the map of every unit, and its statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.maps.map_style import MapScale
from dreamfilters.networks import LayerInfo, Network
from dreamfilters.networks.layers.layer_info import TokenGrid, as_maps
from dreamfilters.networks.layers.pass_through import types_of


@dataclass(frozen=True, eq=False)
class UnitMaps:
    """The activation maps of a layer's units on one image.

    Attributes:
        info: the layer.
        units: the numbers of the units.
        values: (h, w, units) float32; (t, 1, units) for tokens and (1, 1, units) for a vector, as in `as_maps`.
        span: the least and greatest finite value of the whole layer, including units that are left out.
    """

    info: LayerInfo
    units: tuple[int, ...]
    values: Floats
    span: tuple[float, float]

    @classmethod
    def of(cls, info: LayerInfo, values: Floats, units: Sequence[int] | None = None) -> UnitMaps:
        """Return the maps of one image's activation, (h, w, c), (t, c) or (c,), of all units or of some."""
        maps = as_maps(values[None])[0]
        chosen = tuple(range(maps.shape[-1])) if units is None else tuple(units)
        low, high = _finite_range(maps.reshape(1, -1))
        held = maps if units is None else maps[..., list(chosen)]
        return cls(info, chosen, held, (float(low[0]), float(high[0])))

    @property
    def is_vector(self) -> bool:
        """Whether each unit has a single value, as in a dense layer."""
        return self.values.shape[:2] == (1, 1)

    @property
    def grid(self) -> TokenGrid | None:
        """How tokens cover the image; None for other kinds and for tokens without a grid."""
        return self.info.grid if self.info.kind == "tokens" else None

    @cached_property
    def planes(self) -> Floats:
        """The maps as they are drawn, (units, h, w): patch tokens on their grid, other tokens as one row."""
        maps = self.values
        if self.info.kind == "tokens":
            tokens = maps[:, 0]  # (t, units)
            maps = tokens[None] if self.grid is None else self.grid.patches(tokens)
        return np.ascontiguousarray(np.moveaxis(maps, -1, 0))

    @cached_property
    def other_tokens(self) -> Floats:
        """The values of class and register tokens, which are drawn beside the grid, (units, k); k is 0 for none."""
        tokens = self.values[:0, 0] if self.grid is None else self.grid.other_tokens(self.values[:, 0])
        return np.ascontiguousarray(tokens.T)

    @cached_property
    def ranges(self) -> tuple[Floats, Floats]:
        """The least and greatest finite value of each map, (units,) twice; NaN for none."""
        return _finite_range(self._rows)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """The mean of each map's finite values, (units,); NaN for none."""
        finite = np.isfinite(self._rows)
        if finite.all():
            return np.asarray(self._rows.mean(axis=1, dtype=np.float64))
        total = np.where(finite, self._rows, 0).sum(axis=1, dtype=np.float64)
        empty = np.full(len(total), np.nan)
        return np.asarray(np.divide(total, finite.sum(axis=1), out=empty, where=finite.any(axis=1)))

    @cached_property
    def nan_counts(self) -> NDArray[np.int64]:
        """The number of NaN in each map, (units,)."""
        return np.asarray(np.isnan(self._rows).sum(axis=1))

    @cached_property
    def infinite_counts(self) -> NDArray[np.int64]:
        """The number of infinite values in each map, (units,)."""
        return np.asarray(np.isinf(self._rows).sum(axis=1))

    def limits(self, scale: MapScale) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values of the darkest and the brightest color for each unit, (units,) twice."""
        low, high = (np.nan_to_num(end.astype(np.float64)) for end in self.ranges)
        if scale.by == "unit" and not self.is_vector:
            return low, high
        ends = (scale.low, scale.high) if scale.by == "fixed" else np.nan_to_num(self.span)
        return np.full(len(low), ends[0], np.float64), np.full(len(low), ends[1], np.float64)

    def as_values(self, scale: MapScale) -> dict[str, Any]:
        """Return the statistics of every unit and the scale as plain values for JSON."""
        low, high = self.limits(scale)
        by = "layer" if self.is_vector and scale.by == "unit" else scale.by
        return {
            "type": self.info.type,
            "activation": self.info.activation,
            "map": list(self.values.shape[:2]),
            "layer": {"units": self.info.units, "min": _number(self.span[0]), "max": _number(self.span[1])},
            "scale": {"by": by} if by == "unit" else {"by": by, "low": _number(low[0]), "high": _number(high[0])},
            "units": list(self.units),
            "min": [_number(value) for value in self.ranges[0].tolist()],
            "max": [_number(value) for value in self.ranges[1].tolist()],
            "mean": [_number(value) for value in self.means.tolist()],
            "nan": self.nan_counts.tolist(),
            "infinite": self.infinite_counts.tolist(),
        }

    @property
    def _rows(self) -> Floats:
        """All values of each unit, (units, positions)."""
        maps = np.moveaxis(self.values, -1, 0) if self.info.kind == "tokens" else self.planes
        return maps.reshape(len(self.units), -1)


# Layers whose maps equal those of the layer before them.
_FORWARDED = types_of("identity", "reshape")


def mapped_layers(network: Network, names: Sequence[str] | None = None) -> tuple[LayerInfo, ...]:
    """Return the layers whose units have maps, in the order of execution.

    Without `names`, layers that only forward or reshape their input, such as Dropout and Flatten, are left out.

    Raises:
        UnknownNameError: the network has no such layer.
        TargetError: the layer has no units, or no layer of the network has any.
    """
    if names is None:
        mapped = tuple(info for info in network.layers if _has_maps(info) and info.type not in _FORWARDED)
        if not mapped:
            raise TargetError(f"{network.name}: no layer has units to map; 'dreamfilters layers' gives the reasons")
        return mapped
    chosen = {network.layer(name).name for name in names}
    for info in network.layers:
        if info.name in chosen and not _has_maps(info):
            raise TargetError(f"{info.name}: has no units to map: {info.reason or 'their number depends on the image'}")
    return tuple(info for info in network.layers if info.name in chosen)


def select_units(layers: Sequence[LayerInfo], units: Sequence[int] | None) -> Mapping[str, tuple[int, ...] | None]:
    """Return the selected units of each layer, None for all; a layer without any of them is left out.

    Raises:
        TargetError: no layer has one of the units.
    """
    if units is None:
        return {info.name: None for info in layers}
    wanted = tuple(dict.fromkeys(units))
    found = {info.name: tuple(unit for unit in wanted if 0 <= unit < info.units) for info in layers}
    unknown = next((unit for unit in wanted if not any(unit in selected for selected in found.values())), None)
    if unknown is not None or not wanted:
        largest = max(layers, key=lambda info: info.units)
        known = f"{largest.name} has {largest.units}, 0 to {largest.units - 1}"
        raise TargetError(f"unit {unknown}: no chosen layer has it; {known}" if wanted else f"no units: {known}")
    return {name: selected for name, selected in found.items() if selected}


def _has_maps(info: LayerInfo) -> bool:
    return info.is_visual and info.units > 0


def _finite_range(rows: Floats) -> tuple[Floats, Floats]:
    """Return the least and greatest finite value of each row; NaN for none."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high
    finite = np.isfinite(rows)
    some = finite.any(axis=1)
    low, high = np.where(finite, rows, np.inf).min(axis=1), np.where(finite, rows, -np.inf).max(axis=1)
    return np.where(some, low, np.nan).astype(np.float32), np.where(some, high, np.nan).astype(np.float32)


def _number(value: float) -> float | None:
    """Return the number to nine digits, which identify a float32; None if it is not finite."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
