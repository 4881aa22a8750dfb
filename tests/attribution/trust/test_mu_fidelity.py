"""Tests of mu-fidelity on a linear score, where the right heatmap is known."""

import numpy as np
import pytest

from dreamfilters.attribution.trust.mu_fidelity import MU_FIDELITY, random_sets
from dreamfilters.attribution.trust.random_heatmap import RANDOM_HEATMAP
from dreamfilters.attribution.trust.trust_measure import TrustCase


def test_the_exact_contributions_correlate_perfectly(case, gradient):
    """A linear score falls by the sum of gradient times difference over the removed pixels."""
    heatmaps = gradient(case.network, case.objective, case.images)
    assert MU_FIDELITY(case, gradient, heatmaps).values == pytest.approx(np.ones(8), abs=1e-4)
    assert MU_FIDELITY(case, gradient, -heatmaps).values == pytest.approx(-np.ones(8), abs=1e-4)


def test_a_random_heatmap_does_not_correlate(case):
    heatmaps = RANDOM_HEATMAP(case.network, case.objective, case.images)
    assert abs(MU_FIDELITY(case, RANDOM_HEATMAP, heatmaps).values.mean()) < 0.2


def test_a_constant_heatmap_of_equal_sets_has_no_correlation(case, truth):
    assert np.isnan(MU_FIDELITY(case, truth, np.zeros((8, 12, 12), "float32")).values).all()


def test_sets_hold_a_fifth_of_the_cells():
    sets = random_sets((27, 18), np.random.default_rng(0))
    assert sets.shape == (128, 27, 18)
    assert set(sets.sum(axis=(1, 2)).tolist()) == {16 * 6}  # 16 of 81 cells of 3x2 pixels
    assert (sets[:, ::3, ::2] == sets[:, 2::3, 1::2]).all()


def test_an_image_has_the_same_value_alone_and_among_others(case, truth):
    heatmaps = truth(case.network, case.objective, case.images)
    alone = TrustCase(case.network, case.objective, case.images[3:4])
    np.testing.assert_array_equal(
        MU_FIDELITY(case, truth, heatmaps).values[3:4], MU_FIDELITY(alone, truth, heatmaps[3:4]).values
    )
