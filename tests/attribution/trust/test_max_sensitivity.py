"""Tests of the sensitivity of heatmaps to noise."""

import numpy as np
import pytest

from dreamfilters.attribution.trust.max_sensitivity import MAX_SENSITIVITY


def test_a_heatmap_that_is_the_image_changes_by_the_noise(case, method):
    """On an image of one half, |noise| / |image| is at most .02 / .5; that of uniform noise is 1/sqrt(3) of it."""
    gray = type(case)(case.network, case.objective, np.full((2, 12, 12, 1), 0.5, "float32"))
    itself = method(lambda network, objective, images: images.mean(axis=-1))
    found = MAX_SENSITIVITY(gray, itself, itself(None, None, gray.images)).values
    assert found.max() <= 0.04
    assert found == pytest.approx(0.04 / np.sqrt(3), rel=0.12)


def test_a_heatmap_that_ignores_the_image_does_not_change(case, truth):
    heatmaps = truth(case.network, case.objective, case.images)
    assert (MAX_SENSITIVITY(case, truth, heatmaps).values == 0).all()


def test_an_empty_heatmap_has_no_sensitivity(case, method):
    empty = method(lambda network, objective, images: np.zeros(images.shape[:3], "float32"))
    assert np.isnan(MAX_SENSITIVITY(case, empty, empty(None, None, case.images)).values).all()
