"""Tests of accumulators: sums do not depend on the batches, and nonfinite maps are left out."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.accumulators import NO_IMAGE, Accumulators, TopK, check_arrays
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics


def statistics(n=40, units=3, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(4, n, units)).astype(np.float32)
    return BatchStatistics(*numbers, rng.integers(0, 9, (n, units)).astype(np.float32), rng.integers(0, 9, (n, units)))


def subset(batch, rows):
    return BatchStatistics(*(getattr(batch, name)[rows] for name in BatchStatistics.__dataclass_fields__))


def accumulated(batch, *ends, labels=None, k=2):
    n, units = batch.mean.shape
    labels = np.zeros(n, int) if labels is None else labels
    accumulators = Accumulators.empty(units, k, 3)
    for rows in np.split(np.arange(n), ends):
        accumulators.add(rows, subset(batch, rows).contribution(accumulators.thresholds, k), labels[rows])
    return accumulators.arrays


@pytest.mark.parametrize("units", [1, 3, 64])
def test_batches_change_no_bit(units):
    batch, labels = statistics(units=units), np.random.default_rng(1).integers(-1, 3, 40)
    expected = accumulated(batch, labels=labels)
    for ends in ((7,), (1, 2, 3, 20), tuple(range(1, 40))):
        found = accumulated(batch, *ends, labels=labels)
        assert all(found[name].tobytes() == expected[name].tobytes() for name in expected)


def test_sums_by_hand():
    ones, zeros = np.ones((3, 1), np.float32), np.array([[4], [1], [0]], np.float32)
    batch = BatchStatistics(
        np.array([[0], [2], [4]], np.float32),
        ones,
        np.array([[0], [-1], [-1]], np.float32),
        2 * ones,
        zeros,
        np.zeros((3, 1), np.int32),
    )
    found = accumulated(batch, labels=np.array([0, 2, -1]))
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


def test_a_nonfinite_map_is_left_out_for_its_unit_only():
    batch = statistics(n=4, units=2)
    expected = accumulated(subset(batch, [0, 1, 3]))
    batch.maximum[2, 0] = batch.mean[2, 0] = batch.power[2, 0] = np.nan
    found = accumulated(batch)
    assert found["sums/nonfinite"].tolist() == [1, 0]
    assert found["sums/counted"].tolist() == [3, 4]
    assert found["sums/total"][[0, 2, 4]].tolist() == expected["sums/total"][[0, 2, 4]].tolist()
    assert 2 not in found["top_k/index"][:, 0]


def test_arrays_restore_the_accumulators():
    once = accumulated(statistics())
    accumulators = Accumulators.from_arrays({name: values.copy() for name, values in once.items()})
    assert accumulators.arrays.keys() == once.keys()
    more = statistics(n=5, seed=9)
    accumulators.add(np.arange(40, 45), more.contribution(accumulators.thresholds, 2), np.zeros(5, int))
    assert accumulators.sums["counted"].tolist() == [45] * 3
    assert accumulators.thresholds.shape == (4, 3)


def ranked(scores, k, *ends):
    top_k = TopK.empty(k, scores.shape[1])
    positions = np.arange(scores.size).reshape(scores.shape)
    for rows in np.split(np.arange(len(scores)), ends):
        add(top_k, rows + 100, scores[rows], positions[rows])
    return top_k.arrays


def add(top_k, indices, scores, positions):
    """Add all scores (n, columns) of n images."""
    column, image = np.indices(scores.T.shape).reshape(2, -1)
    top_k.add(indices[image], column, scores[image, column], positions[image, column])


@pytest.mark.parametrize("ends", [(), (1,), (10, 11, 12, 50), tuple(range(1, 80))])
def test_rankings_equal_those_of_a_stable_sort(ends):
    scores = np.random.default_rng(0).integers(0, 12, (80, 6)).astype(np.float32)  # with many equal ones
    found = ranked(scores, 5, *ends)
    order = np.argsort(-scores, axis=0, kind="stable")[:5]
    np.testing.assert_array_equal(found["index"], order + 100)
    np.testing.assert_array_equal(found["score"], np.take_along_axis(scores, order, axis=0))
    np.testing.assert_array_equal(found["position"], order * 6 + np.arange(6))


def test_fewer_than_k_images_leave_rows_empty():
    found = ranked(np.array([[1.0], [3.0]], np.float32), 4)
    assert found["index"][:, 0].tolist() == [101, 100, NO_IMAGE, NO_IMAGE]


def test_nan_never_enters():
    found = ranked(np.array([[np.nan], [2.0], [np.nan], [1.0]], np.float32), 3, 1, 3)
    assert found["index"][:, 0].tolist() == [101, 103, NO_IMAGE]


def test_the_threshold_is_the_last_score():
    top_k = TopK.empty(2, 1)
    assert top_k.least[0] == -np.inf
    add(top_k, np.arange(3), np.array([[5.0], [7.0], [6.0]], np.float32), np.zeros((3, 1), int))
    assert top_k.least[0] == 6


def test_the_arrays_of_accumulators_pass_their_check():
    check_arrays(Accumulators.empty(3, 2, 5).arrays, units=3, k=2, classes=5, images=4)
    check_arrays(Accumulators.empty(1, 1, 0).arrays, units=1, k=1, classes=0, images=1)


@pytest.mark.parametrize("name", list(Accumulators.empty(3, 2, 5).arrays))
def test_other_arrays_do_not(name):
    arrays = Accumulators.empty(3, 2, 5).arrays
    counts = {"units": 3, "k": 2, "classes": 5, "images": 4}
    kind = np.float16 if arrays[name].dtype != np.float16 else np.int8
    for wrong in (arrays[name][1:], arrays[name][None], arrays[name].astype(kind)):
        with pytest.raises(ValueError, match=name):
            check_arrays({**arrays, name: wrong}, **counts)
    with pytest.raises(ValueError, match="not those of a scan"):
        check_arrays({key: values for key, values in arrays.items() if key != name}, **counts)
    with pytest.raises(ValueError, match="not those of a scan"):
        check_arrays({**arrays, "more": arrays[name]}, **counts)


@pytest.mark.parametrize(
    ("name", "value"), [("top_k/index", 4), ("top_k/index", -2), ("top_k/position", -1), ("histograms/exponent", 10**6)]
)
def test_numbers_out_of_range_do_not(name, value):
    arrays = Accumulators.empty(3, 2, 5).arrays
    arrays[name].flat[-1] = value
    with pytest.raises(ValueError, match=r"ranking names none of the 4 images|bins of a histogram"):
        check_arrays(arrays, units=3, k=2, classes=5, images=4)
