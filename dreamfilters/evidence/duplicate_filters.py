"""Near-duplicate filters: pairs whose weights or responses are nearly parallel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ModelError, RecipeError
from dreamfilters.evidence.bounds.affine_layers import affine_parts
from dreamfilters.evidence.bounds.affine_operators import Array, ChannelScale, Convolution, Linear
from dreamfilters.networks import Network
from dreamfilters.networks.activation_functions import inline_activation
from dreamfilters.networks.graph import Graph, Step

ALIKE = 0.95  # least cosine of near-duplicates, an angle of 18 degrees


@dataclass(frozen=True)
class DuplicatePair:
    """Two units, the lower number first, and their cosine similarity."""

    first: int
    second: int
    cosine: float


def near_duplicates(vectors: ArrayLike, *, threshold: float = ALIKE) -> tuple[DuplicatePair, ...]:
    """Return the pairs of units whose vectors are nearly parallel, most similar first.

    Args:
        vectors: (units, n), `weight_vectors` or the units' responses to n images; subtract each unit's mean for a
            correlation instead of a cosine. A zero vector has no duplicate.
        threshold: the least cosine, above 0 and at most 1.

    Raises:
        RecipeError: the threshold is out of range.

    Example:
        >>> near_duplicates([[1, 0], [0, 1], [2, 0.1]])
        (DuplicatePair(first=0, second=2, cosine=0.9987523388778446),)
    """
    if not 0 < threshold <= 1:
        raise RecipeError(f"threshold={threshold}: must be above 0 and at most 1")
    values = np.asarray(vectors, np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    units = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    cosines = np.minimum(units @ units.T, 1.0)
    # the cosine of parallel vectors may round to less than 1
    firsts, seconds = np.nonzero(np.triu(cosines >= threshold - 1e-12, k=1))
    pairs = [DuplicatePair(int(i), int(j), float(cosines[i, j])) for i, j in zip(firsts, seconds, strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair.cosine, pair.first, pair.second)))


def weight_vectors(network: Network, layer: str) -> NDArray[np.float64]:
    """Return each unit's weights and bias, (units, n), with a directly following batch normalization folded in.

    Raises:
        UnknownNameError: the network has no such layer.
        ModelError: the layer has no weights per unit.
    """
    graph = network.graph
    step = graph.by_name[network.layer(layer).name]
    writer = graph.writers.get(step.inputs[0])
    shape = writer.shape if writer else graph.input_shape
    parts = affine_parts(step, tuple(side or 1 for side in shape))  # any size: the kernel depends on the channels only
    if not parts or len(parts) > 1 or not isinstance(parts[0], Convolution | Linear) or step.type not in _WEIGHED:
        raise ModelError(f"{layer}: a {step.type} has no weights to compare; Conv2D, DepthwiseConv2D and Dense do")
    kernel = parts[0].kernel.reshape(-1, parts[0].kernel.shape[-1])  # (n, units)
    factor, bias = _folded(graph, step, parts[0].bias)
    return np.concatenate([kernel * factor, bias[None]]).T


_WEIGHED = frozenset({"Conv2D", "DepthwiseConv2D", "Dense"})


def _folded(graph: Graph, step: Step, bias: Array) -> tuple[Array | float, Array]:
    readers = graph.readers(step.outputs[0])
    if len(readers) != 1 or readers[0].type != "BatchNormalization" or inline_activation(step):
        return 1.0, bias
    parts = affine_parts(readers[0], tuple(side or 1 for side in step.shape))
    if not parts or not isinstance(parts[0], ChannelScale):
        return 1.0, bias
    return parts[0].factor, bias * parts[0].factor + parts[0].bias
