"""Tests of windows of linear functions."""

import numpy as np

from dreamfilters.evidence.bounds.backward_pass import Window


def test_windows_add_where_they_overlap():
    first = Window(np.ones((1, 2, 2, 1)), (0, 1))
    second = Window(np.full((1, 2, 1, 1), 10.0), (1, 0))
    total = first.plus(second)
    assert total.corner == (0, 0)
    assert total.weights[0, :, :, 0].tolist() == [[0, 1, 1], [10, 1, 1], [10, 0, 0]]
    assert first.plus(None) is first


def test_a_window_reads_its_part_of_a_map():
    values = np.arange(12.0).reshape(3, 4, 1)
    window = Window(np.zeros((5, 2, 2, 1)), (1, 2))
    assert window.of(values)[..., 0].tolist() == [[6, 7], [10, 11]]
