"""Reductions of a batch of activation maps to five numbers per unit and image, in one pass through the CPU cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics, may_enter
from dreamfilters.evidence.scan.compiled_reductions import CompiledReductions, compiled_reductions
from dreamfilters.evidence.scan.device_reductions import device_reducer
from dreamfilters.evidence.scan.lanes import ROWS, groups
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_info import as_maps

Floats: TypeAlias = NDArray[np.float32]
Positions: TypeAlias = NDArray[np.int32]

_CHUNK_BYTES = 2**18  # of maps at a time: seven passes read them or their squares, which stay in the cache meanwhile


def reducer(network: Network, layers: Sequence[str]) -> Callable[..., BatchStatistics]:
    """Return the function from images (n, h, w, c) and thresholds (4, units) to the statistics of each unit.

    The thresholds are those of `Accumulators.thresholds`: the position of a maximum is given only if the maximum, the
    mean, or the negative of either exceeds its threshold. The third argument of the function, 0 by default, is how many
    bytes of maps its caller reduces in all; see `compiled_reductions`. The function is thread-safe.
    """
    watch = network.watch(frozenset(layers))
    compiled = backend.compile(lambda images: watch(network.to_input(images)))
    on_device = device_reducer(network, layers, watch)

    def reduce(images: Floats, thresholds: Floats, amount: float = 0) -> BatchStatistics:
        if backend.execution().reduces:
            return on_device(images, thresholds)
        outputs = compiled(backend.tensor(images))
        activations = [as_maps(np.asarray(outputs[layer])) for layer in layers]  # TensorFlow's memory: no copy
        return reduce_layers(activations, thresholds, compiled_reductions(amount))

    return reduce


def reduce_layers(
    activations: Sequence[Floats], thresholds: Floats, loop: CompiledReductions | None = None
) -> BatchStatistics:
    """Return the statistics of the units of maps (n, h, w, units), those of all layers concatenated.

    The bytes are the same with the compiled loop and without it.
    """
    n, ends = len(activations[0]), np.cumsum([maps.shape[-1] for maps in activations]).tolist()
    numbers, position = np.empty((5, n, ends[-1]), np.float32), np.zeros((n, ends[-1]), np.int32)
    parts: list[MapReductions] = []
    with np.errstate(over="ignore", invalid="ignore"):  # of maps that are not finite
        for maps, end in zip(activations, ends, strict=True):
            if loop is not None:
                loop(maps, numbers, position, end - maps.shape[-1])
            else:
                parts.append(reduce_maps(maps))
                numbers[:, :, end - maps.shape[-1] : end] = parts[-1].numbers
        numbers[:4] += 0.0  # of zeros with a sign, which one is the extreme depends on the order
    maximum, minimum, mean, power, zeros = numbers
    nonfinite = ~(np.isfinite(mean) & np.isfinite(maximum))
    if nonfinite.any():
        numbers[:4, nonfinite] = np.nan
    entering = may_enter(maximum, mean, thresholds)
    if loop is not None:
        position[~entering] = 0
    for part, end in zip(parts, ends, strict=False):
        columns = slice(end - part.maps.shape[-1], end)
        position[:, columns] = part.argmax(entering[:, columns])
    return BatchStatistics(maximum, mean, minimum, power, zeros, position)


@dataclass(frozen=True, eq=False)
class MapReductions:
    """A layer's maps on n images with their reductions.

    Attributes:
        maps: (n, h, w, units).
        numbers: (5, n, units): maximum, minimum, mean, mean square, and the number of positions that are zero.
        lanes: (n, groups, units), the maximum of each lane, see `lanes`.
    """

    maps: Floats
    numbers: Floats
    lanes: Floats

    def argmax(self, mask: NDArray[np.bool_]) -> Positions:
        """Return (n, units): row * width + column of the maximum where `mask` is true, else 0.

        Of equal values the first in row-major order counts. Only lanes that hold the maximum are read again.
        """
        n, height, width, units = self.maps.shape
        position = np.zeros(mask.shape, np.int32)
        if height * width == 1 or not mask.any():
            return position
        image, unit = np.nonzero(mask)
        peaks = self.numbers[0][image, unit]
        pair, lane = np.nonzero(self.lanes[image, :, unit] == peaks[:, None])
        flat, group = self.maps.reshape(n, height * width, units), self.lanes.shape[1]
        rows = -(-height * width // group)
        places = np.minimum(lane[:, None] + group * np.arange(rows), height * width - 1)  # the last row may be short
        best = flat[image[pair][:, None], places, unit[pair][:, None]] == peaks[pair][:, None]
        found = places[np.arange(len(pair)), best.argmax(axis=1)]
        firsts = np.flatnonzero(np.diff(pair, prepend=-1))
        position[image, unit] = np.minimum.reduceat(found, firsts)
        return position


def reduce_maps(maps: Floats) -> MapReductions:
    """Return maps (n, h, w, units) with their reductions, added in the order of `lanes`.

    An image's result does not depend on the rest of the batch.
    """
    n, height, width, units = maps.shape
    positions = height * width
    group = groups(positions, units)
    count, rows = group * units, positions // group
    flat = np.ascontiguousarray(maps, np.float32).reshape(n, positions * units)
    lanes = np.empty((5, n, count), np.float32)
    _reduce_rows(flat[:, : rows * count].reshape(n, rows, count), lanes)
    rest = flat[:, rows * count :]  # positions that fill no row
    if rest.size:
        _combine(lanes[:, :, : rest.shape[1]], np.stack([rest, rest, rest, np.square(rest), rest != 0]))
    highest = lanes[0].copy()
    while group > 1:
        half = (group + 1) // 2
        _combine(lanes[:, :, : (group - half) * units], lanes[:, :, half * units : group * units])
        group = half
    numbers = lanes[:, :, :units].copy()
    numbers[2:4] /= np.float32(positions)
    numbers[4] = positions - numbers[4]
    return MapReductions(flat.reshape(maps.shape), numbers, highest.reshape(n, -1, units))


def _combine(lanes: Floats, others: Floats) -> None:
    """Combine (5, n, i) maxima, minima, sums, sums of squares and numbers of nonzero values with others."""
    np.maximum(lanes[0], others[0], out=lanes[0])
    np.minimum(lanes[1], others[1], out=lanes[1])
    np.add(lanes[2:], others[2:], out=lanes[2:])


def _reduce_rows(rows: Floats, lanes: Floats) -> None:
    """Write into (5, n, i) each lane's maximum, minimum, sum, sum of squares and number of nonzero values."""
    n, height, count = rows.shape
    block = min(height, ROWS)
    chunk = min(n, max(1, _CHUNK_BYTES // (4 * block * count)))
    squares, nonzero = np.empty((chunk, block, count), np.float32), np.empty((chunk, block, count), np.bool_)
    for first in range(0, n, chunk):
        for begin in range(0, height, ROWS):
            part = rows[first : first + chunk, begin : begin + ROWS]
            into = lanes[:, first : first + chunk]
            found = into if begin == 0 else np.empty_like(into)
            square, flags = squares[: len(part), : part.shape[1]], nonzero[: len(part), : part.shape[1]]
            np.maximum.reduce(part, axis=1, out=found[0])
            np.minimum.reduce(part, axis=1, out=found[1])
            np.add.reduce(part, axis=1, out=found[2])
            np.multiply(part, part, out=square)
            np.add.reduce(square, axis=1, out=found[3])
            np.not_equal(part, 0, out=flags)
            # summed as bytes, the type that fills a vector register best
            found[4] = np.add.reduce(flags.view(np.uint8), axis=1, dtype=np.uint8)
            if begin:
                _combine(into, found)
