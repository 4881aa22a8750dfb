"""What one unit answers: goals for filters, neurons, classes and whole layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.objectives.objective import Activations, Objective, Reducer, Tensor, Wanted, reduced
from dreamfilters.errors import TargetError
from dreamfilters.networks import LOGITS

_LARGEST = 2**31 - 1  # places and units are int32


def channel(layer: str, filters: Iterable[int], *, reduce: Reducer = "mean") -> Objective:
    """Image i maximizes the response of the i-th filter of `layer`: its map's mean, or its maximum.

    A dense layer's units are filters whose map is one number.

    Example:
        >>> channel("conv6", range(2)).names
        ('conv6:0', 'conv6:1')
    """
    chosen = _non_negative(filters, "filter")
    reducer = _checked_reducer(reduce)
    suffix = "" if reducer == "mean" else "!max"

    def score(seen: Activations, wanted: Wanted, by: Reducer = reducer) -> Tensor:
        return reduced(_unit_maps(seen[layer], wanted), by)

    return Objective(
        layers=frozenset({layer}),
        score=score,
        wanted=np.asarray(chosen, "int32"),
        names=tuple(f"{quoted(layer)}:{number}{suffix}" for number in chosen),
        kind=("channel", layer, reducer),
        reach=((layer, (0, 0, max(chosen))),),
        only=lambda wanted: {layer: wanted},
        maximum=partial(score, by="max") if reducer == "mean" else None,
    )


def neuron(layer: str, places: Iterable[tuple[int, int, int]]) -> Objective:
    """Image i maximizes one neuron of `layer`: the (filter, row, column) of the i-th place.

    Example:
        >>> neuron("conv6", [(12, 3, 4)]).names
        ('conv6:12@3,4',)
    """
    chosen = tuple((int(unit), int(row), int(column)) for unit, row, column in places)
    _non_negative((number for place in chosen for number in place), "place")
    units, rows, columns = (np.asarray(numbers, "int32") for numbers in zip(*chosen, strict=True))

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        maps = _unit_maps(seen[layer], wanted[0])  # (n, h, w)
        width = maps.shape[2]
        flat = ops.reshape(maps, (ops.shape(maps)[0], -1))
        return ops.take_along_axis(flat, (wanted[1] * width + wanted[2])[:, None], axis=1)[:, 0]

    return Objective(
        layers=frozenset({layer}),
        score=score,
        wanted=(units, rows, columns),
        names=tuple(f"{quoted(layer)}:{unit}@{row},{column}" for unit, row, column in chosen),
        kind=("neuron", layer),
        reach=((layer, (int(rows.max()), int(columns.max()), int(units.max()))),),
        only=lambda wanted: {layer: wanted[0]},
    )


def logit(classes: Iterable[int]) -> Objective:
    """Image i maximizes what enters the softmax for the i-th class.

    Not the probability: that rises as well when the other classes fall (Simonyan et al. 2014).
    """
    chosen = _non_negative(classes, "class")
    names = tuple(f"class:{number}" for number in chosen)
    return replace(channel(LOGITS, chosen), names=names, kind=("logit",), maximum=None)


def margin(classes: Iterable[int], *, temperature: float = 5.0) -> Objective:
    """Image i maximizes its class against all the others.

    The i-th class's logit z_k minus T * log(sum over j != k of exp(z_j / T)): a soft maximum of the others, which at a
    temperature T of 0 would be their largest logit and at a large T approaches their mean plus a constant.
    """
    chosen = _non_negative(classes, "class")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        logits = seen[LOGITS]  # (n, classes)
        if logits.shape[-1] == 1:
            return logits[:, 0]  # there are no others
        own = ops.one_hot(wanted, logits.shape[-1], dtype="bool")
        others = ops.where(own, -np.inf, logits / temperature)
        return _unit_maps(logits, wanted) - temperature * _soft_maximum(others)

    return Objective(
        layers=frozenset({LOGITS}),
        score=score,
        wanted=np.asarray(chosen, "int32"),
        names=tuple(f"class:{number}" for number in chosen),
        kind=("margin", temperature),
        reach=((LOGITS, (0, 0, max(chosen))),),
    )


def layer(name: str) -> Objective:
    """One image maximizes everything that `name` sees: the mean square of its activations (DeepDream, 2015)."""
    return Objective(
        layers=frozenset({name}),
        score=lambda seen, _: reduced(ops.square(seen[name]), "mean"),
        maximum=lambda seen, _: reduced(ops.square(seen[name]), "max"),
        wanted=np.zeros(1, "int32"),
        names=(f"layer:{quoted(name)}",),
        kind=("layer", name),
    )


def quoted(name: str) -> str:
    """Quote the name of a layer or class that would not parse again bare.

    >>> quoted("STOP"), quoted("Vorfahrt achten")
    ('STOP', '"Vorfahrt achten"')
    """
    if re.fullmatch(r"[^\s()*+\"',:@!-]+", name) and name not in ("class", "layer"):
        return name
    quote = "'" if '"' in name else '"'
    return f"{quote}{name}{quote}"


def _unit_maps(activation: Tensor, units: Tensor) -> Tensor:
    """Pick unit i of image i: (n, ..., c) and (n,) -> (n, ...).

    By selecting and adding zeros, which is exact: the gradient of a gather is a slow scatter.
    """
    if activation.shape[-1] == 1:
        return activation[..., 0]
    count = activation.shape[-1]
    chosen = ops.reshape(ops.one_hot(units, count, dtype="bool"), (-1,) + (1,) * (len(activation.shape) - 2) + (count,))
    return ops.sum(ops.where(chosen, activation, ops.zeros_like(activation)), axis=-1)


def _soft_maximum(numbers: Tensor) -> Tensor:
    """Return log(sum(exp(numbers))) of each row, whose bytes do not depend on the other rows (see `backend.LANES`)."""
    missing = -numbers.shape[-1] % backend.LANES
    numbers = ops.pad(numbers, ((0, 0), (0, missing)), constant_values=-np.inf)
    top = ops.stop_gradient(ops.max(numbers, axis=-1, keepdims=True))
    total = ops.sum(ops.exp(numbers - top), axis=-1, keepdims=True)
    return (top + ops.log(ops.repeat(total, backend.LANES, axis=-1)))[:, 0]


def _checked_reducer(reduce: str) -> Reducer:
    if reduce not in ("mean", "max"):
        raise TargetError(f"reduce={reduce!r}: a map is reduced by 'mean' or 'max'")
    return reduce  # type: ignore[return-value]


def _non_negative(numbers: Iterable[int], what: str) -> tuple[int, ...]:
    chosen = tuple(int(number) for number in numbers)
    if not chosen:
        raise TargetError(f"no {what} chosen: give at least one number")
    if min(chosen) < 0:
        raise TargetError(f"{what} {min(chosen)}: numbers start at 0")
    if max(chosen) > _LARGEST:
        raise TargetError(f"{what} {max(chosen)}: no network is that large")
    return chosen
