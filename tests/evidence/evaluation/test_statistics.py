"""Statistics of predictions against numbers worked out by hand, and against a second implementation."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.statistics import auc, confusion_matrix, sensitivity, wilson_interval


def test_the_interval_of_8_of_10_worked_by_hand():
    """z = 1.96: z^2/n = 0.38415, center (0.8 + 0.19207) / 1.38415 = 0.71674, half width
    1.96 * sqrt(0.016 + 0.0096037) / 1.38415 = 0.22658."""
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.71674 - 0.22658, abs=1e-4), pytest.approx(0.71674 + 0.22658, abs=1e-4))


def test_the_ends_of_an_interval():
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(0, 10) == (0, pytest.approx(0.27753, abs=1e-5))  # z^2 / (n + z^2)
    assert wilson_interval(10, 10) == (pytest.approx(0.72247, abs=1e-5), 1)


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (3, 7), (12330, 12630), (1, 10**6)])
def test_an_interval_holds_the_share_and_mirrors(count, total):
    low, high = wilson_interval(count, total)
    assert 0 <= low <= count / total <= high <= 1
    assert wilson_interval(total - count, total) == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_the_interval_covers_the_true_share_in_about_95_of_100_samples():
    counts = np.random.default_rng(0).binomial(40, 0.9, 2000)
    covered = [low <= 0.9 <= high for low, high in (wilson_interval(int(count), 40) for count in counts)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_the_confusion_matrix_counts_each_image_once():
    labels, predicted = np.array([0, 0, 0, 2, 2, 1]), np.array([0, 2, 2, 2, -1, 0])
    assert confusion_matrix(labels, predicted, 3).tolist() == [[1, 0, 2, 0], [1, 0, 0, 0], [0, 0, 1, 1]]


def test_auc_and_sensitivity_worked_by_hand():
    first, second = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 4.0]]), np.array([[5.0, 5.0, 1.0], [7.0, 5.0, 1.0]])
    # column 0: no pair is larger; column 1: all are equal; column 2: all are larger
    assert auc(first, second).tolist() == [0, 0.5, 1]
    # column 0: means 2 and 6, variances 1 and 1; column 1: no difference; column 2: 2 / sqrt((1 + 0) / 2)
    assert sensitivity(first, second) == pytest.approx([-4, 0, 2 * np.sqrt(2)])


def test_constant_groups_that_differ_are_infinitely_far_apart():
    assert sensitivity(np.ones((3, 1)), np.zeros((2, 1))).tolist() == [np.inf]
    assert sensitivity(np.zeros((3, 1)), np.ones((2, 1))).tolist() == [-np.inf]


def test_auc_equals_the_share_of_pairs():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 6, (13, 5)), rng.integers(1, 7, (9, 5))
    pairs = first[:, None] - second[None]
    share = ((pairs > 0) + 0.5 * (pairs == 0)).mean(axis=(0, 1))
    assert auc(first, second) == pytest.approx(share)
    assert auc(second, first) == pytest.approx(1 - share)
