"""Rankings are held against sorting everything."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.top_k import NOBODY, TopK


def ranked(scores, k, *portions):
    leaders = TopK.empty(k, scores.shape[1])
    places = np.arange(scores.size).reshape(scores.shape)
    for rows in np.split(np.arange(len(scores)), portions):
        leaders.add(rows + 100, scores[rows], places[rows])
    return leaders.arrays


@pytest.mark.parametrize("portions", [(), (1,), (10, 11, 12, 50), tuple(range(1, 80))])
def test_the_best_are_those_of_a_stable_sort(portions):
    scores = np.random.default_rng(0).integers(0, 12, (80, 6)).astype(np.float32)  # with many equal ones
    found = ranked(scores, 5, *portions)
    order = np.argsort(-scores, axis=0, kind="stable")[:5]
    np.testing.assert_array_equal(found["index"], order + 100)
    np.testing.assert_array_equal(found["score"], np.take_along_axis(scores, order, axis=0))
    np.testing.assert_array_equal(found["position"], order * 6 + np.arange(6))


def test_fewer_images_than_places_leave_places_free():
    found = ranked(np.array([[1.0], [3.0]], np.float32), 4)
    assert found["index"][:, 0].tolist() == [101, 100, NOBODY, NOBODY]


def test_what_is_no_number_never_enters():
    found = ranked(np.array([[np.nan], [2.0], [np.nan], [1.0]], np.float32), 3, 1, 3)
    assert found["index"][:, 0].tolist() == [101, 103, NOBODY]


def test_the_bar_is_the_last_place():
    leaders = TopK.empty(2, 1)
    assert leaders.least[0] == -np.inf
    leaders.add(np.arange(3), np.array([[5.0], [7.0], [6.0]], np.float32), np.zeros((3, 1), int))
    assert leaders.least[0] == 6
