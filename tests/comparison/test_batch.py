"""Measures of many units at once equal those of each unit alone."""

import numpy as np
import pytest

from dreamfilters.comparison.batch import Batch, batches_of
from dreamfilters.comparison.measures.measure import Missing
from dreamfilters.comparison.measures.path_similarity import PathGroup, path_similarities, path_similarity
from dreamfilters.comparison.measures.two_afc import TwoAFCTrials, machine_score, two_afc_scores
from dreamfilters.comparison.measuring import compare_batch
from dreamfilters.comparison.reference_set import reference_set
from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import LOGITS

LAYERS = ["conv1", "conv2"]


@pytest.fixture(scope="module")
def stack(scene):
    return np.stack([scene(seed=seed) for seed in range(14)])


def test_paths_of_units_that_share_images_are_those_of_each(network, stack):
    groups = [PathGroup([0, 1], [2, 3, 4], [5, 6, 7]), PathGroup([8], [4, 3, 9], [2, 10, 11])]
    found = path_similarities(network, stack, groups, LAYERS)
    for path, group in zip(found, groups, strict=True):
        alone = path_similarity(network, *(stack[list(part)] for part in group), LAYERS)
        for step, expected in zip(path.steps, alone.steps, strict=True):
            assert (step.dream, step.same, step.other) == pytest.approx((expected.dream, expected.same, expected.other))


def test_2afc_of_units_that_share_images_are_those_of_each(network, stack):
    trials = [TwoAFCTrials([0, 1, 2], [3, 4], [5]), TwoAFCTrials([3, 4, 6], [0, 7, 8], [9, 10])]
    found = two_afc_scores(network, stack, trials, ["conv1"])
    for score, each in zip(found, trials, strict=True):
        parts = (stack[list(part)] for part in each[:3])
        alone = machine_score(network, *parts, layer="conv2", layers=["conv1"])
        assert score.dreams.accuracy == alone.dreams.accuracy
        assert score.dreams.margin == pytest.approx(alone.dreams.margin, abs=1e-6)
        assert score.natural.accuracy == alone.natural.accuracy


def test_batches_are_of_one_layer_each_and_contain_every_unit(real):
    units = [ComparedUnit(f"conv:{unit}", "conv", unit, "mean") for unit in (3, 0)]
    units += [ComparedUnit("class:red", LOGITS, 0, "mean"), ComparedUnit("conv:1!max", "conv", 1, "max")]
    found = batches_of(real, units)
    assert [[one.name for one in batch] for batch in found] == [["conv:3", "conv:0", "conv:1!max"], ["class:red"]]
    many = [ComparedUnit(f"conv:{unit}", "conv", unit, "mean") for unit in range(150)]
    assert [len(batch) for batch in batches_of(real, many)] == [64, 64, 22]


def test_a_unit_is_measured_alike_alone_and_among_others(real, colors):
    recipe = Recipe(steps=4)
    _, units = units_of(colors, "conv:0-2", recipe)
    dreams = {one.name: (one,) for one in dream(colors, "conv:0-2", recipe)}
    together = {unit.name: unit for unit in compare_batch(Batch(real, units, dreams))}
    (alone,) = compare_batch(Batch(real, units[1:2], dreams))
    among = together["conv:1"]
    # The random transforms of a dream follow from its row, so this one is only close.
    robust = [one.measures["robust_response_rank"].mean.ratio for one in (alone, among)]
    assert robust[0] == pytest.approx(robust[1], rel=1e-3)
    for name, value in {
        "response_rank": lambda found: found.mean.ratio,
        "two_afc": lambda found: found.dreams.accuracy,
        "plausibility": lambda found: found.distance,
        "path_similarity": lambda found: found.steps[-1].dream,
    }.items():
        assert value(alone.measures[name]) == pytest.approx(value(among.measures[name])), name
    assert alone.view.response == pytest.approx(among.view.response)
    assert [one.name for one in alone.real] == [one.name for one in among.real]


def test_every_image_is_read_once_for_all_measures(colors, images_of, monkeypatch):
    images, labels = images_of()
    references = reference_set(colors, source_of(images, labels), ["conv", LOGITS], top=3, seed=0)
    read = []
    only = type(references.source).only
    monkeypatch.setattr(type(references.source), "only", lambda self, some: read.extend(some) or only(self, some))
    _, units = units_of(colors, "conv:0-2", Recipe(steps=2))
    dreams = {one.name: (one,) for one in dream(colors, "conv:0-2", Recipe(steps=2))}
    list(compare_batch(Batch(references, units, dreams)))
    assert max(read.count(index) for index in set(read)) <= 2  # by the batch, and by the sample that all batches share


def test_plans_name_images_by_number_and_get_them_by_row(real, batch_of):
    batch = batch_of(ComparedUnit("conv:0", "conv", 0, "mean"), ComparedUnit("conv:1", "conv", 1, "mean"))
    plans = [TwoAFCTrials([7, 2], [5], [0, 1]), Missing("none")]

    def compute(stack, placed):
        assert len(placed) == 1
        np.testing.assert_array_equal(stack[placed[0].strong], real.read([7, 2]))
        np.testing.assert_array_equal(stack[placed[0].weak], real.read([5]))
        return ["value"]

    assert batch.with_images(plans, ("strong", "weak"), compute) == ["value", Missing("none")]
