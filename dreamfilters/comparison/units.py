"""The units of a comparison, parsed from targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.evidence.scan.score_statistics import By
from dreamfilters.networks import LOGITS, Network


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
    network: Network, targets: str | Sequence[str], recipe: Recipe
) -> tuple[tuple[Objective, ...], tuple[ComparedUnit, ...]]:
    """Return the objectives of all dreams, each unit once, and the units in the order of the objectives.

    Raises:
        TargetError: a target that does not parse or is not a set of single units, such as a sum or a whole layer.
        UnknownNameError: no such layer or class.

    Example:
        >>> units_of(load("signs"), ["conv6:12", "class:STOP"], Recipe())[1][0]
        ComparedUnit(name='conv6:12', layer='conv6', number=12, by='mean', title='conv6:12')
    """
    objectives = [_without_repeats(goal) for goal in goals(network, targets, class_score=recipe.class_score)]
    return tuple(objectives), tuple(unit for goal in objectives for unit in _units(network, goal))


def _without_repeats(goal: Objective) -> Objective:
    rows = {name: row for row, name in reversed(list(enumerate(goal.names)))}
    return goal[sorted(rows.values())]


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
