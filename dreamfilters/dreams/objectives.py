"""What is wanted: immutable objectives that read activations and are added, subtracted and scaled.

An objective holds one row per picture. Its `score` is a pure function of the watched activations and of `wanted`, the
arrays that change from call to call; `kind` says in hashable words which function it is, so that a compiled step serves
every objective of the same kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.errors import TargetError
from dreamfilters.networks import LOGITS

Tensor: TypeAlias = Any
Activations: TypeAlias = Mapping[str, Tensor]
Wanted: TypeAlias = Any  # nested tuples of arrays, each with one row per picture
Place: TypeAlias = tuple[int, int, int]  # row, column, unit: the largest that a layer's map must have
Reducer: TypeAlias = Literal["mean", "max"]

_LARGEST = 2**31 - 1  # places and units are int32
_SMALL = 1e-8  # keeps a cosine finite where an activation is zero everywhere


@dataclass(frozen=True, eq=False)
class Objective:
    """What each picture should do, higher is better.

    Attributes:
        layers: the layers to watch, by name; `LOGITS` stands for what enters the softmax.
        score: (activations, wanted) -> (n * views,), one number per view of a picture.
        wanted: nested tuples of arrays with one row per picture.
        names: one per picture, in the grammar of targets where it has words for it.
        kind: which function `score` is; objectives of equal kind share a compiled step.
        reach: (layer, (row, column, unit)), the furthest places that are read, to be checked against the network.
        group: so many consecutive pictures are scored together and stay in one batch.

    Example:
        >>> goal = channel("conv6", [12]) - 0.5 * channel("conv6", [3])
        >>> goal.names
        ('conv6:12 - 0.5*conv6:3',)
    """

    layers: frozenset[str]
    score: Callable[[Activations, Wanted], Tensor]
    wanted: Wanted
    names: tuple[str, ...]
    kind: Hashable
    reach: tuple[tuple[str, Place], ...] = ()
    group: int = 1

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.names)

    def __add__(self, other: Objective) -> Objective:
        return _combine(self, other, 1.0)

    def __sub__(self, other: Objective) -> Objective:
        return _combine(self, other, -1.0)

    def __mul__(self, weight: float) -> Objective:
        weight = float(weight)
        rows = np.full(len(self), weight, "float32")
        return replace(
            self,
            score=_scaled(self.score),
            wanted=(rows, self.wanted),
            names=tuple(_times(weight, name) for name in self.names),
            kind=("scaled", self.kind),
        )

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return replace(self * -1.0, names=tuple(f"-{_bracketed(name)}" for name in self.names))

    def __getitem__(self, rows: slice | Sequence[int]) -> Objective:
        """Return the objective of some of the pictures."""
        chosen = range(len(self))[rows] if isinstance(rows, slice) else [int(row) for row in rows]
        index = np.asarray(list(chosen), "int64")
        wanted = keras.tree.map_structure(lambda array: np.asarray(array)[index], self.wanted)
        return replace(self, wanted=wanted, names=tuple(self.names[row] for row in index))


def join(first: Objective, second: Objective) -> Objective:
    """Return one objective with the pictures of both, which must be of one kind."""
    if first.kind != second.kind:
        raise TargetError(f"{first.names[0]} and {second.names[0]} are different kinds of goals")
    return replace(
        first,
        wanted=keras.tree.map_structure(lambda *rows: np.concatenate(rows), first.wanted, second.wanted),
        names=first.names + second.names,
        reach=first.reach + second.reach,
    )


def _bracketed(name: str) -> str:
    return f"({name})" if " + " in name or " - " in name else name


def _times(weight: float, name: str) -> str:
    shortest = np.format_float_positional(np.float32(weight), trim="-")  # that parses to the same float32 again
    return f"{shortest}*{_bracketed(name)}"


def _scaled(score: Callable[[Activations, Wanted], Tensor]) -> Callable[[Activations, Wanted], Tensor]:
    return lambda seen, wanted: wanted[0] * score(seen, wanted[1])


def _combine(left: Objective, right: Objective, sign: float) -> Objective:
    if not isinstance(right, Objective):
        return NotImplemented
    if len(left) != len(right):
        if 1 not in (len(left), len(right)):
            raise TargetError(
                f"objectives of {len(left)} and {len(right)} pictures cannot be combined: give as many, or one"
            )
        longest = max(len(left), len(right))
        left, right = (goal if len(goal) == longest else goal[[0] * longest] for goal in (left, right))
    score_left, score_right = left.score, right.score
    sign_text = "+" if sign > 0 else "-"
    return Objective(
        layers=left.layers | right.layers,
        score=lambda seen, wanted: score_left(seen, wanted[0]) + sign * score_right(seen, wanted[1]),
        wanted=(left.wanted, right.wanted),
        names=tuple(
            f"{a} {sign_text} {b if sign > 0 else _bracketed(b)}" for a, b in zip(left.names, right.names, strict=True)
        ),
        kind=(sign_text, left.kind, right.kind),
        reach=left.reach + right.reach,
        group=max(left.group, right.group),
    )


def _reduce(maps: Tensor, reducer: Reducer) -> Tensor:
    """Return one number per picture of (n, ...)."""
    flat = ops.reshape(maps, (ops.shape(maps)[0], -1))
    return ops.max(flat, axis=1) if reducer == "max" else ops.mean(flat, axis=1)


def _checked_reducer(reduce: str) -> Reducer:
    if reduce not in ("mean", "max"):
        raise TargetError(f"reduce={reduce!r}: a map is reduced by 'mean' or 'max'")
    return reduce  # type: ignore[return-value]


def _unit_maps(activation: Tensor, units: Tensor) -> Tensor:
    """Pick unit i of picture i: (n, ..., c) and (n,) -> (n, ...).

    By selecting and adding zeros, which is exact: the gradient of a gather is a slow scatter.
    """
    if activation.shape[-1] == 1:
        return activation[..., 0]
    count = activation.shape[-1]
    chosen = ops.reshape(ops.one_hot(units, count, dtype="bool"), (-1,) + (1,) * (len(activation.shape) - 2) + (count,))
    return ops.sum(ops.where(chosen, activation, ops.zeros_like(activation)), axis=-1)


def _non_negative(numbers: Iterable[int], what: str) -> tuple[int, ...]:
    chosen = tuple(int(number) for number in numbers)
    if not chosen:
        raise TargetError(f"no {what} chosen: give at least one number")
    if min(chosen) < 0:
        raise TargetError(f"{what} {min(chosen)}: numbers start at 0")
    if max(chosen) > _LARGEST:
        raise TargetError(f"{what} {max(chosen)}: no network is that large")
    return chosen


def quoted(name: str) -> str:
    """Quote the name of a layer or class that would not parse again bare.

    >>> quoted("STOP"), quoted("Vorfahrt achten")
    ('STOP', '"Vorfahrt achten"')
    """
    if re.fullmatch(r"[^\s()*+\"',:@!-]+", name) and name not in ("class", "layer"):
        return name
    quote = "'" if '"' in name else '"'
    return f"{quote}{name}{quote}"


def channel(layer: str, filters: Iterable[int], *, reduce: Reducer = "mean") -> Objective:
    """Picture i maximizes the response of the i-th filter of `layer`: its map's mean, or its maximum.

    A dense layer's units are filters whose map is one number.

    Example:
        >>> channel("conv6", range(2)).names
        ('conv6:0', 'conv6:1')
    """
    chosen = _non_negative(filters, "filter")
    reducer = _checked_reducer(reduce)
    suffix = "" if reducer == "mean" else "!max"

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        return _reduce(_unit_maps(seen[layer], wanted), reducer)

    return Objective(
        layers=frozenset({layer}),
        score=score,
        wanted=np.asarray(chosen, "int32"),
        names=tuple(f"{quoted(layer)}:{number}{suffix}" for number in chosen),
        kind=("channel", layer, reducer),
        reach=((layer, (0, 0, max(chosen))),),
    )


def neuron(layer: str, places: Iterable[tuple[int, int, int]]) -> Objective:
    """Picture i maximizes one neuron of `layer`: the (filter, row, column) of the i-th place.

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
    )


def logit(classes: Iterable[int]) -> Objective:
    """Picture i maximizes what enters the softmax for the i-th class.

    Not the probability: that rises as well when the other classes fall (Simonyan et al. 2014).
    """
    chosen = _non_negative(classes, "class")
    return replace(channel(LOGITS, chosen), names=tuple(f"class:{number}" for number in chosen), kind=("logit",))


def margin(classes: Iterable[int], *, temperature: float = 5.0) -> Objective:
    """Picture i maximizes its class against all the others.

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


def _soft_maximum(numbers: Tensor) -> Tensor:
    """Return log(sum(exp(numbers))) of each row, whose bytes do not depend on the other rows (see `backend.LANES`)."""
    missing = -numbers.shape[-1] % backend.LANES
    numbers = ops.pad(numbers, ((0, 0), (0, missing)), constant_values=-np.inf)
    top = ops.stop_gradient(ops.max(numbers, axis=-1, keepdims=True))
    total = ops.sum(ops.exp(numbers - top), axis=-1, keepdims=True)
    return (top + ops.log(ops.repeat(total, backend.LANES, axis=-1)))[:, 0]


def layer(name: str) -> Objective:
    """One picture maximizes everything that `name` sees: the mean square of its activations (DeepDream, 2015)."""
    return Objective(
        layers=frozenset({name}),
        score=lambda seen, _: _reduce(ops.square(seen[name]), "mean"),
        wanted=np.zeros(1, "int32"),
        names=(f"layer:{quoted(name)}",),
        kind=("layer", name),
    )


def direction(name: str, vectors: Any, *, similarity: Literal["dot", "cosine"] = "dot") -> Objective:
    """Picture i moves the activations of layer `name` along the i-th vector over its channels.

    `vectors` is (n, c) or (c,). "dot" is the mean over the map of a . v / |v|; "cosine" the mean of a . v / (|a| |v|),
    which asks for the direction only, not for strength.
    """
    rows = np.atleast_2d(np.asarray(vectors, "float32"))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.ndim != 2 or not np.all(np.isfinite(rows)) or not np.all(lengths > 0):
        raise TargetError(f"direction in {name}: vectors are (n, channels), finite and not zero; got {rows.shape}")
    if similarity not in ("dot", "cosine"):
        raise TargetError(f"similarity={similarity!r}: 'dot' or 'cosine'")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        activation = seen[name]
        along = ops.sum(activation * _beside(wanted, activation), axis=-1)
        if similarity == "cosine":
            along = along / (ops.sqrt(ops.sum(ops.square(activation), axis=-1)) + _SMALL)
        return _reduce(along, "mean")

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=rows / lengths,
        names=tuple(f"direction:{name}#{number}" for number in range(len(rows))),
        kind=("direction", name, similarity),
        reach=((name, (0, 0, rows.shape[1] - 1)),),
    )


def _beside(rows: Tensor, activation: Tensor) -> Tensor:
    """Give (n, c) the axes of (n, ..., c)."""
    return ops.reshape(rows, (-1,) + (1,) * (len(activation.shape) - 2) + (rows.shape[-1],))


def match(name: str, activations: Any, *, how: Literal["distance", "dot"] = "distance") -> Objective:
    """Picture i repeats the activations (n, ...) that another image has in layer `name`.

    "distance" inverts: minus the squared distance, divided by the target's squared length, so that 0 is a perfect match
    and -1 is as far as silence (Mahendran and Vedaldi 2015). "dot" exaggerates: the cosine times the projection, a
    caricature (Olah et al. 2018).
    """
    target = np.asarray(activations, "float32")
    if how not in ("distance", "dot"):
        raise TargetError(f"how={how!r}: 'distance' (inversion) or 'dot' (caricature)")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        here = ops.reshape(seen[name], (ops.shape(seen[name])[0], -1))
        there = ops.reshape(wanted, (ops.shape(wanted)[0], -1))
        length = ops.sum(ops.square(there), axis=1) + _SMALL
        if how == "distance":
            return -ops.sum(ops.square(here - there), axis=1) / length
        along = ops.sum(here * there, axis=1) / length
        cosine = along * ops.sqrt(length) / (ops.sqrt(ops.sum(ops.square(here), axis=1)) + _SMALL)
        return along * ops.maximum(cosine, 0.1)  # a floor, as in Lucid: a start at a right angle still has a gradient

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=target,
        names=tuple(f"match:{name}#{number}" for number in range(len(target))),
        kind=("match", name, how, target.shape[1:]),
        reach=((name, tuple(size - 1 for size in target.shape[1:])),) if target.ndim == 4 else (),
    )


def diversity(name: str, facets: int) -> Objective:
    """Keep `facets` pictures of one unit apart: minus the mean cosine between their styles in layer `name`.

    A picture's style is the Gram matrix of its activations over places (Olah et al. 2017, "Feature visualization").
    Added to the goal of one unit it shows several facets of it; the pictures of a group are scored together.

    Example:
        >>> len(channel("conv6", [12]) + 2.0 * diversity("conv6", 4))
        4
    """
    if facets < 2:
        raise TargetError(f"facets={facets}: it takes at least 2 pictures to differ")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        activation = seen[name]
        flat = ops.reshape(activation, (ops.shape(activation)[0], -1, activation.shape[-1]))  # (n * views, places, c)
        gram = ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)
        style = ops.reshape(gram, (ops.shape(gram)[0], -1))
        style = style / (ops.sqrt(ops.sum(ops.square(style), axis=1, keepdims=True)) + _SMALL)
        cosine = ops.matmul(style, ops.transpose(style))  # (n * views, n * views)
        begins = ops.cast(wanted[1:] < wanted[:-1], "int32")  # where the numbers fall, the next group begins
        group = ops.concatenate([ops.zeros_like(wanted[:1]), ops.cumsum(begins)])
        other = (group[:, None] == group[None]) & (wanted[:, None] != wanted[None])
        other = ops.cast(other, cosine.dtype)
        return -ops.sum(cosine * other, axis=1) / ops.maximum(ops.sum(other, axis=1), 1.0)

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=np.arange(facets, dtype="int32"),  # the picture in its group
        names=tuple(f"diversity:{name}#{number}" for number in range(facets)),
        kind=("diversity", name, facets),
        group=facets,
    )


def minimize(objective: Objective) -> Objective:
    """Return the opposite goal: what turns a unit off.

    Example:
        >>> minimize(channel("conv6", [12])).names
        ('-conv6:12',)
    """
    return -objective
