"""The objective of a texture: the Gram matrices of several layers, that is, which units respond together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Activations, Objective, Wanted
from dreamfilters.errors import TargetError

_SMALL = 1e-12


def gram(matrices: Mapping[str, ArrayLike]) -> Objective:
    """Return the objective by which image i gets the i-th Gram matrices of several layers.

    The score is minus the mean over the layers of |G - A| ** 2 / |A| ** 2, where G is the Gram matrix of the image and
    A the given one: 0 is a perfect match, -1 that of activations of 0. Gatys et al. ("Texture synthesis using
    convolutional neural networks", NeurIPS 2015, equation 4) divide by constants of VGG instead; dividing by |A| ** 2
    gives each layer of any network the same weight.

    Args:
        matrices: name of a layer -> (n, c, c), see `gram_matrices`.

    Raises:
        TargetError: no layer, or matrices that are not square, not finite or zero.

    Example:
        >>> gram({"conv1": np.ones((2, 32, 32)), "conv2": np.ones((2, 32, 32))}).names
        ('gram:conv1,conv2#0', 'gram:conv1,conv2#1')
    """
    layers = tuple(sorted(matrices))
    wanted = tuple(_checked(layer, matrices[layer]) for layer in layers)
    counts = {len(rows) for rows in wanted}
    if len(counts) != 1:
        raise TargetError(
            f"gram: matrices of {sorted(counts)} images; give at least one layer, all of equally many images"
        )

    def score(seen: Activations, wanted: Wanted) -> Tensor:
        return -sum(_distance(_gram(seen[layer]), goal) for layer, goal in zip(layers, wanted, strict=True)) / len(
            layers
        )

    return Objective(
        layers=frozenset(layers),
        score=score,
        wanted=wanted,
        names=tuple(f"gram:{','.join(layers)}#{number}" for number in range(counts.pop())),
        kind=("gram", layers, tuple(rows.shape[1] for rows in wanted)),
        reach=tuple((layer, (rows.shape[1] - 1,)) for layer, rows in zip(layers, wanted, strict=True)),
    )


def gram_matrices(activations: ArrayLike) -> np.ndarray:
    """Return the Gram matrix of each activation, (n, ..., c) -> (n, c, c): the mean over positions of the products.

    The mean, and not the sum, because the positions of images of two sizes then count alike.

    Raises:
        TargetError: the activations have no positions.

    Example:
        >>> gram_matrices([[[1.0, 0.0], [1.0, 2.0]]]).tolist()
        [[[1.0, 1.0], [1.0, 2.0]]]
    """
    values = np.asarray(activations, "float32")
    if values.ndim < 3:
        raise TargetError(f"Gram matrix: activations {values.shape} have no positions; give those of a layer with maps")
    return np.asarray(_gram(backend.tensor(values)))


def _gram(activation: Tensor) -> Tensor:
    count, units = ops.shape(activation)[0], activation.shape[-1]
    flat = ops.reshape(activation, (count, -1, units))
    # one product per image, whose bytes do not depend on the batch
    return backend.matmul(ops.transpose(flat, (0, 2, 1)), flat) / float(np.prod(activation.shape[1:-1], dtype=np.int64))


def _distance(matrices: Tensor, wanted: Tensor) -> Tensor:
    return backend.row_sums(ops.square(matrices - wanted)) / (backend.row_sums(ops.square(wanted)) + _SMALL)


def _checked(layer: str, matrices: Any) -> np.ndarray:
    rows = np.asarray(matrices, "float32")
    if rows.ndim != 3 or rows.shape[1] != rows.shape[2] or not np.all(np.isfinite(rows)):
        raise TargetError(f"gram of {layer}: matrices {rows.shape}; give finite (n, channels, channels)")
    if not np.all(np.any(rows, axis=(1, 2))):
        raise TargetError(
            f"gram of {layer}: the layer is silent on the image, so that its matrix is zero; leave it out"
        )
    return rows
