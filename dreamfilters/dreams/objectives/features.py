"""What a whole layer represents: goals for directions, for an image's activations, and for images that differ."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.objectives.objective import Activations, Objective, Reducer, Tensor, Wanted, reduced
from dreamfilters.errors import TargetError

_SMALL = 1e-8  # keeps a cosine finite where an activation is zero everywhere


def direction(name: str, vectors: Any, *, similarity: Literal["dot", "cosine"] = "dot") -> Objective:
    """Image i moves the activations of layer `name` along the i-th vector over its channels.

    `vectors` is (n, c) or (c,). "dot" is the mean over the map of a . v / |v|; "cosine" the mean of a . v / (|a| |v|),
    which asks for the direction only, not for strength.
    """
    rows = np.atleast_2d(np.asarray(vectors, "float32"))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.ndim != 2 or not np.all(np.isfinite(rows)) or not np.all(lengths > 0):
        raise TargetError(f"direction in {name}: vectors are (n, channels), finite and not zero; got {rows.shape}")
    if similarity not in ("dot", "cosine"):
        raise TargetError(f"similarity={similarity!r}: 'dot' or 'cosine'")

    def score(seen: Activations, wanted: Wanted, by: Reducer = "mean") -> Tensor:
        activation = seen[name]
        along = ops.sum(activation * _beside(wanted, activation), axis=-1)
        if similarity == "cosine":
            along = along / (ops.sqrt(ops.sum(ops.square(activation), axis=-1)) + _SMALL)
        return reduced(along, by)

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=rows / lengths,
        names=tuple(f"direction:{name}#{number}" for number in range(len(rows))),
        kind=("direction", name, similarity),
        reach=((name, (0, 0, rows.shape[1] - 1)),),
        maximum=partial(score, by="max"),
    )


def match(name: str, activations: Any, *, how: Literal["distance", "dot"] = "distance") -> Objective:
    """Image i repeats the activations (n, ...) that another image has in layer `name`.

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
        length = backend.row_sums(ops.square(there)) + _SMALL
        if how == "distance":
            return -backend.row_sums(ops.square(here - there)) / length
        along = backend.row_sums(here * there) / length
        cosine = along * ops.sqrt(length) / (ops.sqrt(backend.row_sums(ops.square(here))) + _SMALL)
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
    """Keep `facets` images of one unit apart: minus the mean cosine between their styles in layer `name`.

    An image's style is the Gram matrix of its activations over places (Olah et al. 2017, "Feature visualization").
    Added to the goal of one unit it shows several facets of it; the images of a group are scored together.

    Example:
        >>> len(channel("conv6", [12]) + 2.0 * diversity("conv6", 4))
        4
    """
    if facets < 2:
        raise TargetError(f"facets={facets}: it takes at least 2 images to differ")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        activation = seen[name]
        count, units = ops.shape(activation)[0], activation.shape[-1]  # count: images times views
        flat = ops.reshape(activation, (count, -1, units))
        style = ops.reshape(ops.matmul(ops.transpose(flat, (0, 2, 1)), flat), (count, -1))
        style = ops.pad(style, ((0, 0), (0, -(units**2) % backend.LANES)))  # see `backend.row_sums`
        style = _unit(style)
        views = ops.argmax(ops.cast(wanted != wanted[0], "int32"))  # as often comes the first image of a group
        style = ops.reshape(style, (-1, facets, views, style.shape[-1]))
        # The sum of the cosines is the cosine with the sum. Not by a product of matrices over all rows: its bytes would
        # depend on which groups stand beside one another.
        own = ops.sum(style, axis=2, keepdims=True)
        others = ops.sum(own, axis=1, keepdims=True) - own
        cosines = backend.row_sums(ops.reshape(style * others, (-1, style.shape[-1])))
        return -cosines / ops.cast((facets - 1) * views, "float32")

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=np.arange(facets, dtype="int32"),  # the image in its group
        names=tuple(f"diversity:{name}#{number}" for number in range(facets)),
        kind=("diversity", name, facets),
        group=facets,
    )


@backend.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
def _unit(rows: Tensor) -> Any:
    """Bring each row (n, k) to length 1.

    The gradient is written out, (dy - y * sum(dy * y)) / length, for the reason that `parameterizations` gives.
    """
    length = ops.sqrt(backend.row_sums(ops.square(rows)))[:, None] + _SMALL
    y = rows / length

    def back(dy: Tensor) -> Tensor:
        return (dy - y * backend.row_sums(dy * y)[:, None]) / length

    return y, back


def _beside(rows: Tensor, activation: Tensor) -> Tensor:
    """Give (n, c) the axes of (n, ..., c)."""
    return ops.reshape(rows, (-1,) + (1,) * (len(activation.shape) - 2) + (rows.shape[-1],))
