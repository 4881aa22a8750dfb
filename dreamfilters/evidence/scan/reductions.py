"""What a scan wants of a batch: five numbers of every map, taken while it passes through the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.evidence.scan.accumulators import BatchStatistics
from dreamfilters.networks import Network

Floats: TypeAlias = NDArray[np.float32]
Reducer: TypeAlias = Callable[[Floats, Floats], BatchStatistics]

_SLAB = 2**21  # bytes of maps at a time: five passes go over them, and the processor's cache should hold them so long
_FULL = 255  # of a byte


def reducer(network: Network, layers: Sequence[str]) -> Reducer:
    """Return the function from images (n, h, w, c) and bars (4, units) to what they make of each unit.

    The bars are what a maximum and a mean have to exceed, and what the negatives of both have to exceed, for the place
    of the maximum to be looked up. Several threads may call it at once.
    """
    watch = network.watch(frozenset(layers))
    compiled = backend.compile(lambda images: watch(network.to_input(images)))

    def read(images: Floats, bars: Floats) -> BatchStatistics:
        seen = compiled(backend.tensor(images))
        maps = [np.asarray(seen[layer]) for layer in layers]  # TensorFlow's own memory, no copy
        looked = [reduce_maps(x if x.ndim == 4 else x[:, None, None, :]) for x in maps]
        maximum, minimum, mean, power, zeros = np.concatenate([look.numbers for look in looked], axis=2)
        broken = ~(np.isfinite(mean) & np.isfinite(maximum))
        if broken.any():
            maximum[broken] = mean[broken] = np.nan
        wanted = (maximum > bars[0]) | (mean > bars[1]) | (maximum < -bars[2]) | (mean < -bars[3])
        ends = np.cumsum([look.maps.shape[-1] for look in looked])
        places = [look.places(own) for look, own in zip(looked, np.split(wanted, ends, axis=1), strict=False)]
        return BatchStatistics(maximum, mean, minimum, power, zeros, np.concatenate(places, axis=1))

    return read


@dataclass(frozen=True, eq=False)
class MapReductions:
    """A layer's maps for n images, and what they come to.

    Attributes:
        maps: (n, h, w, units).
        numbers: (5, n, units): maximum, minimum, mean, mean square, and at how many places the map is exactly zero.
        columns: (n, w, units), the maximum of each column.
    """

    maps: Floats
    numbers: Floats
    columns: Floats

    def places(self, wanted: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return (n, units): row * width + column of the maximum where it is wanted, 0 elsewhere.

        Of equal values the first in reading order counts. Only columns that hold the maximum are read again.
        """
        _, height, width, _ = self.maps.shape
        place = np.zeros(wanted.shape, np.int32)
        if height * width == 1 or not wanted.any():
            return place
        image, unit = np.nonzero(wanted)
        peaks = self.numbers[0][image, unit]
        pair, column = np.nonzero(self.columns[image, :, unit] == peaks[:, None])
        row = self.maps[image[pair], :, column, unit[pair]].argmax(axis=1)
        firsts = np.flatnonzero(np.diff(pair, prepend=-1))
        place[image, unit] = np.minimum.reduceat(row * width + column, firsts)
        return place


def reduce_maps(maps: Floats) -> MapReductions:
    """Return maps (n, h, w, units) with their numbers.

    Everything is taken down the columns first and then along the row of what they came to: over long vectors, and
    a sum rounds less than in one go. It does not depend on the images beside.
    """
    n, height, width, units = maps.shape
    rows = maps.reshape(n, height, width * units)
    columns = np.empty((5, n, width * units), np.float32)
    at_once = max(1, _SLAB // maps[:1].nbytes)
    for first in range(0, n, at_once):
        _down(rows[first : first + at_once], columns[:, first : first + at_once])
    columns = columns.reshape(5, n, width, units)
    numbers = np.empty((5, n, units), np.float32)
    np.maximum.reduce(columns[0], axis=1, out=numbers[0])
    np.minimum.reduce(columns[1], axis=1, out=numbers[1])
    np.add.reduce(columns[2:], axis=2, out=numbers[2:])
    numbers[2:4] /= height * width
    numbers[4] = height * width - numbers[4]
    return MapReductions(maps, numbers, columns[0])


def _down(slab: Floats, columns: Floats) -> None:
    """Write into (5, n, i) each column's maximum, minimum, sum, sum of squares, and how much of it is not zero."""
    np.maximum.reduce(slab, axis=1, out=columns[0])
    np.minimum.reduce(slab, axis=1, out=columns[1])
    np.add.reduce(slab, axis=1, out=columns[2])
    if slab.shape[2] > 1:
        np.einsum("nhi,nhi->ni", slab, slab, out=columns[3])  # no square is ever written down
    else:  # where a long column stands alone, its sum would depend on the images beside
        np.add.reduce(np.square(slab), axis=1, out=columns[3])
    others = np.not_equal(slab, 0).view(np.uint8)  # added up in bytes, of which a vector holds most
    portions = [others[:, first : first + _FULL] for first in range(0, slab.shape[1], _FULL)]
    columns[4] = sum(portion.sum(axis=1, dtype=np.uint8).astype(np.float32) for portion in portions)
