"""The units that a comparison is about, read off targets in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.evidence.scan.score_statistics import By
from dreamfilters.networks import LOGITS, Network


@dataclass(frozen=True)
class ComparedUnit:
    """One unit.

    Attributes:
        name: its target in the shortest words.
        layer: where it is; `LOGITS` for a class.
        unit: its number there.
        by: what makes one number of its map.
    """

    name: str
    layer: str
    unit: int
    by: By

    @property
    def is_class(self) -> bool:
        """Whether it is a class of the network, and not a filter or neuron of a layer."""
        return self.layer == LOGITS


def units_of(
    network: Network, targets: str | Sequence[str], recipe: Recipe
) -> tuple[tuple[Objective, ...], tuple[ComparedUnit, ...]]:
    """Return the goals that make all the dreams, each unit once, and the units in the order of the goals.

    Raises:
        TargetError: a target that is not single units, such as a sum or a whole layer; also a wrong one.
        UnknownNameError: no such layer or class.

    Example:
        >>> units_of(load("signs"), ["conv6:12", "class:STOP"], Recipe())[1][0]
        Subject(name='conv6:12', layer='conv6', unit=12, by='mean')
    """
    found = [_once(goal) for goal in goals(network, targets, class_score=recipe.class_score)]
    return tuple(found), tuple(subject for goal in found for subject in _subjects(goal))


def _once(goal: Objective) -> Objective:
    rows = {name: row for row, name in reversed(list(enumerate(goal.names)))}
    return goal[sorted(rows.values())]


def _subjects(goal: Objective) -> tuple[ComparedUnit, ...]:
    kind = goal.kind if isinstance(goal.kind, tuple) else (goal.kind,)
    if kind[0] == "channel":
        layer, by = kind[1:]
    elif kind[0] in ("logit", "margin"):
        layer, by = LOGITS, "mean"
    else:
        raise TargetError(
            f"{goal.names[0]}: a comparison is of single units, such as conv6:12, conv6:0-15!max, conv6, class:STOP"
        )
    return tuple(
        ComparedUnit(name, layer, int(unit), by) for name, unit in zip(goal.names, np.asarray(goal.wanted), strict=True)
    )
