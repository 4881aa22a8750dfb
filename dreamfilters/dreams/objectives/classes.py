"""Objectives of classes: of the whole output, or of a part of it where it is a map of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Activations, Objective, Wanted, reduced
from dreamfilters.dreams.objectives.units import channel, non_negative, unit_maps, value_at
from dreamfilters.errors import TargetError
from dreamfilters.images.resizing import resize_matrix
from dreamfilters.networks import LOGITS

_ClassMaps: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (logits (n, ..., classes), classes (n,)) -> (n, ...)


def logit(
    classes: int | Iterable[int], *, at: tuple[int, ...] | None = None, mask: ArrayLike | None = None
) -> Objective:
    """Return the objective by which image i maximizes the logit of the i-th class, the value before the softmax.

    The probability is not used, because it also rises when other logits fall (Simonyan et al. 2014). Where the output
    is a map of classes, as in segmentation, it is the mean of the logit over the map, over a mask, or at one position.

    Args:
        classes: number or numbers of the classes.
        at: (row, column) of a map of classes, or (token,).
        mask: (h, w) weights of the positions, from 0 to 1, at any size: they are resized to the map of classes.

    Raises:
        TargetError: no class, a negative number, both `at` and `mask`, or a mask that selects nothing.

    Example:
        >>> logit([14]).names, logit([14], at=(3, 4)).names
        (('class:14',), ('class:14@3,4',))
    """
    chosen = non_negative(classes, "class")
    if at is not None or mask is not None:
        return _placed(unit_maps, "logit", chosen, at, mask)
    names = tuple(f"class:{number}" for number in chosen)
    own = tuple((number,) for number in chosen)
    return replace(channel(LOGITS, chosen), names=names, kind=("logit",), maximum=None, classes=own)


def margin(
    classes: Iterable[int],
    *,
    temperature: float = 5.0,
    at: tuple[int, ...] | None = None,
    mask: ArrayLike | None = None,
) -> Objective:
    """Return the objective by which image i maximizes the logit of the i-th class over those of the others.

    The score is the logit z_k minus T * log(sum over j != k of exp(z_j / T)), a soft maximum of the other logits: their
    maximum as T approaches 0, their mean plus a constant for large T.

    Args:
        classes: number or numbers of the classes.
        temperature: T.
        at, mask: the part of a map of classes, as in `logit`.

    Example:
        >>> margin([14, 15]).names
        ('class:14', 'class:15')
    """
    chosen = non_negative(classes, "class")

    def maps(logits: Tensor, numbers: Tensor) -> Tensor:
        count = logits.shape[-1]
        if count == 1:
            return logits[..., 0]  # there are no other classes
        axes = (1,) * (len(logits.shape) - 2)
        of_class = ops.reshape(ops.one_hot(numbers, count, dtype="bool"), (-1, *axes, count))
        others = ops.where(of_class, -np.inf, logits / temperature)
        rivals = ops.reshape(_soft_maximum(ops.reshape(others, (-1, count))), ops.shape(logits)[:-1])
        return unit_maps(logits, numbers) - temperature * rivals

    if at is not None or mask is not None:
        return _placed(maps, ("margin", temperature), chosen, at, mask)
    return Objective(
        layers=frozenset({LOGITS}),
        score=lambda seen, wanted: _mean(maps(seen[LOGITS], wanted)),
        wanted=np.asarray(chosen, "int32"),
        names=tuple(f"class:{number}" for number in chosen),
        kind=("margin", temperature),
        reach=((LOGITS, (max(chosen),)),),
        classes=tuple((number,) for number in chosen),
    )


def _mean(maps: Tensor) -> Tensor:
    return maps if len(maps.shape) == 1 else reduced(maps, "mean")


def _placed(
    maps: _ClassMaps, kind: object, chosen: tuple[int, ...], at: tuple[int, ...] | None, mask: ArrayLike | None
) -> Objective:
    """Return the objective of class maps at one position or over a mask."""
    if at is not None and mask is not None:
        raise TargetError("at and mask: give one of them")
    weights = np.ones((1, 1), "float32") if mask is None else _checked(mask)
    position = () if at is None else non_negative(at, "position")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        values = maps(seen[LOGITS], wanted[0])
        return _over(values, wanted[1]) if at is None else value_at(values, wanted[1:])

    numbers = np.asarray(chosen, "int32")
    places = [np.full(len(chosen), number, "int32") for number in position]
    where = " over a mask" if mask is not None else f"@{','.join(map(str, position))}"
    least = position or (0, 0)  # a mask is of a map
    return Objective(
        layers=frozenset({LOGITS}),
        score=score,
        wanted=(numbers, *places) if mask is None else (numbers, np.repeat(weights[None], len(chosen), axis=0)),
        names=tuple(f"class:{number}{where}" for number in chosen),
        kind=("class at", kind, len(position)) if mask is None else ("class over", kind, weights.shape),
        reach=((LOGITS, (*least, max(chosen))),),
        classes=tuple((number, *position) for number in chosen),
    )


def _checked(mask: ArrayLike) -> np.ndarray:
    weights = np.asarray(mask, "float32")
    if weights.ndim != 2 or not np.isfinite(weights).all() or weights.min(initial=0) < 0 or not weights.any():
        raise TargetError(f"mask {weights.shape}: give (h, w) weights of the positions from 0 to 1, some above 0")
    return weights


def _over(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the weighted mean of each map (n, h, w) over its mask, which is resized to the map."""
    height, width = maps.shape[1:]
    if masks.shape[1:] != maps.shape[1:]:
        rows, columns = resize_matrix(masks.shape[1], height, "area"), resize_matrix(masks.shape[2], width, "area")
        masks = backend.matmul(backend.matmul(rows, masks), columns.T)
    return backend.row_sums(maps * masks) / backend.row_sums(masks)


def _soft_maximum(numbers: Tensor) -> Tensor:
    """Return log(sum(exp(numbers))) of each row; its bytes do not depend on the other rows (see `backend.LANES`)."""
    missing = -numbers.shape[-1] % backend.LANES
    numbers = ops.pad(numbers, ((0, 0), (0, missing)), constant_values=-np.inf)
    top = ops.stop_gradient(ops.max(numbers, axis=-1, keepdims=True))
    total = ops.sum(ops.exp(numbers - top), axis=-1, keepdims=True)
    return (top + ops.log(ops.repeat(total, backend.LANES, axis=-1)))[:, 0]
