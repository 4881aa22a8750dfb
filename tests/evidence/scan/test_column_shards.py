"""Statistics in shards of units are those of all units at once, bit for bit."""

import numpy as np
import pytest

from dreamfilters.evidence.scan import column_shards
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics
from dreamfilters.evidence.scan.column_shards import ColumnShards

UNITS, CLASSES, K = 23, 4, 3


def batches():
    """Statistics of five batches of images, with zeros, equal values and maps that are not finite."""
    rng = np.random.default_rng(0)
    for first in range(0, 40, 8):
        values = rng.normal(size=(5, 8, UNITS)).astype("float32").round(1)
        values[:2, rng.integers(8), rng.integers(UNITS)] = np.nan
        position = rng.integers(0, 99, (8, UNITS)).astype("int32")
        yield np.arange(first, first + 8), BatchStatistics(*values, position), rng.integers(-1, CLASSES, 8)


def add(statistics, indices, batch, labels):
    """Add a batch as a scan does."""
    statistics.add(indices, batch.contribution(statistics.thresholds, K), labels)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(column_shards, "_FEWEST", 2)


@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_shards_have_the_bytes_of_one_thread(count):
    whole = Accumulators.empty(UNITS, K, CLASSES)
    shards = ColumnShards.of(Accumulators.empty(UNITS, K, CLASSES), count)
    for batch in batches():
        add(whole, *batch)
        add(shards, *batch)
        assert shards.thresholds.tobytes() == whole.thresholds.tobytes()
    assert {name: values.tobytes() for name, values in shards.arrays.items()} == {
        name: values.tobytes() for name, values in whole.arrays.items()
    }
    shapes = [[(name, values.shape) for name, values in each.arrays.items()] for each in (shards, whole)]
    assert shapes[0] == shapes[1]


def test_a_scan_that_began_in_one_thread_goes_on_in_shards_and_back():
    whole, mixed = Accumulators.empty(UNITS, K, CLASSES), Accumulators.empty(UNITS, K, CLASSES)
    for number, batch in enumerate(batches()):
        add(whole, *batch)
        if number % 2:
            shards = ColumnShards.of(mixed, 3)
            add(shards, *batch)
            mixed = Accumulators.from_arrays(shards.arrays)
        else:
            add(mixed, *batch)
    assert {name: values.tobytes() for name, values in mixed.arrays.items()} == {
        name: values.tobytes() for name, values in whole.arrays.items()
    }
