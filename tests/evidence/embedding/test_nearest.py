"""Nearest rows against a second implementation, in hand-worked cases, and with rows of zeros and equal distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dreamfilters.errors import RecipeError
from dreamfilters.evidence.embedding.nearest import NearestTable, check_metric


def test_distances_by_hand():
    rows = np.array([[3.0, 4.0], [0.0, 2.0], [-1.0, 0.0]])
    query = np.array([[6.0, 8.0]])
    indices, distances = NearestTable(rows, "cosine").nearest(query, 3)
    assert indices.tolist() == [[0, 1, 2]]
    assert distances[0] == pytest.approx([0, 1 - 0.8, 1 + 0.6], abs=1e-6)
    indices, distances = NearestTable(rows, "euclidean").nearest(query, 3)
    assert indices.tolist() == [[0, 1, 2]]
    assert distances[0] == pytest.approx([5, np.hypot(6, 6), np.hypot(7, 8)], rel=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbors_are_those_of_scipy_alone_and_in_any_batch(metric):
    rng = np.random.default_rng(1)
    rows, queries = rng.normal(size=(300, 7)).astype("float32"), rng.normal(size=(40, 7)).astype("float32")
    table = NearestTable(rows, metric)
    indices, distances = table.nearest(queries, 5)
    every = cdist(queries.astype(float), rows.astype(float), metric)
    assert indices.tolist() == np.argsort(every, axis=1, kind="stable")[:, :5].tolist()
    assert distances == pytest.approx(np.sort(every, axis=1)[:, :5], rel=1e-4, abs=1e-6)
    for number in (0, 39):
        alone = table.nearest(queries[[number]], 5)
        assert alone[0].tolist() == indices[[number]].tolist()
        assert alone[1].tobytes() == distances[[number]].tobytes()


def test_a_row_of_zeros_is_unrelated_to_all_others():
    rows = np.array([[0.0, 0.0], [-1.0, 0.1], [1.0, 0.0]])
    indices, distances = NearestTable(rows).nearest(np.array([[1.0, 0.1], [0.0, 0.0]]), 3)
    assert indices.tolist() == [[2, 0, 1], [0, 1, 2]]
    assert distances[0, 1] == pytest.approx(1)
    assert distances[1] == pytest.approx([0, 1, 1])


def test_equal_distances_are_in_order_and_a_row_can_be_left_out():
    rows = np.tile([1.0, 2.0], (50, 1))
    indices, _ = NearestTable(rows, "euclidean").nearest(rows[:2], 3, np.array([0, -1]))
    assert indices.tolist() == [[1, 2, 3], [0, 1, 2]]
    assert NearestTable(rows[:2]).nearest(rows[:1], 9, np.array([0]))[0].tolist() == [[1]]


def test_ranks_count_from_the_nearest_other_row():
    rows = np.array([[0.0], [1.0], [3.0], [7.0]])
    table = NearestTable(rows, "euclidean")
    assert table.ranks(np.array([0, 2]), np.array([[1, 2, 3], [0, 1, 3]])).tolist() == [[1, 2, 3], [2, 1, 3]]


def test_another_metric_is_one_line():
    with pytest.raises(RecipeError, match="metric='manhattan': must be cosine or euclidean"):
        check_metric("manhattan")
