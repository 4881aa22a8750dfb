"""Tests of deletion and insertion on a network whose decisive pixels are known."""

import numpy as np
import pytest

from dreamfilters.attribution.trust.deletion import DELETION
from dreamfilters.attribution.trust.insertion import INSERTION
from dreamfilters.attribution.trust.pixel_curves import SHARES, areas, order_of, pixel_curves
from dreamfilters.attribution.trust.random_heatmap import RANDOM_HEATMAP
from dreamfilters.attribution.trust.trust_measure import TrustCase
from dreamfilters.dreams.objectives.classes import logit


def test_a_curve_by_hand(case):
    """The nine decisive pixels first: after 4, 9 and 14 pixels of 144, five, none and none of the nine are left."""
    order = np.concatenate([np.flatnonzero(patch()), np.flatnonzero(~patch())])
    black = np.zeros_like(case.images[:1])
    (curve,) = pixel_curves(case.scorer, case.images[:1], black, order[None])
    np.testing.assert_allclose(curve[:4], [9, 5, 0, 0], atol=1e-5)
    (area,), (shares,) = areas(curve[None], np.zeros(1), np.full(1, 9.0), np.array([True]))
    assert shares[:3] == pytest.approx([1, 5 / 9, 0])
    assert area == pytest.approx((1 / 2 + 5 / 9) / 32)


def patch():
    """The decisive pixels, (144,)."""
    mask = np.zeros((12, 12), bool)
    mask[3:6, 6:9] = True
    return mask.ravel()


def test_the_decisive_pixels_get_the_best_areas(case, truth):
    heatmaps = truth(case.network, case.objective, case.images)
    deletion, insertion = (measure(case, truth, heatmaps) for measure in (DELETION, INSERTION))
    assert deletion.values == pytest.approx(np.full(8, (1 / 2 + 5 / 9) / 32))
    assert insertion.values.min() > 0.95
    assert deletion.curves.shape == (8, len(SHARES))


def test_a_random_heatmap_gets_the_areas_of_chance(case):
    """A linear score falls with the share of the pixels that are removed: the expected area is one half."""
    heatmaps = RANDOM_HEATMAP(case.network, case.objective, case.images)
    for measure in (DELETION, INSERTION):
        found = measure(case, RANDOM_HEATMAP, heatmaps)
        assert found.values.mean() == pytest.approx(0.5, abs=0.08)
        assert found.by_chance.mean() == pytest.approx(0.5, abs=0.08)


def test_the_reverse_of_the_truth_gets_the_worst_areas(case, truth):
    heatmaps = -truth(case.network, case.objective, case.images)
    assert DELETION(case, truth, heatmaps).values.min() > 0.95
    assert INSERTION(case, truth, heatmaps).values.max() < 0.05


def test_an_image_that_scores_no_more_than_its_mean_color_has_no_area(case, truth):
    dark = TrustCase(case.network, logit(0), np.where(patch().reshape(1, 12, 12, 1), 0, case.images))
    found = DELETION(dark, truth, truth(case.network, logit(0), dark.images))
    assert np.isnan(found.values).all()


def test_equal_values_are_in_random_order():
    orders = [order_of(np.zeros((4, 4)), np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(16))


def test_an_image_has_the_same_values_alone_and_among_others(case, gradient):
    heatmaps = gradient(case.network, case.objective, case.images)
    alone = TrustCase(case.network, case.objective, case.images[2:3])
    for measure in (DELETION, INSERTION):
        together, single = measure(case, gradient, heatmaps), measure(alone, gradient, heatmaps[2:3])
        np.testing.assert_array_equal(together.values[2:3], single.values)
        np.testing.assert_array_equal(together.by_chance[2:3], single.by_chance)
