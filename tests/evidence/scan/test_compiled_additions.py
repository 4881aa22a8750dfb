"""The compiled additions give the bytes of NumPy, for every batch."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dreamfilters.evidence.scan.accumulators import Accumulators, BatchStatistics
from dreamfilters.evidence.scan.column_shards import ColumnShards
from dreamfilters.evidence.scan.compiled_additions import (
    WORTH,
    CompiledAdditions,
    bin_rows,
    compiled_additions,
    rank_rows,
    sum_rows,
)
from tests.evidence.scan.test_compiled_reductions import needs_numba

CLASSES = 4


def batches_of(sizes, units, seed, decimals):
    """Return batches of images with equal values, zeros, and maps that are not finite."""
    chance, first = np.random.default_rng(seed), 0
    found = []
    for size in sizes:
        numbers = (chance.normal(size=(4, size, units)) * 10.0 ** chance.integers(-30, 12, units)).astype(np.float32)
        numbers = np.where(chance.random(numbers.shape) < 0.2, 0, numbers.round(decimals)).astype(np.float32)
        numbers[:, chance.random((size, units)) < 0.1] = np.nan
        zeros = chance.integers(0, 99, (size, units)).astype(np.float32)
        position = chance.integers(0, 99, (size, units)).astype(np.int32)
        labels = chance.integers(-1, CLASSES, size).astype(np.int32)
        found.append((np.arange(first, first + size), BatchStatistics(*numbers, zeros, position), labels))
        first += size
    return found


def added(statistics, batches, loops):
    for batch in batches:
        statistics.add(*batch, loops)
    return {name: values.tobytes() for name, values in statistics.arrays.items()}


@pytest.fixture(scope="module")
def compiled():
    return compiled_additions(WORTH)


@needs_numba
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    units=st.integers(1, 20),
    k=st.integers(1, 5),
    seed=st.integers(0, 999),
    decimals=st.sampled_from((0, 1, 20)),
)
def test_the_bytes_are_those_of_numpy(compiled, sizes, units, k, seed, decimals):
    batches = batches_of(sizes, units, seed, decimals)
    expected = added(Accumulators.empty(units, k, CLASSES), batches, None)
    assert added(Accumulators.empty(units, k, CLASSES), batches, compiled) == expected


@needs_numba
def test_shards_add_by_it_too(compiled):
    batches = batches_of((8, 8, 8), 1100, 0, 1)
    expected = added(Accumulators.empty(1100, 3, CLASSES), batches, None)
    shards = ColumnShards.of(Accumulators.empty(1100, 3, CLASSES), 2)
    assert added(shards, batches, compiled) == expected


def test_the_loops_are_plain_python_with_the_bytes_of_numpy():
    batches = batches_of((3, 5), 4, 1, 1)
    expected = added(Accumulators.empty(4, 2, CLASSES), batches, None)
    loops = CompiledAdditions(sum_rows, rank_rows, bin_rows)
    assert added(Accumulators.empty(4, 2, CLASSES), batches, loops) == expected
