"""Places in a grid: no two the same, in the order of the positions, near those for few and for many points."""

import numpy as np
import pytest

from dreamfilters.evidence.embedding import grid
from dreamfilters.evidence.embedding.grid import grid_places, grid_shape


@pytest.mark.parametrize("count", [1, 2, 7, 100])
@pytest.mark.parametrize("most", [800, 6])
def test_every_point_has_a_cell_of_its_own(monkeypatch, count, most):
    monkeypatch.setattr(grid, "_MOST", most)
    positions = np.random.default_rng(count).normal(size=(count, 2))
    places = grid_places(positions)
    rows, columns = grid_shape(count)
    assert len({tuple(place) for place in places.tolist()}) == count
    assert places.min() >= 0
    assert (places < [rows, columns]).all()


@pytest.mark.parametrize("most", [800, 4])
def test_points_on_a_grid_keep_their_cells(monkeypatch, most):
    monkeypatch.setattr(grid, "_MOST", most)
    row, column = np.divmod(np.arange(36), 6)
    positions = np.stack([column, -row], axis=1) * 3.5  # upwards is the first row
    shuffled = np.random.default_rng(0).permutation(36)
    assert grid_places(positions[shuffled]).tolist() == np.stack([row, column], axis=1)[shuffled].tolist()


def test_near_points_get_near_cells_when_they_are_divided(monkeypatch):
    monkeypatch.setattr(grid, "_MOST", 50)
    rng = np.random.default_rng(2)
    positions = rng.uniform(size=(400, 2))
    places = grid_places(positions)
    for axis, of_cell in ((0, places[:, 1]), (1, -places[:, 0])):
        assert np.corrcoef(positions[:, axis], of_cell)[0, 1] > 0.95


def test_points_at_one_place_are_spread():
    assert len({tuple(place) for place in grid_places(np.zeros((9, 2))).tolist()}) == 9
