"""Tests of the page of an ablation: its order, its sentences, and text that could be markup."""

import re

import numpy as np
import pytest

from dreamfilters.attribution.ablation.ablation_arrays import AblationArrays
from dreamfilters.attribution.ablation.result import AblatedFrom, AblatedSet, Ablation
from dreamfilters.report.pages.ablation_page import ablation_page


def whole(rows):
    return np.array(rows, np.int64)


@pytest.fixture
def found():
    """Two classes of 100 images, 180 right. Unit 1 loses 30 of class <b>, unit 0 nothing, the random unit 2 loses 2."""
    sets = tuple(AblatedSet("conv", kind, (unit,)) for kind, unit in (("unit", 0), ("unit", 1), ("random", 2)))
    change = np.array([[0.0, 0.0], [-10.0, -200.0], [0.0, -1.0]])
    arrays = AblationArrays(
        whole([100, 100]), whole([[90, 90]]), np.zeros((1, 2)), np.zeros((1, 2)), whole([[0, 0], [0, 30], [0, 2]]),
        whole([[0, 0]] * 3), change, change**2, change, change**2,
    )  # fmt: skip
    layers = (AblatedFrom("conv", "Conv2D", 4),)
    return Ablation("net", "f", "mean", 3, ("a", "<b>"), layers, sets, (("x.png", "is no <image>"),), "", arrays)


def test_the_largest_loss_comes_first_below_the_random_units(found):
    page = ablation_page(found, {"units.csv": "all"}).decode()
    assert re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)', page) == [
        ("random: 1 × 1 unit", "−1.00"), ("conv:1", "−15.0"), ("conv:0", "0"),
    ]  # fmt: skip
    assert "lowers the accuracy, with an interval below 0: 1; units whose ablation changes no logit: 1." in page
    assert "replaced by its mean over all images and positions" in page
    assert page.count('<tr class="unit certain">') == 1


def test_names_are_escaped(found):
    page = ablation_page(found, {}).decode()
    assert "&lt;b&gt; -30" in page
    assert "<b>" not in page
    assert "x.png: is no &lt;image&gt;" in page


def test_the_charts_have_a_bar_for_each_unit_and_the_band_of_the_random_ones(found):
    page = ablation_page(found, {}).decode()
    assert page.count('<svg class="chart"') == 2
    assert page.count('<rect class="bar"') == 4
    assert page.count('<rect class="band"') == 2
