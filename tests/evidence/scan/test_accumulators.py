"""Sums do not depend on how images come in portions, and what is broken is left out of all of them."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.accumulators import Accumulators, BatchStatistics


def answers(n=40, units=3, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(4, n, units)).astype(np.float32)
    return BatchStatistics(*numbers, rng.integers(0, 9, (n, units)).astype(np.float32), rng.integers(0, 9, (n, units)))


def part(all_of_them, rows):
    return BatchStatistics(*(getattr(all_of_them, name)[rows] for name in BatchStatistics.__dataclass_fields__))


def tallied(given, *portions, labels=None, k=2):
    n, units = given.mean.shape
    labels = np.zeros(n, int) if labels is None else labels
    tally = Accumulators.empty(units, k, 3)
    for rows in np.split(np.arange(n), portions):
        tally.add(rows, part(given, rows), labels[rows])
    return tally.arrays


@pytest.mark.parametrize("units", [1, 3, 64])
def test_portions_change_no_bit(units):
    given, labels = answers(units=units), np.random.default_rng(1).integers(-1, 3, 40)
    whole = tallied(given, labels=labels)
    for portions in ((7,), (1, 2, 3, 20), tuple(range(1, 40))):
        parts = tallied(given, *portions, labels=labels)
        assert all(parts[name].tobytes() == whole[name].tobytes() for name in whole)


def test_sums_by_hand():
    ones, zeros = np.ones((3, 1), np.float32), np.array([[4], [1], [0]], np.float32)
    given = BatchStatistics(
        np.array([[0], [2], [4]], np.float32),
        ones,
        -ones,
        2 * ones,
        zeros,
        np.zeros((3, 1)),
    )
    found = tallied(given, labels=np.array([0, 2, -1]))
    assert found["sums/counted"].tolist() == [3]
    assert found["sums/silent"].tolist() == [1]
    assert found["sums/minimum"].tolist() == [-1]
    assert found["sums/zeros"].tolist() == [5]
    assert found["sums/total"].tolist() == [6, 3, 6]
    assert found["sums/squares"].tolist() == [20, 3]
    assert found["sums/class_count"].tolist() == [1, 0, 1]
    assert found["sums/class_total"].tolist() == [[0, 1], [0, 0], [2, 1]]
    assert found["sums/class_squares"].tolist() == [4, 2]
    assert found["top_k/index"][:, :4].T.tolist() == [[2, 1], [0, 1], [0, 1], [0, 1]]


def test_a_broken_image_counts_for_the_other_units_only():
    given = answers(n=4, units=2)
    whole = tallied(part(given, [0, 1, 3]))
    given.maximum[2, 0] = given.mean[2, 0] = given.power[2, 0] = np.nan
    found = tallied(given)
    assert found["sums/nonfinite"].tolist() == [1, 0]
    assert found["sums/counted"].tolist() == [3, 4]
    assert found["sums/total"][[0, 2, 4]].tolist() == whole["sums/total"][[0, 2, 4]].tolist()
    assert 2 not in found["top_k/index"][:, 0]


def test_arrays_make_the_same_tally_again():
    once = tallied(answers())
    tally = Accumulators.of({name: values.copy() for name, values in once.items()})
    assert tally.arrays.keys() == once.keys()
    more = answers(n=5, seed=9)
    tally.add(np.arange(40, 45), more, np.zeros(5, int))
    assert tally.sums["counted"].tolist() == [45] * 3
    assert tally.bars.shape == (4, 3)
