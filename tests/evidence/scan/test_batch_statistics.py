"""What a batch adds to a scan: the same with old thresholds, apart by units, and small enough to send."""

import pickle

import numpy as np
import pytest

from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics

UNITS, K = 7, 3
NONE = np.full((4, UNITS), -np.inf, np.float32)


def batch(n=16, seed=0):
    """Statistics with equal values, and one map that is not finite."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(5, n, UNITS)).astype(np.float32).round(1)
    values[4] = rng.integers(0, 9, (n, UNITS))
    values[:4, 2, 5] = np.nan
    return BatchStatistics(*values, rng.integers(0, 99, (n, UNITS)).astype(np.int32))


def scanned(*batches, lag=0):
    """The arrays of a scan of these batches, whose thresholds lag so many batches behind."""
    accumulators = Accumulators.empty(UNITS, K, 2)
    thresholds = [accumulators.thresholds.copy()]
    for number, each in enumerate(batches):
        indices = 16 * number + np.arange(len(each.mean))
        accumulators.add(indices, each.contribution(thresholds[max(0, number - lag)], K), indices % 3 - 1)
        thresholds.append(accumulators.thresholds.copy())
    return {name: values.tobytes() for name, values in accumulators.arrays.items()}


@pytest.mark.parametrize("lag", [1, 2, 99])
def test_old_thresholds_change_no_bit(lag):
    batches = [batch(seed=seed) for seed in range(8)]
    assert scanned(*batches, lag=lag) == scanned(*batches)


def test_the_images_of_a_ranking_are_those_of_a_stable_sort():
    each = batch()
    found = each.contribution(NONE, K)
    for column, scores in enumerate(np.concatenate([each.maximum, each.mean, -each.maximum, -each.mean], axis=1).T):
        own = found.column == column
        best = np.argsort(-scores, kind="stable")[:K]
        assert set(best) <= set(found.image[own])  # those that equal the last one may be among them
        assert set(scores[found.image[own]]) == set(scores[best])
        np.testing.assert_array_equal(found.ranked[own], scores[found.image[own]])
        np.testing.assert_array_equal(found.position[own], each.position[found.image[own], column % UNITS])
        assert (np.diff(found.image[own]) > 0).all()
    assert (np.diff(found.column) >= 0).all()


def test_nothing_enters_above_high_thresholds():
    found = batch().contribution(np.full((4, UNITS), 99, np.float32), K)
    assert len(found.image) == len(found.column) == len(found.ranked) == 0


def test_counts_by_hand():
    each = batch()
    found = each.contribution(NONE, K)
    assert found.counts["nonfinite"].tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert found.counts["counted"].tolist() == [16, 16, 16, 16, 16, 15, 16]
    finite = np.arange(16) != 2
    assert found.counts["zeros"][5] == each.zeros[finite, 5].sum()
    assert found.minimum[5] == each.minimum[finite, 5].min()
    assert found.mean.tobytes() == each.mean.tobytes()


def test_the_part_of_some_units_is_what_they_alone_add():
    each = batch()
    part = BatchStatistics(**{name: values[:, 2:6] for name, values in vars(each).items()})
    expected, found = part.contribution(NONE[:, 2:6], K), each.contribution(NONE, K).of_units(2, 6)
    for name, values in vars(expected).items():
        if name == "counts":
            assert {key: each.tolist() for key, each in values.items()} == {
                key: each.tolist() for key, each in found.counts.items()
            }
        else:
            np.testing.assert_array_equal(getattr(found, name), values)


def test_it_is_about_half_as_large_as_the_statistics_once_the_rankings_are_full():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 64, 500)).astype(np.float32)
    each = BatchStatistics(*values, np.zeros((64, 500), np.int32))
    sent = len(pickle.dumps(each.contribution(np.full((4, 500), 3, np.float32), 9)))
    assert sent < 0.6 * len(pickle.dumps(each))
