"""`Training`: what a network was like at several moments of its training, as values. Imports no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, share_bars, table, tiles
from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.unit_statistics import UnitStatistics
from dreamfilters.number_format import percent
from dreamfilters.verdicts.verdict import COLORS, KINDS, Kind

Floats = NDArray[np.float32]

RESPONDING: frozenset[Kind] = frozenset({"alive", "always on", "saturated"})  # verdicts of units that images activate
_SHOWN = 8  # dreams in a notebook


@dataclass(frozen=True)
class WatchedLayer:
    """A layer of the training: its name, type, activation and number of units."""

    name: str
    type: str
    activation: str
    units: int


@dataclass(frozen=True, eq=False)
class Look:
    """What a network was like at one moment.

    Attributes:
        epoch: finished epochs; a fraction within an epoch, the position among the files for checkpoints.
        step: finished steps (batches).
        name: of the moment, such as 'epoch 3' or the name of a checkpoint.
        logs: the metrics that Keras reported, such as 'loss'.
        seconds: what the look took.
        statistics: of every unit on the images.
        responses: (images, units) float16, the mean of each unit's map on each image.
        verdicts: (units,) the place of each unit's verdict in `KINDS`.
        changes: (weighted layers,) how far each layer's weights moved since the look before, relative to their norm;
            NaN at the first look.
        predicted: (images,) the predicted class of each image, -1 for none.
        dreams: (targets, h, w, c) uint8.
        scores: (targets,) of the dreams.
    """

    epoch: float
    step: int
    name: str
    logs: Mapping[str, float]
    seconds: float
    statistics: UnitStatistics
    responses: NDArray[np.float16]
    verdicts: NDArray[np.uint8]
    changes: Floats
    predicted: NDArray[np.int32]
    dreams: NDArray[np.uint8]
    scores: Floats

    @property
    def responding(self) -> NDArray[np.bool_]:
        """(units,) whether the images activate each unit."""
        kinds = [number for number, kind in enumerate(KINDS) if kind in RESPONDING]
        return np.isin(self.verdicts, kinds)

    def __repr__(self) -> str:
        logs = ", ".join(f"{name} {value:.4g}" for name, value in list(self.logs.items())[:3])
        return f"Look({self.name[:60]!r}, {int(self.responding.sum())} of {len(self.verdicts)} units respond, {logs})"


@dataclass(frozen=True, eq=False)
class Training:
    """The looks at a network while it learned, as `read_training` returns them.

    Attributes:
        network: the network's name.
        layers: those whose units were measured, in the order of execution; their units are concatenated.
        weighted: names of the layers whose weights were compared.
        targets: of the dreams.
        classes: names of the classes, () for none.
        names: of the images.
        truth: (images,) the class of each image, -1 for none.
        looks: in their order.

    Example:
        >>> training = read_training("outputs/training")
        >>> [look.name for look in training.looks]
        ['start', 'epoch 1', 'epoch 2']
    """

    network: str
    layers: tuple[WatchedLayer, ...]
    weighted: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    truth: NDArray[np.int32]
    looks: tuple[Look, ...] = field(repr=False)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Layer -> its units among those of all layers."""
        ends = np.cumsum([layer.units for layer in self.layers]).tolist()
        return {layer.name: slice(end - layer.units, end) for layer, end in zip(self.layers, ends, strict=True)}

    @cached_property
    def units(self) -> tuple[tuple[str, int], ...]:
        """The layer and number of each unit."""
        return tuple((layer.name, unit) for layer in self.layers for unit in range(layer.units))

    def counts(self, look: Look, layer: str) -> dict[Kind, int]:
        """Return how many units of a layer have each verdict.

        Raises:
            UnknownNameError: the layer was not watched.
        """
        if layer not in self.slices:
            raise UnknownNameError(f"{layer}: not among the layers of this training. {close_names(layer, self.slices)}")
        found = np.bincount(look.verdicts[self.slices[layer]], minlength=len(KINDS)).tolist()
        return dict(zip(KINDS, found, strict=True))

    def verdict(self, look: Look, layer: str, unit: int) -> Kind:
        """Return the verdict on a unit at a look.

        Raises:
            UnknownNameError: the layer was not watched.
            TargetError: the layer has no such unit.
        """
        count = sum(self.counts(look, layer).values())
        if not 0 <= unit < count:
            raise TargetError(f"{layer}:{unit}: {layer} has {count} units, 0 to {count - 1}")
        return KINDS[int(look.verdicts[self.slices[layer].start + unit])]

    def accuracy(self, look: Look) -> float | None:
        """Return the share of the labeled images that are predicted correctly, None without labels."""
        known = self.truth >= 0
        return float((look.predicted == self.truth)[known].mean()) if known.any() else None

    def confusion(self, look: Look) -> NDArray[np.int64]:
        """Return how many images of each class (rows) are predicted as each class (columns), (classes, classes)."""
        count = len(self.classes)
        known = (self.truth >= 0) & (look.predicted >= 0)
        flat = self.truth[known].astype(np.int64) * count + look.predicted[known]
        return np.bincount(flat, minlength=count * count).reshape(count, count)

    def class_accuracy(self, look: Look) -> dict[str, float]:
        """Return the accuracy of each class that has images."""
        right = look.predicted == self.truth
        return {
            self.classes[number]: float(right[self.truth == number].mean())
            for number in np.unique(self.truth[self.truth >= 0]).tolist()
        }

    def scalars(self, look: Look) -> dict[str, float]:
        """Return the numbers of a look by name, as trackers of experiments take them; those not finite are left out."""
        accuracy = self.accuracy(look)
        values = {
            "epoch": look.epoch,
            **look.logs,
            **({} if accuracy is None else {"images/accuracy": accuracy}),
            **{f"accuracy/{name}": value for name, value in self.class_accuracy(look).items()},
        }
        for layer in self.layers:
            for kind, count in self.counts(look, layer.name).items():
                values[f"{layer.name}/{kind}"] = float(count)
        values |= {
            f"{name}/weight change": float(moved) for name, moved in zip(self.weighted, look.changes, strict=True)
        }
        return {name: float(value) for name, value in values.items() if math.isfinite(value)}

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of `scalars` for each look, with equal keys; None where a look has no such number."""
        found = [{"look": look.name, "step": look.step, **self.scalars(look)} for look in self.looks]
        keys = dict.fromkeys(key for row in found for key in row)
        return [{key: row.get(key) for key in keys} for row in found]

    def correlations(self, first: Look, second: Look) -> NDArray[np.float64]:
        """Return the correlation of each unit's responses at two looks, over the images, (units,).

        It is 1 for a unit that is constant at both looks, and 0 for one that is constant at one of them.
        """
        return correlations(first.responses, second.responses)

    def most_changed(self, first: Look, second: Look, count: int = 12) -> list[tuple[str, int, float]]:
        """Return layer, unit and correlation of the units whose responses changed most between two looks."""
        found = self.correlations(first, second)
        order = np.argsort(found, kind="stable")[:count]
        return [(*self.units[index], float(found[index])) for index in order.tolist()]

    def __repr__(self) -> str:
        moments = f"{self.looks[0].name} to {self.looks[-1].name}" if self.looks else "none"
        return f"Training({self.network[:60]!r}, {len(self.looks)} looks: {moments}, {len(self.units)} units)"

    def _repr_html_(self) -> str:
        if not self.looks:
            return frame(heading(f"Training of {self.network}", "no look yet"))
        shown = ("look", "step", "loss", "accuracy", "val_loss", "val_accuracy", "images/accuracy")
        rows = [{key: row[key] for key in shown if key in row} for row in self.rows()]
        return frame(*look_parts(self), table("", rows))


def look_parts(training: Training) -> tuple[Markup, Markup, Markup]:
    """Return the last look as parts of a notebook's cell: its heading, the verdicts by layer, the dreams."""
    last = training.looks[-1]
    bars = share_bars({layer.name: training.counts(last, layer.name) for layer in training.layers}, COLORS)
    dreams = [
        (image / np.float32(255), (target, f"{score:.4g}"))
        for image, target, score in zip(last.dreams, training.targets, last.scores, strict=True)
    ]
    accuracy = training.accuracy(last)
    detail = f"{last.name}, {int(last.responding.sum())} of {len(training.units)} units respond"
    known = "" if accuracy is None else f", {percent(accuracy, 0)} of {int((training.truth >= 0).sum())} images correct"
    return heading(f"Training of {training.network}", detail + known), bars, tiles(dreams[:_SHOWN])


def correlations(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return Pearson's correlation of each column of two arrays (n, units); see `Training.correlations`.

    >>> correlations(np.array([[1.0, 2], [2, 2]]), np.array([[3.0, 2], [5, 2]])).round(9).tolist()
    [1.0, 1.0]
    """
    a, b = (np.asarray(values, np.float64) for values in (first, second))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    sizes = np.sqrt((a**2).sum(axis=0)), np.sqrt((b**2).sum(axis=0))
    constant = sizes[0] == 0, sizes[1] == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (a * b).sum(axis=0) / (sizes[0] * sizes[1])
    found = np.where(constant[0] | constant[1], np.where(constant[0] & constant[1], 1.0, 0.0), found)
    return np.asarray(np.clip(np.nan_to_num(found, nan=0.0), -1, 1))


def moment(first: Look, second: Look) -> str:
    """Return when something happened that the second of two looks shows and the first does not.

    >>> looks = read_training("outputs/training").looks
    >>> moment(looks[0], looks[1]), moment(looks[0], looks[2])
    ('in epoch 1', 'in epochs 1 to 2')
    """
    before, after = first.epoch, second.epoch
    if not (second.name.startswith("epoch") and before < after):
        return f"between {first.name} and {second.name}"
    begun, ended = math.floor(before) + 1, math.ceil(after)
    return f"in epoch {ended}" if begun >= ended else f"in epochs {begun} to {ended}"


def first_look(looks: Sequence[Look], name: str) -> int:
    """Return the position of the look of this name, or of this epoch's number.

    Raises:
        UnknownNameError: there is none.
    """
    for position, look in enumerate(looks):
        if name in (look.name, f"{look.epoch:g}"):
            return position
    raise UnknownNameError(f"{name}: no such look. {close_names(name, [look.name for look in looks])}")
