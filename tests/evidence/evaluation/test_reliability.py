"""The reliability of predictions against numbers worked out by hand."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.reliability import reliability


def test_bins_and_error_worked_by_hand():
    confidence = np.array([0.25, 0.75, 0.75, 0.8, 1.0])
    right = np.array([True, True, False, False, True])
    found = reliability(confidence, right, bins=4)
    # above 0.5 to 0.75: two images, one correct; above 0.75: two images of mean confidence 0.9, one correct
    assert [(one.images, one.confidence, one.accuracy) for one in found.bins if one.images] == [
        (1, 0.25, 1.0),
        (2, 0.75, 0.5),
        (2, pytest.approx(0.9), 0.5),
    ]
    assert found.error == pytest.approx((1 * 0.75 + 2 * 0.25 + 2 * 0.4) / 5)
    assert (found.confidence, found.accuracy) == (pytest.approx(0.71), pytest.approx(0.6))


def test_the_ends_of_the_bins():
    found = reliability(np.array([0.0, 0.5, 0.5000001, 1.0]), np.ones(4, bool), bins=2)
    assert [one.images for one in found.bins] == [2, 2]
    assert (found.bins[0].low, found.bins[0].high, found.bins[1].high) == (0, 0.5, 1)


def test_predictions_without_confidence_are_left_out():
    assert reliability(np.array([np.nan]), np.array([True])) is None
    found = reliability(np.array([np.nan, 0.7]), np.array([True, True]))
    assert (sum(one.images for one in found.bins), found.error) == (1, pytest.approx(0.3))


def test_calibrated_predictions_have_a_small_error():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 20_000)
    right = rng.uniform(0, 1, 20_000) < confidence
    assert reliability(confidence, right).error < 0.02
    assert reliability(confidence**3, right).error > 0.15
