"""Reductions of a batch of activation maps to five numbers per unit and image, in one pass through the CPU cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.evidence.scan.accumulators import BatchStatistics
from dreamfilters.evidence.scan.device_reductions import device_reducer
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_info import as_maps

Floats: TypeAlias = NDArray[np.float32]
Reducer: TypeAlias = Callable[[Floats, Floats], BatchStatistics]

_CHUNK_BYTES = 2**21  # of maps at a time: five passes read them, and they should stay in the cache meanwhile
_MOST_ROWS = 255  # that a uint8 sum counts


def reducer(network: Network, layers: Sequence[str]) -> Reducer:
    """Return the function from images (n, h, w, c) and thresholds (4, units) to the statistics of each unit.

    The thresholds are those of `Accumulators.thresholds`: the position of a maximum is computed only if the maximum,
    the mean, or the negative of either exceeds its threshold. The function is thread-safe.
    """
    watch = network.watch(frozenset(layers))
    compiled = backend.compile(lambda images: watch(network.to_input(images)))

    on_device = device_reducer(network, layers)

    def reduce(images: Floats, thresholds: Floats) -> BatchStatistics:
        if backend.execution().reduces:
            return on_device(images, thresholds)
        outputs = compiled(backend.tensor(images))
        activations = [np.asarray(outputs[layer]) for layer in layers]  # shares TensorFlow's memory: no copy
        parts = [reduce_maps(as_maps(values)) for values in activations]
        maximum, minimum, mean, power, zeros = np.concatenate([part.numbers for part in parts], axis=2)
        nonfinite = ~(np.isfinite(mean) & np.isfinite(maximum))
        if nonfinite.any():
            maximum[nonfinite] = mean[nonfinite] = np.nan
        above = (maximum > thresholds[0]) | (mean > thresholds[1])
        below = (maximum < -thresholds[2]) | (mean < -thresholds[3])
        ends = np.cumsum([part.maps.shape[-1] for part in parts])
        masks = np.split(above | below, ends, axis=1)
        positions = [part.argmax(mask) for part, mask in zip(parts, masks, strict=False)]
        return BatchStatistics(maximum, mean, minimum, power, zeros, np.concatenate(positions, axis=1))

    return reduce


@dataclass(frozen=True, eq=False)
class MapReductions:
    """A layer's maps on n images with their reductions.

    Attributes:
        maps: (n, h, w, units).
        numbers: (5, n, units): maximum, minimum, mean, mean square, and the number of positions that are zero.
        columns: (n, w, units), the maximum of each column.
    """

    maps: Floats
    numbers: Floats
    columns: Floats

    def argmax(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return (n, units): row * width + column of the maximum where `mask` is true, else 0.

        Of equal values the first in row-major order counts. Only columns that hold the maximum are read again.
        """
        _, height, width, _ = self.maps.shape
        position = np.zeros(mask.shape, np.int32)
        if height * width == 1 or not mask.any():
            return position
        image, unit = np.nonzero(mask)
        peaks = self.numbers[0][image, unit]
        pair, column = np.nonzero(self.columns[image, :, unit] == peaks[:, None])
        row = self.maps[image[pair], :, column, unit[pair]].argmax(axis=1)
        firsts = np.flatnonzero(np.diff(pair, prepend=-1))
        position[image, unit] = np.minimum.reduceat(row * width + column, firsts)
        return position


def reduce_maps(maps: Floats) -> MapReductions:
    """Return maps (n, h, w, units) with their reductions.

    Each reduction runs down the columns first, then along the row of column results: these are long vectors, and the
    sum rounds less than over all positions at once. An image's result does not depend on the rest of the batch.
    """
    n, height, width, units = maps.shape
    rows = maps.reshape(n, height, width * units)
    columns = np.empty((5, n, width * units), np.float32)
    chunk = max(1, _CHUNK_BYTES // maps[:1].nbytes)
    for first in range(0, n, chunk):
        _reduce_columns(rows[first : first + chunk], columns[:, first : first + chunk])
    columns = columns.reshape(5, n, width, units)
    numbers = np.empty((5, n, units), np.float32)
    np.maximum.reduce(columns[0], axis=1, out=numbers[0])
    np.minimum.reduce(columns[1], axis=1, out=numbers[1])
    np.add.reduce(columns[2:], axis=2, out=numbers[2:])
    numbers[2:4] /= height * width
    numbers[4] = height * width - numbers[4]
    return MapReductions(maps, numbers, columns[0])


def _reduce_columns(rows: Floats, columns: Floats) -> None:
    """Write into (5, n, i) each column's maximum, minimum, sum, sum of squares and number of nonzero values."""
    np.maximum.reduce(rows, axis=1, out=columns[0])
    np.minimum.reduce(rows, axis=1, out=columns[1])
    np.add.reduce(rows, axis=1, out=columns[2])
    if rows.shape[2] > 1:
        np.einsum("nhi,nhi->ni", rows, rows, out=columns[3])  # needs no array of squares
    else:  # for a single column einsum's order of summation depends on the batch
        np.add.reduce(np.square(rows), axis=1, out=columns[3])
    nonzero = np.not_equal(rows, 0).view(np.uint8)  # summed as bytes, the type that fills a vector register best
    parts = [nonzero[:, first : first + _MOST_ROWS] for first in range(0, rows.shape[1], _MOST_ROWS)]
    columns[4] = sum(part.sum(axis=1, dtype=np.uint8).astype(np.float32) for part in parts)
