"""Tests of rankings against a stable sort of all scores."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.top_k import NO_IMAGE, TopK


def ranked(scores, k, *ends):
    top_k = TopK.empty(k, scores.shape[1])
    positions = np.arange(scores.size).reshape(scores.shape)
    for rows in np.split(np.arange(len(scores)), ends):
        top_k.add(rows + 100, scores[rows], positions[rows])
    return top_k.arrays


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
    top_k.add(np.arange(3), np.array([[5.0], [7.0], [6.0]], np.float32), np.zeros((3, 1), int))
    assert top_k.least[0] == 6
