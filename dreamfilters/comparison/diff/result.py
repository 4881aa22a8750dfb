"""`NetworkDiff`: what differs between two networks, as values. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamfilters.attribution.ablation.paired_statistics import mcnemar
from dreamfilters.display import frame, heading, table
from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.serialization import plain

_ROWS = 24  # in a notebook
_EXACT = 1e-6  # of a correlation of float32 responses


@dataclass(frozen=True)
class UnitPair:
    """A unit and its partner in the other network.

    Attributes:
        unit, other: their numbers.
        correlation: of their responses to the images that did not decide the pair.
        kind: 'unchanged' (from .95 on) or 'changed' (from .5 on).
        ratio: the std of the partner's responses over the images, divided by that of the unit.
    """

    unit: int
    other: int
    correlation: float
    kind: str
    ratio: float


@dataclass(frozen=True)
class LayerPair:
    """A layer and the one that corresponds to it.

    Attributes:
        name, other: their names.
        by: 'name' for the same name and shape, 'responses' for the linear CKA.
        cka: linear CKA of the units' mean responses; None without images.
        units: the pairs of units.
        lost: units of the layer without a partner.
        new: units of the other layer without a partner.
        silent: how many units of either layer are constant on the images, () without images.
    """

    name: str
    other: str
    by: str
    cka: float | None
    units: tuple[UnitPair, ...]
    lost: tuple[int, ...]
    new: tuple[int, ...]
    silent: tuple[int, ...]

    @property
    def unchanged(self) -> int:
        """The number of units that are unchanged."""
        return sum(pair.kind == "unchanged" for pair in self.units)

    @property
    def changed(self) -> tuple[UnitPair, ...]:
        """The pairs that are changed, the least similar first."""
        return tuple(sorted((pair for pair in self.units if pair.kind == "changed"), key=lambda pair: pair.correlation))

    @property
    def moved(self) -> int:
        """The number of units whose partner has another number."""
        return sum(pair.unit != pair.other for pair in self.units)


@dataclass(frozen=True)
class WeightChange:
    """The norm of the difference of a layer's weights, divided by their norm in the first network."""

    layer: str
    change: float


@dataclass(frozen=True)
class FlippedPrediction:
    """An image that the networks predict otherwise.

    Attributes:
        index: among the images that were compared.
        image: its name.
        label: its class, '' for none.
        predicted, other: by the first and by the second network.
        probability, other_probability: of these classes.
        change: 'lost' where the first network is right, 'gained' where the second one is, else ''.
    """

    index: int
    image: str
    label: str
    predicted: str
    other: str
    probability: float
    other_probability: float
    change: str = ""


@dataclass(frozen=True)
class NetworkDiff:
    """What differs between two networks, as `diff` returns it.

    Attributes:
        network, other: their names.
        images: number of images, 0 for none.
        weights: of the layers with the same name and shapes.
        layers: those that correspond, in the order of the first network.
        lost, new: layers of the first and of the second network without a counterpart.
        flips: the images that are predicted otherwise, the most certain ones first.
        labeled: number of images whose class is known.
        right: how many of them are right in both networks, in the first only, in the second only, and in neither.
        remark: what was not compared, or how the labels are read.
    """

    network: str
    other: str
    images: int
    weights: tuple[WeightChange, ...]
    layers: tuple[LayerPair, ...]
    lost: tuple[str, ...]
    new: tuple[str, ...]
    flips: tuple[FlippedPrediction, ...]
    labeled: int
    right: tuple[int, int, int, int]
    remark: str = ""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs: no weight, no unit, no prediction."""
        alike = all(
            not (layer.lost or layer.new or layer.moved)
            and all(abs(pair.correlation - 1) < _EXACT for pair in layer.units)
            for layer in self.layers
        )
        still = all(one.change == 0 for one in self.weights)
        return alike and still and not (self.lost or self.new or self.flips)

    @property
    def p_value(self) -> float:
        """McNemar's exact p-value of the change of the accuracy on the labeled images."""
        return float(mcnemar(self.right[1], self.right[2]))

    def layer(self, name: str) -> LayerPair:
        """Return the pair of a layer of the first network.

        Raises:
            UnknownNameError: the layer has no counterpart.
        """
        for pair in self.layers:
            if pair.name == name:
                return pair
        raise UnknownNameError(f"{name}: has no counterpart. {close_names(name, [pair.name for pair in self.layers])}")

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each pair of layers."""
        moved = {one.layer: one.change for one in self.weights}
        return [
            {
                "layer": pair.name, "other": pair.other, "by": pair.by, "cka": pair.cka,
                "weight change": moved.get(pair.name) if pair.by == "name" else None,
                "unchanged": pair.unchanged, "changed": len(pair.changed), "lost": len(pair.lost),
                "new": len(pair.new), "other number": pair.moved,
            }
            for pair in self.layers
        ]  # fmt: skip

    def describe(self) -> str:
        """Return the diff in one line."""
        if self.is_same:
            return f"{self.network} and {self.other}: nothing differs"
        count = {key: sum(row[key] for row in self.rows()) for key in ("unchanged", "changed", "lost", "new")}
        units = ", ".join(f"{number} {key}" for key, number in count.items() if number or key == "changed")
        flips = f"; {len(self.flips)} of {self.images} images are predicted otherwise" if self.images else ""
        return f"{self.network} and {self.other}: {units} units{flips}" if self.images else (
            f"{self.network} and {self.other}: the weights of "
            f"{sum(one.change > 0 for one in self.weights)} of {len(self.weights)} layers differ"
        )  # fmt: skip

    def as_values(self) -> Mapping[str, Any]:
        """Return the diff as JSON values."""
        values: Mapping[str, Any] = plain(self)
        return values

    def __repr__(self) -> str:
        return f"NetworkDiff({self.describe()[:160]!r})"

    def _repr_html_(self) -> str:
        flips = [{key: value for key, value in plain(flip).items() if key != "index"} for flip in self.flips[:_ROWS]]
        shown = [table("Predicted otherwise", flips)] if flips else []
        return frame(heading(f"{self.network} and {self.other}", self.describe()), table("Layers", self.rows()), *shown)
