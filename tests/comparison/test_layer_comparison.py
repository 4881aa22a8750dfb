"""What is measured of many units at once is what is measured of each alone."""

import numpy as np
import pytest

from dreamfilters.comparison.compare import layer_comparisons
from dreamfilters.comparison.layer_comparison import portions
from dreamfilters.comparison.measures.path_similarity import Company, path_similarity, paths_of
from dreamfilters.comparison.measures.two_afc import TwoAFCTrials, machine_score, two_afc_of
from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import LOGITS

LAYERS = ["conv1", "conv2"]


@pytest.fixture(scope="module")
def stack(scene):
    return np.stack([scene(seed=seed) for seed in range(14)])


def test_paths_of_units_that_share_images_are_those_of_each(network, stack):
    companies = [Company([0, 1], [2, 3, 4], [5, 6, 7]), Company([8], [4, 3, 9], [2, 10, 11])]
    found = paths_of(network, stack, companies, LAYERS)
    for path, company in zip(found, companies, strict=True):
        alone = path_similarity(network, *(stack[list(part)] for part in company), LAYERS)
        for step, expected in zip(path.steps, alone.steps, strict=True):
            assert (step.dream, step.same, step.other) == pytest.approx((expected.dream, expected.same, expected.other))


def test_duels_of_units_that_share_images_are_those_of_each(network, stack):
    matches = [TwoAFCTrials([0, 1, 2], [3, 4], [5]), TwoAFCTrials([3, 4, 6], [0, 7, 8], [9, 10])]
    found = two_afc_of(network, stack, matches, ["conv1"])
    for duel, match in zip(found, matches, strict=True):
        parts = (stack[list(part)] for part in match[:3])
        alone = machine_score(network, *parts, layer="conv2", layers=["conv1"])
        assert duel.dreams.accuracy == alone.dreams.accuracy
        assert duel.dreams.margin == pytest.approx(alone.dreams.margin, abs=1e-6)
        assert duel.natural.accuracy == alone.natural.accuracy


def test_portions_are_of_one_layer_each_and_leave_nobody_out(real):
    subjects = [ComparedUnit(f"conv:{unit}", "conv", unit, "mean") for unit in (3, 0)]
    subjects += [ComparedUnit("class:red", LOGITS, 0, "mean"), ComparedUnit("conv:1!max", "conv", 1, "max")]
    found = portions(real, subjects)
    assert [[one.name for one in portion] for portion in found] == [["conv:3", "conv:0", "conv:1!max"], ["class:red"]]
    many = [ComparedUnit(f"conv:{unit}", "conv", unit, "mean") for unit in range(150)]
    assert [len(portion) for portion in portions(real, many)] == [64, 64, 22]


def test_a_unit_is_measured_alike_alone_and_among_others(real, colors):
    recipe = Recipe(steps=4)
    _, subjects = units_of(colors, "conv:0-2", recipe)
    made = {one.name: (one,) for one in dream(colors, "conv:0-2", recipe)}
    together = {unit.name: unit for study in layer_comparisons(real, subjects, made) for unit in study.compared()}
    (study,) = layer_comparisons(real, subjects[1:2], made)
    (alone,) = study.compared()
    among = together["conv:1"]
    assert alone.contest.mean.ratio == pytest.approx(among.contest.mean.ratio)
    assert alone.own.response == pytest.approx(among.own.response)
    assert alone.duel.dreams.accuracy == among.duel.dreams.accuracy
    assert alone.plausibility.distance == pytest.approx(among.plausibility.distance)
    assert alone.path.steps[-1].dream == pytest.approx(among.path.steps[-1].dream)
    assert alone.moved == among.moved
    assert [one.name for one in alone.real] == [one.name for one in among.real]
