"""The result of ablations: for each set of units, the changes of accuracy, margin and logit, overall and by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from dreamfilters.attribution.ablation.ablation_arrays import AblationArrays, Counts
from dreamfilters.attribution.ablation.paired_statistics import (
    Change,
    accuracy_change,
    holm,
    mcnemar,
    mean_change,
)
from dreamfilters.attribution.ablation.witness import OcclusionWitness
from dreamfilters.attribution.circuits.weights.partner import Partner
from dreamfilters.display import frame, heading, table
from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.number_format import percent
from dreamfilters.serialization import finite, plain

How: TypeAlias = Literal["zero", "mean", "resample", "partner"]
SetKind: TypeAlias = Literal["unit", "together", "random"]

HOW: tuple[How, ...] = get_args(How)
_ROWS = 30  # listed in a notebook
_CLASSES = 5  # of a set, in a row


@dataclass(frozen=True)
class AblatedSet:
    """Units of a layer that are ablated at once.

    Attributes:
        layer: their layer.
        kind: 'unit' for one that was named, 'together' for all that were, 'random' for a control.
        units: their numbers.
    """

    layer: str
    kind: SetKind
    units: tuple[int, ...]

    @property
    def name(self) -> str:
        """The target, such as 'conv4:3' or 'conv4:1,2,5'.

        >>> AblatedSet("conv4", "unit", (3,)).name
        'conv4:3'
        """
        return f"{self.layer}:{','.join(map(str, self.units))}"


@dataclass(frozen=True)
class AblatedFrom:
    """A layer whose units are ablated: name, class such as 'Conv2D' and number of units."""

    name: str
    type: str
    units: int


@dataclass(frozen=True, eq=False)
class Effect:
    """What the ablation of a set of units changes.

    Attributes:
        ablated: the units.
        classes: names of the classes that have images.
        counted, right, lost, gained: (classes,) number of images, and of predictions, see `AblationArrays`.
        margin_by_class, logit_by_class: the mean changes of each class.
        margin, logit: the mean changes over all images.
        adjusted_p: the p-value of `p_value`, adjusted for the number of units that were named (Holm); NaN for the
            random sets.
        references: number of random sets of this size; for a whole layer, of its other units.
        exceeded: how many of these lower the mean margin less.
    """

    ablated: AblatedSet
    classes: tuple[str, ...]
    counted: Counts
    right: Counts
    lost: Counts
    gained: Counts
    margin: Change
    logit: Change
    margin_by_class: Change
    logit_by_class: Change
    adjusted_p: float
    references: int
    exceeded: int

    @cached_property
    def accuracy(self) -> Change:
        """The change of the accuracy over all images."""
        sums = (one.sum() for one in (self.counted, self.right, self.lost, self.gained))
        return accuracy_change(*sums).as_floats()

    @cached_property
    def accuracy_by_class(self) -> Change:
        """The change of the accuracy of each class, in arrays (classes,)."""
        return accuracy_change(self.counted, self.right, self.lost, self.gained)

    @property
    def p_value(self) -> float:
        """The p-value of McNemar's exact test that as many predictions are lost as gained."""
        return float(mcnemar(self.lost.sum(), self.gained.sum()))

    @property
    def most_changed(self) -> tuple[int, ...]:
        """The indices of the classes whose predictions change, the largest loss of accuracy first."""
        change = np.nan_to_num(self.accuracy_by_class.value)
        order = np.argsort(change, kind="stable")
        return tuple(int(index) for index in order if self.lost[index] or self.gained[index])

    def as_values(self) -> dict[str, Any]:
        """Return the effect as plain values, with the classes that change most."""
        return {
            "target": self.ablated.name,
            "kind": self.ablated.kind,
            "units": list(self.ablated.units),
            "lost": int(self.lost.sum()),
            "gained": int(self.gained.sum()),
            "accuracy": _values(self.accuracy),
            "margin": _values(self.margin),
            "logit": _values(self.logit),
            "p_value": self.p_value,
            "adjusted_p": finite(self.adjusted_p),
            "references": self.references,
            "exceeded": self.exceeded,
            "classes": [
                {"class": self.classes[index], **_values(self.accuracy_by_class[index])}
                for index in self.most_changed[:_CLASSES]
            ],
        }


@dataclass(frozen=True, eq=False)
class Ablation:
    """The result of `ablate`.

    Attributes:
        network: name of the network.
        fingerprint: hash of its weights and configuration.
        how: what replaced the output of a unit.
        seed: random seed.
        classes: names of the classes that have images.
        layers: the layers.
        sets: what was ablated, layer by layer.
        failures: name and reason of each image that could not be read.
        remark: how the labels are read, see `ClassLabels.remark`.
        arrays: the sums over the images.
        witnesses: an `OcclusionWitness` of each unit; () where none were wanted.
        partners: the unit that replaced each one, if `how` is 'partner', else ().
    """

    network: str
    fingerprint: str
    how: How
    seed: int
    classes: tuple[str, ...]
    layers: tuple[AblatedFrom, ...]
    sets: tuple[AblatedSet, ...]
    failures: tuple[tuple[str, str], ...]
    remark: str
    arrays: AblationArrays
    witnesses: tuple[OcclusionWitness, ...] = ()
    partners: tuple[Partner, ...] = ()

    @property
    def images(self) -> int:
        """The number of images that were counted."""
        return int(self.arrays.counted.sum())

    @property
    def accuracy(self) -> float:
        """The accuracy before an ablation, of all images."""
        return float(self.arrays.right[0].sum() / self.images)

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """The effect of each set, in the order of `sets`."""
        means = [self.arrays.margin_change[row].sum() for row in range(len(self.sets))]
        adjusted = self._adjusted()
        return tuple(self._effect(row, means, adjusted[row]) for row in range(len(self.sets)))

    def of(self, layer: str, kind: SetKind) -> tuple[Effect, ...]:
        """Return the effects of a layer and a kind; units with the largest loss first, random ones as drawn.

        The order is that of the accuracy, then of the margin, then of the numbers.

        Raises:
            UnknownNameError: no unit of the layer was ablated.
        """
        known = [one.name for one in self.layers]
        if layer not in known:
            raise UnknownNameError(f"{layer}: not among the layers of this ablation. {close_names(layer, known)}")
        found = [one for one in self.effects if one.ablated.layer == layer and one.ablated.kind == kind]
        if kind == "random":
            return tuple(found)
        return tuple(sorted(found, key=lambda one: (one.accuracy.value, one.margin.value)))

    def unit(self, layer: str, number: int) -> Effect:
        """Return the effect of one unit.

        Raises:
            UnknownNameError: no unit of the layer was ablated.
            TargetError: this unit was not ablated alone.
        """
        found = {one.ablated.units[0]: one for one in self.of(layer, "unit")}
        if number not in found:
            raise TargetError(f"{layer}:{number}: was not ablated; {len(found)} units of {layer} were")
        return found[number]

    def witness(self, ablated: AblatedSet) -> OcclusionWitness | None:
        """Return the witness of a single unit, None if there is none."""
        return self._witness_of.get((ablated.layer, ablated.units)) if ablated.kind == "unit" else None

    @cached_property
    def _witness_of(self) -> dict[tuple[str, tuple[int, ...]], OcclusionWitness]:
        return {(one.layer, (one.unit,)): one for one in self.witnesses}

    def partner(self, ablated: AblatedSet) -> Partner | None:
        """Return the unit that replaced a single unit, None if it was none."""
        return self._partner_of.get((ablated.layer, ablated.units[0])) if len(ablated.units) == 1 else None

    @cached_property
    def _partner_of(self) -> dict[tuple[str, int], Partner]:
        return {(one.layer, one.unit): one for one in self.partners}

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values, the units of each layer with the largest loss first."""
        head = {name: plain(getattr(self, name)) for name in ("network", "fingerprint", "how", "seed", "remark")}
        return {
            **head,
            "images": self.images,
            "accuracy": self.accuracy,
            "witnesses": plain(self.witnesses),
            "partners": plain(self.partners),
            "layers": [
                {
                    "layer": layer.name,
                    "type": layer.type,
                    "units": layer.units,
                    "effects": [one.as_values() for kind in _KINDS for one in self.of(layer.name, kind)],
                }
                for layer in self.layers
            ],
        }

    def _repr_html_(self) -> str:
        rows = [row(one) for layer in self.layers for one in self.of(layer.name, "unit")]
        more = f", the first {_ROWS} of {len(rows)}" if len(rows) > _ROWS else ""
        detail = f"{self.how}, {self.images} images, accuracy {percent(self.accuracy, 1)}"
        return frame(heading(f"Ablation of {self.network}", detail), table(f"units{more}", rows[:_ROWS]))

    def __repr__(self) -> str:
        return f"Ablation({self.network!r}, {self.how}, {len(self.sets)} sets of units, {self.images} images)"

    def _adjusted(self) -> list[float]:
        """Return the adjusted p-value of each set; NaN for random ones."""
        named = [row for row, one in enumerate(self.sets) if one.kind != "random"]
        p_values = mcnemar(self.arrays.lost[named].sum(axis=1), self.arrays.gained[named].sum(axis=1))
        found = dict(zip(named, holm(p_values).tolist(), strict=True))
        return [found.get(row, float("nan")) for row in range(len(self.sets))]

    def _effect(self, row: int, means: Sequence[float], adjusted_p: float) -> Effect:
        arrays, ablated = self.arrays, self.sets[row]
        layer = [one.name for one in self.layers].index(ablated.layer)
        others = self._references(row)
        sums = {
            name: (getattr(arrays, f"{name}_change")[row], getattr(arrays, f"{name}_squares")[row])
            for name in ("margin", "logit")
        }
        by_class = {name: mean_change(arrays.counted, *pair) for name, pair in sums.items()}
        overall = {
            name: mean_change(self.images, *(one.sum() for one in pair)).as_floats() for name, pair in sums.items()
        }
        return Effect(
            ablated=ablated,
            classes=self.classes,
            counted=arrays.counted,
            right=arrays.right[layer],
            lost=arrays.lost[row],
            gained=arrays.gained[row],
            margin=overall["margin"],
            logit=overall["logit"],
            margin_by_class=by_class["margin"],
            logit_by_class=by_class["logit"],
            adjusted_p=adjusted_p,
            references=len(others),
            exceeded=sum(bool(means[other] > means[row]) for other in others),
        )

    def _references(self, row: int) -> list[int]:
        """Return the rows of the random sets of the same layer and size, or of the other units of a whole layer."""
        own = self.sets[row]
        alike = [
            other
            for other, one in enumerate(self.sets)
            if one.layer == own.layer and len(one.units) == len(own.units) and other != row
        ]
        random = [other for other in alike if self.sets[other].kind == "random"]
        is_whole = not any(one.kind == "random" for one in self.sets if one.layer == own.layer)
        return alike if is_whole else random


_KINDS: tuple[SetKind, ...] = ("unit", "together", "random")


def row(effect: Effect) -> dict[str, Any]:
    """Return an effect as the cells of a table."""
    return {
        "units": effect.ablated.name,
        "kind": effect.ablated.kind,
        "accuracy change": percent_points(effect.accuracy),
        "lost": int(effect.lost.sum()),
        "gained": int(effect.gained.sum()),
        "p": f"{effect.p_value:.2g}",
        "margin change": f"{effect.margin.value:+.3g} [{effect.margin.low:+.3g}, {effect.margin.high:+.3g}]",
        "exceeds": f"{effect.exceeded} of {effect.references}",
        "classes": ", ".join(
            f"{effect.classes[index]} {100 * effect.accuracy_by_class.value[index]:+.1f}"
            for index in effect.most_changed[:_CLASSES]
        ),
    }


def percent_points(change: Change) -> str:
    """Return a change of an accuracy in percentage points with its interval.

    >>> percent_points(Change(-0.021, -0.034, -0.0125))
    '-2.10 [-3.40, -1.25]'
    """
    return f"{100 * change.value:+.2f} [{100 * change.low:+.2f}, {100 * change.high:+.2f}]"


def _values(change: Change) -> dict[str, float | None]:
    return {"change": finite(change.value), "low": finite(change.low), "high": finite(change.high)}
