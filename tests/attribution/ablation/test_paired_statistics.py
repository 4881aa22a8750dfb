"""Tests of the paired intervals against published examples and the definitions."""

import numpy as np
import pytest
from scipy import stats

from dreamfilters.attribution.ablation.paired_statistics import accuracy_change, holm, mcnemar, mean_change


@pytest.mark.parametrize(
    ("count", "both", "gained", "lost", "low", "high"),
    [(50, 36, 12, 2, 0.0569, 0.3404), (50, 36, 14, 0, 0.1528, 0.4167)],
)
def test_the_interval_of_newcombe(count, both, gained, lost, low, high):
    """The first two rows of table II of Newcombe (1998), method 10."""
    change = accuracy_change(count, both + lost, lost, gained)
    assert (change.low, change.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_covers_the_true_difference():
    """95 % of intervals contain it, up to the error of 2,000 samples; as the method aims at the mean coverage."""
    rng, (lost, gained, both) = np.random.default_rng(0), (0.06, 0.02, 0.85)
    counts = rng.multinomial(200, [both, lost, gained, 1 - both - lost - gained], 2000)
    change = accuracy_change(200, counts[:, 0] + counts[:, 1], counts[:, 1], counts[:, 2])
    covered = ((change.low <= gained - lost) & (change.high >= gained - lost)).mean()
    assert 0.93 <= covered <= 0.98


def test_no_changed_prediction_leaves_an_interval_around_zero():
    change = accuracy_change(1000, 900, 0, 0)
    assert change.value == 0
    assert -0.006 < change.low < 0 < change.high < 0.006
    assert not change.excludes_zero


def test_no_images_have_no_change():
    assert np.isnan(accuracy_change(0, 0, 0, 0).value)


def test_the_mean_has_the_interval_of_t():
    values = np.random.default_rng(1).normal(0.3, 1, 25)
    change = mean_change(25, values.sum(), (values**2).sum())
    low, high = stats.t.interval(0.95, 24, loc=values.mean(), scale=stats.sem(values))
    assert [change.value, change.low, change.high] == pytest.approx([values.mean(), low, high])


def test_one_image_has_no_interval():
    change = mean_change(1, 2.0, 4.0)
    assert change.value == 2
    assert np.isnan(change.low)


@pytest.mark.parametrize(("lost", "gained"), [(6, 0), (9, 1), (3, 3), (0, 5), (20, 8)])
def test_mcnemar_is_the_binomial_test_of_the_changed_predictions(lost, gained):
    assert mcnemar(lost, gained) == pytest.approx(stats.binomtest(lost, lost + gained).pvalue)


def test_holm_adjusts_each_p_value_by_those_that_are_left():
    assert holm([0.2, 0.001, 0.02]).tolist() == [0.2, 0.003, 0.04]
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]
