"""Reductions of activation maps on an accelerator: only six numbers per unit and image are copied from it.

The reductions of `scan.reductions` run on the CPU, over maps that are in its memory. From an accelerator, maps would be
copied first, which takes longer than computing them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics, may_enter
from dreamfilters.networks import Network
from dreamfilters.networks.watching import ForwardPass

Floats = NDArray[np.float32]


def device_reducer(
    network: Network, layers: Sequence[str], watch: ForwardPass
) -> Callable[[Floats, Floats], BatchStatistics]:
    """Return the function from images (n, h, w, c) and thresholds (4, units) to the statistics of each unit.

    It is that of `reductions.reducer` with other rounding of means. Several devices share the images.

    Args:
        network: whose input form brings the images to its input.
        layers: in the order of the statistics.
        watch: returns their activations.
    """

    def statistics(images: Tensor) -> tuple[Tensor, ...]:
        outputs = watch(network.to_input(images))
        parts = zip(*(_reduced(outputs[layer]) for layer in layers), strict=True)
        return tuple(ops.concatenate(part, axis=1) for part in parts)

    compiled = backend.compile_rows(statistics)

    def reduce(images: Floats, thresholds: Floats) -> BatchStatistics:
        numbers = compiled(backend.tensor(images))
        maximum, mean, minimum, power, zeros, position = (np.array(values) for values in numbers)
        nonfinite = ~(np.isfinite(mean) & np.isfinite(maximum))
        for values in (maximum, mean, minimum, power):
            values[nonfinite] = np.nan
        entering = may_enter(maximum, mean, thresholds)
        return BatchStatistics(maximum, mean, minimum, power, zeros, np.where(entering, position, np.int32(0)))

    return reduce


def _reduced(activation: Tensor) -> tuple[Tensor, ...]:
    """Return maximum, mean, minimum, mean square, number of zeros and position of the maximum, each (n, units)."""
    n, *sides, units = activation.shape
    flat = ops.reshape(activation, (n, int(np.prod(sides, dtype=np.int64)), units))
    positions = flat.shape[1]
    # of zeros with a sign, which one is the extreme depends on the order
    maximum, minimum = ops.max(flat, axis=1) + 0.0, ops.min(flat, axis=1) + 0.0
    # columns first, then their sums: a long sum rounds less so
    grid = ops.reshape(activation, (n, sides[0], -1, units)) if sides else flat[:, None]
    total = ops.sum(ops.sum(grid, axis=1), axis=1)
    squares = ops.sum(ops.sum(ops.square(grid), axis=1), axis=1)
    zeros = ops.sum(ops.cast(flat == 0, "float32"), axis=1)
    return (
        maximum,
        total / positions,
        minimum,
        squares / positions,
        zeros,
        ops.cast(ops.argmax(flat, axis=1), "int32"),
    )
