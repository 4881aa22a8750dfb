"""Objectives of a layer's activation vectors: directions, the activations of an image, and diversity of images."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import VIEWS, Activations, Objective, Reducer, Wanted, reduced
from dreamfilters.errors import TargetError

_SMALL = 1e-8  # keeps a cosine finite where an activation is zero everywhere


def direction(name: str, vectors: Any, *, similarity: Literal["dot", "cosine"] = "dot") -> Objective:
    """Return the objective by which image i moves the activations of layer `name` along the i-th vector.

    Args:
        name: name of the layer.
        vectors: (n, c) or (c,) over its channels.
        similarity: "dot" for the mean of a . v / |v| over positions, "cosine" for the mean of a . v / (|a| |v|), which
            ignores the strength of the activations.

    Raises:
        TargetError: vectors of another shape, not finite or zero.

    Example:
        >>> direction("conv6", [[1.0, 0.0], [0.0, 1.0]]).names
        ('direction:conv6#0', 'direction:conv6#1')
    """
    rows = np.atleast_2d(np.asarray(vectors, "float32"))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.ndim != 2 or not np.all(np.isfinite(rows)) or not np.all(lengths > 0):
        raise TargetError(f"direction in {name}: vectors are (n, channels), finite and not zero; got {rows.shape}")
    if similarity not in ("dot", "cosine"):
        raise TargetError(f"similarity={similarity!r}: 'dot' or 'cosine'")

    def score(seen: Activations, wanted: Wanted, by: Reducer = "mean") -> Tensor:
        activation = seen[name]
        axes = (1,) * (len(activation.shape) - 2)
        along = ops.sum(activation * ops.reshape(wanted, (-1, *axes, wanted.shape[-1])), axis=-1)
        if similarity == "cosine":
            along = along / (ops.sqrt(ops.sum(ops.square(activation), axis=-1)) + _SMALL)
        return reduced(along, by)

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=rows / lengths,
        names=tuple(f"direction:{name}#{number}" for number in range(len(rows))),
        kind=("direction", name, similarity),
        reach=((name, (rows.shape[1] - 1,)),),
        maximum=partial(score, by="max"),
    )


def match(name: str, activations: Any, *, how: Literal["distance", "dot"] = "distance") -> Objective:
    """Return the objective by which image i reproduces the i-th of the activations (n, ...) in layer `name`.

    Args:
        name: name of the layer.
        activations: (n, ...) of other images in this layer.
        how: "distance" inverts: minus the squared distance, divided by the squared norm of the activations, so that 0
            is a perfect match and -1 that of activations of 0 (Mahendran and Vedaldi 2015). "dot" exaggerates: the
            cosine times the projection, a caricature (Olah et al. 2018).

    Example:
        >>> match("conv6", np.ones((2, 6, 6, 96))).names
        ('match:conv6#0', 'match:conv6#1')
    """
    target = np.asarray(activations, "float32")
    if how not in ("distance", "dot"):
        raise TargetError(f"how={how!r}: 'distance' (inversion) or 'dot' (caricature)")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        values = ops.reshape(seen[name], (ops.shape(seen[name])[0], -1))
        goal = ops.reshape(wanted, (ops.shape(wanted)[0], -1))
        length = backend.row_sums(ops.square(goal)) + _SMALL
        if how == "distance":
            return -backend.row_sums(ops.square(values - goal)) / length
        along = backend.row_sums(values * goal) / length
        cosine = along * ops.sqrt(length) / (ops.sqrt(backend.row_sums(ops.square(values))) + _SMALL)
        return along * ops.maximum(cosine, 0.1)  # as in Lucid: an orthogonal start still has a gradient

    return Objective(
        layers=frozenset({name}),
        score=score,
        wanted=target,
        names=tuple(f"match:{name}#{number}" for number in range(len(target))),
        kind=("match", name, how, target.shape[1:]),
        reach=((name, tuple(size - 1 for size in target.shape[1:])),),
    )


def diversity(name: str, facets: int) -> Objective:
    """Return the objective by which `facets` images differ: minus the mean cosine of their styles in layer `name`.

    The style of an image is the Gram matrix of its activations over positions (Olah et al. 2017, "Feature
    visualization"). Added to the objective of one unit, it shows several facets of that unit.

    Args:
        name: name of the layer.
        facets: images per unit, at least 2; they are scored together and stay in one batch.

    Example:
        >>> len(channel("conv6", [12]) + 2.0 * diversity("conv6", 4))
        4
    """
    if facets < 2:
        raise TargetError(f"facets={facets}: at least 2")

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        activation = seen[name]
        count, units = ops.shape(activation)[0], activation.shape[-1]  # count: images times views
        flat = ops.reshape(activation, (count, -1, units))
        style = ops.reshape(backend.matmul(ops.transpose(flat, (0, 2, 1)), flat), (count, -1))
        style = ops.pad(style, ((0, 0), (0, -(units**2) % backend.LANES)))  # see `backend.row_sums`
        style = _unit(style)
        views = int(seen.get(VIEWS, 1))
        style = ops.reshape(style, (-1, facets, views, style.shape[-1]))
        # The sum of the cosines is the product with the sum. A matrix product over all rows would give bytes that
        # depend on the other groups of the batch.
        sums = ops.sum(style, axis=2, keepdims=True)
        others = ops.sum(sums, axis=1, keepdims=True) - sums
        cosines = backend.row_sums(ops.reshape(style * others, (-1, style.shape[-1])))
        return -cosines / float((facets - 1) * views)

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
    """Scale each row (n, k) to length 1.

    Its gradient, (dy - y * sum(dy * y)) / length, is given for the reason stated in `parameterizations._standardize`.
    """
    length = ops.sqrt(backend.row_sums(ops.square(rows)))[:, None] + _SMALL
    y = rows / length

    def back(dy: Tensor) -> Tensor:
        return (dy - y * backend.row_sums(dy * y)[:, None]) / length

    return y, back
