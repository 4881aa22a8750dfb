"""The statistics of a scan in shards of units, which threads add to: where many workers outrun one thread."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.accumulators import LAYOUT, Accumulators, Arrays
from dreamfilters.evidence.scan.batch_statistics import BatchContribution

_FEWEST = 512  # units of a shard; NumPy's calls take as long for fewer


class ColumnShards:
    """The statistics of `Accumulators`, with the same values: no statistic of a unit depends on another unit.

    NumPy releases Python's lock while it adds and sorts, so that the shards are added to at the same time.
    """

    def __init__(self, shards: Sequence[Accumulators], ends: Sequence[int]) -> None:
        """Join shards; `ends` (shards,) are the numbers of units up to the end of each."""
        self._shards, self._ends = list(shards), list(ends)
        self._threads = ThreadPoolExecutor(len(self._shards), thread_name_prefix="dreamfilters-sums")

    @classmethod
    def of(cls, whole: Accumulators, count: int) -> ColumnShards:
        """Return these statistics in at most `count` shards of about as many units each."""
        units = len(whole.sums["counted"])
        count = max(1, min(count, units // _FEWEST))
        ends = [units * number // count for number in range(1, count + 1)]
        parts = {name: _split(name, values, units, ends) for name, values in whole.arrays.items()}
        shards = [{name: arrays[number] for name, arrays in parts.items()} for number in range(count)]
        return cls([Accumulators.from_arrays(arrays) for arrays in shards], ends)

    @property
    def arrays(self) -> Arrays:
        """The arrays of `Accumulators`."""
        each = [shard.arrays for shard in self._shards]
        return {name: _joined(name, [arrays[name] for arrays in each]) for name in each[0]}

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """See `Accumulators`."""
        return np.concatenate([shard.thresholds for shard in self._shards], axis=1)

    def add(self, indices: NDArray[Any], batch: BatchContribution, labels: NDArray[Any]) -> None:
        """See `Accumulators`."""
        for done in [
            self._threads.submit(shard.add, indices, batch.of_units(first, end), labels)
            for shard, first, end in zip(self._shards, [0, *self._ends[:-1]], self._ends, strict=True)
        ]:
            done.result()


def _axis(name: str) -> tuple[int, int] | None:
    """Return the axis of an array along which the units are, and how often; None if it is not of units."""
    axes = LAYOUT[name][1:]
    return next(((axis, count) for axis, (count, side) in enumerate(axes) if side == "units"), None)


def _split(name: str, values: NDArray[Any], units: int, ends: Sequence[int]) -> list[NDArray[Any]]:
    """Return the part of an array for each shard."""
    found = _axis(name)
    if found is None:
        return [values.copy() for _ in ends]
    axis, count = found
    apart = values.reshape(*values.shape[:axis], count, units, *values.shape[axis + 1 :])
    parts = np.split(apart, ends[:-1], axis=axis + 1)
    return [part.reshape(*values.shape[:axis], -1, *values.shape[axis + 1 :]).copy() for part in parts]


def _joined(name: str, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the array of all shards."""
    found = _axis(name)
    if found is None:
        return parts[0]
    axis, count = found
    apart = [part.reshape(*part.shape[:axis], count, -1, *part.shape[axis + 1 :]) for part in parts]
    whole = np.concatenate(apart, axis=axis + 1)
    return whole.reshape(*parts[0].shape[:axis], -1, *parts[0].shape[axis + 1 :])
