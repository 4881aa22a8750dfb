"""The sets of units that are ablated: each unit alone, all of them together, and random units of the same layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamfilters import backend
from dreamfilters.attribution.ablation.result import AblatedSet
from dreamfilters.dreams.objectives import grammar
from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.networks import Network

CONTROLS = 10  # random ablations of each number of units


def ablated_sets(network: Network, targets: Sequence[str], *, controls: int, seed: int) -> tuple[AblatedSet, ...]:
    """Return the sets of a list of targets, layer by layer.

    Each unit is ablated alone. Several units of a layer, but not all, are also ablated together. The controls are
    at most `controls` random units, and as many random sets of the size of those together, drawn from the other units
    of the layer; from all its units where the others are too few. A layer all of whose units are ablated needs no
    controls: its units are compared with each other.

    Raises:
        TargetError: a target is not one of whole units, or names a unit that does not exist.
        UnknownNameError: no such layer.
        RecipeError: `controls` is negative.

    Example:
        >>> [one.name for one in ablated_sets(load("signs"), ["conv6:1,4"], controls=1, seed=0) if one.kind != "random"]
        ['conv6:1', 'conv6:4', 'conv6:1,4']
    """
    if controls < 0:
        raise RecipeError(f"controls={controls}: must be 0 or more")
    return tuple(
        one
        for layer, units in units_of_targets(network, targets).items()
        for one in _sets_of(layer, units, network.layer(layer).units, controls, seed)
    )


def units_of_targets(network: Network, targets: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the sorted numbers of the units that targets such as conv4:0-15 or conv4 name, by layer.

    Raises:
        TargetError: there is none, one is not of whole units, or it names a unit that does not exist.
        UnknownNameError: no such layer.
    """
    if not targets:
        raise TargetError("no units: name at least one, such as conv4:3, or a layer for all of its units")
    wanted: dict[str, set[int]] = {}
    for text in targets:
        layer, units = _units_of(network, text)
        wanted.setdefault(layer, set()).update(units)
    return {layer: tuple(sorted(units)) for layer, units in wanted.items()}


def _units_of(network: Network, text: str) -> tuple[str, range | tuple[int, ...]]:
    """Return the layer and the numbers of the units of one target."""
    target = grammar.read(text)
    if isinstance(target, grammar.UnitTarget) and not target.position:
        ranges = target.ranges
    elif isinstance(target, grammar.LayerTarget):
        ranges = None
    else:
        raise TargetError(f"{text}: is not a target of whole units, such as conv4:12, conv4:0-15,42 or conv4")
    info = network.layer(target.layer)
    if not (info.is_visual and info.units):
        raise TargetError(f"{info.name}: a {info.type} has no units{info.reason and f' ({info.reason})'}")
    if ranges is None:
        return info.name, range(info.units)
    if max(last for _, last in ranges) >= info.units:
        raise TargetError(f"{text}: {info.name} has {info.units} units, 0 to {info.units - 1}")
    return info.name, tuple(number for first, last in ranges for number in range(first, last + 1))


def _sets_of(layer: str, units: tuple[int, ...], count: int, controls: int, seed: int) -> list[AblatedSet]:
    sets = [AblatedSet(layer, "unit", (unit,)) for unit in units]
    if len(units) == count:
        return sets
    if len(units) > 1:
        sets.append(AblatedSet(layer, "together", units))
    others = [unit for unit in range(count) if unit not in units]
    for size in sorted({1, len(units)}):
        random = np.random.default_rng(int(backend.seed_of(seed, "ablation", layer, size)))
        drawn = _drawn(random, others if len(others) >= size else list(range(count)), size, controls)
        sets += [AblatedSet(layer, "random", chosen) for chosen in drawn]
    return sets


def _drawn(random: np.random.Generator, units: list[int], size: int, most: int) -> list[tuple[int, ...]]:
    """Return at most so many different sets of these units; single units are drawn without repetition."""
    if size == 1:
        return [(int(unit),) for unit in random.permutation(units)[:most]]
    drawn = (tuple(sorted(map(int, random.choice(units, size, replace=False)))) for _ in range(most))
    return list(dict.fromkeys(drawn))
