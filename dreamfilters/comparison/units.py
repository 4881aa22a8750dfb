"""The units of a comparison, parsed from targets, and images with the response of a unit to each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dreamfilters.dreams.default_recipes import DefaultRecipes
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import Floats, stream
from dreamfilters.evidence.patches import Patch, extract_patch
from dreamfilters.evidence.scan.score_statistics import By
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.layers.layer_info import LayerInfo, as_maps
from dreamfilters.serialization import plain


@dataclass(frozen=True)
class ComparedUnit:
    """One unit of a comparison.

    Attributes:
        name: its target in the shortest form.
        layer: its layer; `LOGITS` for a class.
        number: its number in the layer.
        by: how its map becomes one response.
        title: the name on a page; a class with its aliases.
    """

    name: str
    layer: str
    number: int
    by: By
    title: str = field(default="", compare=False)

    @property
    def is_class(self) -> bool:
        """Whether the unit is a class of the network."""
        return self.layer == LOGITS


def units_of(
    network: Network, targets: str | Sequence[str], recipe: Recipe | DefaultRecipes
) -> tuple[tuple[Objective, ...], tuple[ComparedUnit, ...]]:
    """Return the objectives of all dreams, each unit once, and the units in the order of the objectives.

    Raises:
        TargetError: a target that does not parse or is not a set of single units, such as a sum or a whole layer.
        UnknownNameError: no such layer or class.

    Example:
        >>> units_of(load("signs"), ["conv6:12", "class:STOP"], Recipe())[1][0]
        ComparedUnit(name='conv6:12', layer='conv6', number=12, by='mean', title='conv6:12')
    """
    objectives = [goal.without() for goal in goals(network, targets, class_score=recipe.class_score)]
    return tuple(objectives), tuple(unit for goal in objectives for unit in _units(network, goal))


def _units(network: Network, goal: Objective) -> tuple[ComparedUnit, ...]:
    kind = goal.kind if isinstance(goal.kind, tuple) else (goal.kind,)
    if kind[0] == "channel":
        layer, by = kind[1:]
    elif kind[0] in ("logit", "margin"):
        layer, by = LOGITS, "mean"
    else:
        raise TargetError(
            f"{goal.names[0]}: a comparison is of single units, such as conv6:12, conv6:0-15!max, conv6, class:STOP"
        )
    numbers = [int(number) for number in np.asarray(goal.wanted)]
    titles = [network.class_title(number) for number in numbers] if layer == LOGITS else goal.names
    return tuple(
        ComparedUnit(name, layer, number, by, title)
        for name, number, title in zip(goal.names, numbers, titles, strict=True)
    )


@dataclass(frozen=True, eq=False)
class UnitView:
    """One image and a unit's response to it.

    Attributes:
        image: (h, w, c) in [0, 1], in the network's size.
        name: the image's file, or the target of a dream.
        label: its class, "" for none.
        response: the mean or the maximum of the map, as the unit's `by` says.
        position: (row, column) of the map's maximum.
        map: (h, w); (1, 1) for a unit without positions.
        patch: the part of the image that `position` sees; None where that is the whole image.
    """

    image: Floats = field(repr=False)
    name: str
    label: str
    response: float
    position: tuple[int, int]
    map: Floats = field(repr=False)
    patch: Patch | None = field(repr=False)

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values."""
        box = None if self.patch is None else self.patch.box
        digits = [[float(f"{value:.6g}") for value in row] for row in self.map.tolist()]
        values = {"name": self.name, "label": self.label, "response": self.response, "position": self.position}
        return dict(plain({**values, "box": box, "map": digits}))


class ViewRequest(NamedTuple):
    """An image (h, w, c) in the scan's size, with its name and label, and the unit whose response is recorded."""

    unit: ComparedUnit
    image: Floats
    name: str
    label: str = ""


def unit_views(network: Network, facts: LayerInfo, requests: Sequence[ViewRequest]) -> tuple[UnitView, ...]:
    """Return a view for each request; all units are of the layer of `facts`, whose maps are held a batch at a time."""
    if not requests:
        return ()
    batches = stream(network, (request.image for request in requests), [requests[0].unit.layer])
    maps = itertools.chain.from_iterable(itertools.chain.from_iterable(batch.values()) for batch in batches)
    return tuple(
        _view(request, as_maps(values[None])[0, ..., request.unit.number].copy(), facts)
        for request, values in zip(requests, maps, strict=True)
    )


def _view(request: ViewRequest, values: Floats, facts: LayerInfo) -> UnitView:
    finite = np.nan_to_num(values, nan=-np.inf)
    row, column = (int(index) for index in np.unravel_index(np.argmax(finite), values.shape))
    response = float(values.max() if request.unit.by == "max" else values.mean(dtype=np.float64))
    patch = extract_patch(request.image, facts, (row, column))
    seen = None if patch.whole_image else patch
    return UnitView(request.image, request.name, request.label, response, (row, column), values, seen)
