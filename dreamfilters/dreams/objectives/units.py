"""Objectives of units: channels, neurons, tokens and layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Activations, Objective, Reducer, Wanted, reduced
from dreamfilters.errors import TargetError
from dreamfilters.networks.narrowing.channel_steps import channel_of

UNITS = {"map": "filters", "tokens": "channels", "vector": "units"}  # the word for a layer's units, by its kind
_LARGEST = 2**31 - 1  # units and positions are int32


def channel(layer: str, channels: int | Iterable[int], *, reduce: Reducer = "mean") -> Objective:
    """Return the objective by which image i maximizes the response of the i-th channel of `layer`.

    The response is the mean of the activation map, or its maximum. The map of a token channel is its value at every
    token, that of a dense layer's unit is one number.

    Args:
        layer: name of the layer.
        channels: number or numbers of filters, token channels or dense units.
        reduce: "mean" or "max" over map positions or tokens.

    Raises:
        TargetError: no channel, a negative one, or another `reduce`.

    Example:
        >>> channel("conv6", range(2)).names
        ('conv6:0', 'conv6:1')
    """
    chosen = non_negative(channels, "channel")
    if reduce not in ("mean", "max"):
        raise TargetError(f"reduce={reduce!r}: give 'mean' or 'max'")
    suffix = "" if reduce == "mean" else "!max"

    def score(seen: Activations, wanted: Wanted, by: Reducer = reduce) -> Tensor:
        return reduced(unit_maps(seen[layer], wanted), by)

    return Objective(
        layers=frozenset({layer}),
        score=score,
        wanted=np.asarray(chosen, "int32"),
        names=tuple(f"{quoted(layer)}:{number}{suffix}" for number in chosen),
        kind=("channel", layer, reduce),
        reach=((layer, (max(chosen),)),),
        only=lambda wanted: {layer: wanted},
        maximum=partial(score, by="max") if reduce == "mean" else None,
    )


def neuron(layer: str, neurons: Iterable[tuple[int, ...]]) -> Objective:
    """Return the objective by which image i maximizes one channel at one map position or token.

    Args:
        layer: name of the layer.
        neurons: (channel, row, column) each for a map, (channel, token) each for tokens.

    Raises:
        TargetError: no neuron, a negative number, or tuples of other or of different lengths.

    Example:
        >>> neuron("conv6", [(12, 3, 4)]).names, neuron("mlp", [(12, 5)]).names
        (('conv6:12@3,4',), ('mlp:12@5',))
    """
    chosen = tuple(tuple(int(number) for number in numbers) for numbers in neurons)
    non_negative((number for numbers in chosen for number in numbers), "neuron")
    if {len(numbers) for numbers in chosen} not in ({2}, {3}):
        raise TargetError(f"neurons {chosen[:3]}: give (channel, row, column) each, or (channel, token) for tokens")
    units, *position = (np.asarray(numbers, "int32") for numbers in zip(*chosen, strict=True))

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        return value_at(unit_maps(seen[layer], wanted[0]), wanted[1:])

    return Objective(
        layers=frozenset({layer}),
        score=score,
        wanted=(units, *position),
        names=tuple(f"{quoted(layer)}:{unit}@{','.join(map(str, at))}" for unit, *at in chosen),
        kind=("neuron", layer, len(position)),
        reach=((layer, (*(int(numbers.max()) for numbers in position), int(units.max()))),),
        only=lambda wanted: {layer: wanted[0]},
        position=lambda wanted: {layer: wanted[1:]},
    )


def layer(name: str) -> Objective:
    """Return the objective by which one image maximizes the mean square of a layer's activations.

    This is DeepDream (Mordvintsev et al. 2015), for maps, tokens and vectors.

    Example:
        >>> layer("conv4").names
        ('layer:conv4',)
    """
    return Objective(
        layers=frozenset({name}),
        score=lambda seen, _: reduced(ops.square(seen[name]), "mean"),
        maximum=lambda seen, _: reduced(ops.square(seen[name]), "max"),
        wanted=np.zeros(1, "int32"),
        names=(f"layer:{quoted(name)}",),
        kind=("layer", name),
    )


def quoted(name: str) -> str:
    """Quote the name of a layer or class that does not parse without quotes.

    >>> quoted("STOP"), quoted("Vorfahrt achten")
    ('STOP', '"Vorfahrt achten"')
    """
    if re.fullmatch(r"[^\s()*+\"',:@!-]+", name) and name not in ("class", "layer"):
        return name
    quote = "'" if '"' in name else '"'
    return f"{quote}{name}{quote}"


def unit_maps(activation: Tensor, units: Tensor) -> Tensor:
    """Return the map of unit i of image i: (n, ..., c) and (n,) -> (n, ...)."""
    return channel_of(activation, units)[..., 0]


def value_at(maps: Tensor, position: Sequence[Tensor]) -> Tensor:
    """Return the value of each map, (n, h, w) or (n, t), at its (row, column) or (token,), each (n,).

    A map of one position, (n, 1, 1), holds the value at that position.
    """
    if all(side == 1 for side in maps.shape[1:]):
        return ops.reshape(maps, (-1,))
    index = position[0] if len(position) == 1 else position[0] * maps.shape[2] + position[1]
    flat = ops.reshape(maps, (ops.shape(maps)[0], -1))
    return ops.take_along_axis(flat, index[:, None], axis=1)[:, 0]


def non_negative(numbers: int | Iterable[int], what: str) -> tuple[int, ...]:
    """Return the numbers of units or positions, or raise a TargetError for none, a negative or a very large one."""
    try:
        several = [numbers] if isinstance(numbers, (int, np.integer)) else list(numbers)
        if any(isinstance(each, str) for each in (numbers, *several)):
            raise TypeError
        chosen = tuple(int(number) for number in several)
    except (TypeError, ValueError):
        raise TargetError(
            f"{what} {numbers!r}: give numbers; targets as text, such as 'class:STOP', have names"
        ) from None
    if not chosen:
        raise TargetError(f"no {what}: give at least one")
    if min(chosen) < 0:
        raise TargetError(f"{what} {min(chosen)}: numbers start at 0")
    if max(chosen) > _LARGEST:
        raise TargetError(f"{what} {max(chosen)}: at most {_LARGEST}")
    return chosen
