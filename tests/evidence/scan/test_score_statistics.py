"""Tests of class selectivity on classes worked out by hand."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.score_statistics import correlation_ratio, selectivity


def test_selectivity_by_hand():
    means = np.array([[4.0, 2, 0, 0, -1], [0.0, 2, 0, 1, 3], [2.0, 2, 0, 0, 0]])
    found = selectivity(means)
    assert found[:2].tolist() == pytest.approx([(4 - 1) / (4 + 1), 0])
    assert np.isnan(found[2])  # silent
    assert found[3] == 1  # responds to one class only
    assert np.isnan(found[4])  # a negative mean: the index is not defined


def test_one_class_has_no_selectivity():
    assert np.isnan(selectivity([[1.0, 2.0]])).all()


def test_correlation_ratio_by_hand():
    # classes {0, 2} and {4, 6}: means 1 and 5 about 3, variance between 4; variance of all (9 + 1 + 1 + 9) / 4 = 5
    assert correlation_ratio([[1.0], [5.0]], [2, 2], [5.0]).tolist() == [0.8]
    # unequal classes {0}, {3, 3, 3}: all variance is between them; mean 2.25, variance 27 / 16
    assert correlation_ratio([[0.0], [3.0]], [1, 3], [27 / 16])[0] == pytest.approx(1)
    assert np.isnan(correlation_ratio([[1.0], [1.0]], [2, 2], [0.0])[0])
