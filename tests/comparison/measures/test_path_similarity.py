import json

import numpy as np
import pytest

from dreamfilters.comparison.measures.path_similarity import (
    PathSimilarity,
    PathStep,
    path_group,
    path_similarity,
    ranks,
    standard,
)
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.networks import LOGITS
from dreamfilters.serialization import plain

LAYERS = ["conv1", "conv2", "classes"]
REDS = set(range(0, 24, 3))  # images 0, 3, 6, ... are red


def rank_correlations(first, second):
    """Spearman's correlation of every row with every other, as the measure computes it."""
    first, second = (standard(np.stack([ranks(row) for row in np.asarray(rows)])) for rows in (first, second))
    return first @ second.T


@pytest.fixture(scope="module")
def noisy():
    """A function from an image to n copies of it, each with noise of its own."""

    def made(image, count, seed):
        noise = np.random.default_rng(seed).normal(0, 0.05, (count, *image.shape))
        return (image + noise).astype("float32")

    return made


@pytest.fixture(scope="module")
def others(scene):
    return np.stack([scene(seed=seed) for seed in range(20, 28)])


def test_ranks_share_ties():
    assert ranks(np.array([10, 30, 20, 20])).tolist() == [1, 4, 2.5, 2.5]
    assert ranks(np.array([5, 5, 5, 5])).tolist() == [2.5, 2.5, 2.5, 2.5]


def test_spearman_worked_by_hand():
    """Without ties it is 1 - 6 * sum(d^2) / (n * (n^2 - 1)): for 1 2 3 4 5 and 2 1 4 3 5, 1 - 6 * 4 / 120."""
    assert rank_correlations([[1, 2, 3, 4, 5]], [[20, 1, 400, 30, 5000]])[0, 0] == pytest.approx(0.8)
    assert rank_correlations([[1, 2, 3]], [[3, 2, 1], [1, 10, 100]])[0] == pytest.approx([-1, 1])
    assert rank_correlations([[1, 2, 2, 3]], [[1, 2, 3, 4]])[0, 0] == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(rank_correlations([[1, 1, 1]], [[1, 2, 3]])[0, 0])


def test_it_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 6, (2, 50)), rng.integers(0, 6, (3, 50))
    expected = [[stats.spearmanr(x, y).statistic for y in b] for x in a]
    assert rank_correlations(a, b) == pytest.approx(np.array(expected))


def test_a_further_reference_has_similarity_one_and_an_unrelated_image_zero(network, scene, noisy, others):
    references = noisy(scene(seed=1), 8, seed=0)
    twins = noisy(scene(seed=1), 6, seed=9)
    alike = path_similarity(network, twins, references, others, LAYERS)
    unrelated = path_similarity(network, [scene(seed=40 + seed) for seed in range(6)], references, others, LAYERS)
    assert [step.layer for step in alike.steps] == LAYERS
    for near, far in zip(alike.steps[:2], unrelated.steps[:2], strict=True):
        assert near.similarity == pytest.approx(1, abs=0.1)
        assert far.similarity == pytest.approx(0, abs=0.35)


def test_the_formula_and_zero_for_the_others_themselves(network, scene, noisy, others):
    references = noisy(scene(seed=1), 5, seed=0)
    assert path_similarity(network, others, references, others, ["conv1"]).steps[0].similarity == 0
    step = path_similarity(network, [scene(seed=2)], references, others, ["conv1"]).steps[0]
    assert step.similarity == pytest.approx((step.dream - step.other) / (step.same - step.other))


def test_the_similarity_grows_with_the_share_of_a_reference(network, scene, noisy, others):
    references = noisy(scene(seed=1), 6, seed=0)
    found = [
        path_similarity(network, [share * scene(seed=1) + (1 - share) * others[0]], references, others, ["conv1"])
        .steps[0]
        .similarity
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert found == sorted(found)


def test_the_similarity_is_undefined_where_references_correlate_no_more_than_unrelated_images(
    network, scene, noisy, others
):
    references = noisy(scene(seed=1), 4, seed=0)
    unrelated = path_similarity(network, [scene()], others[:4], others[4:], ["conv1"]).steps[0]
    assert unrelated.similarity is None
    assert max(unrelated.same, unrelated.other) < 0.5
    swapped = path_similarity(network, [scene()], references[:2], references[:2], ["conv1"]).steps[0]
    assert swapped.similarity is None
    assert swapped.same < swapped.other  # each reference is among the others, and correlates with itself most
    defined = path_similarity(network, [scene()], references, others, ["conv1"]).steps[0]
    assert defined.similarity is not None
    assert defined.same > defined.other + 0.1


def test_the_deepest_defined_layer_counts():
    steps = [PathStep(name, value, 0.5, 0.5, 0.0) for name, value in (("a", 0.1), ("b", 0.2), ("c", None))]
    assert PathSimilarity(tuple(steps)).deepest.layer == "b"
    assert PathSimilarity(tuple(steps[2:])).deepest is None


def test_constant_activations_are_undefined_and_not_nan(network):
    flat = np.full((3, 16, 16, 3), 0.5, "float32")
    found = path_similarity(network, flat[:1], flat, flat, ["flat"])
    values = plain(found.steps)
    json.dumps(values, allow_nan=False)
    assert values[0]["similarity"] is None
    assert "Path similarity" in found._repr_html_()


def test_too_few_images_and_unknown_layers_are_refused(network, scene):
    one = [scene()]
    with pytest.raises(ImageError, match="1 dreams, 1 references, 1 others: give at least 1, 2 and 1"):
        path_similarity(network, one, one, one, LAYERS)
    with pytest.raises(UnknownNameError, match="conv9: tiny has no such layer"):
        path_similarity(network, one, one * 2, one, ["conv9"])


def test_a_filters_references_are_its_strongest_images(batch_of):
    found = path_group(batch_of(ComparedUnit("conv:0", "conv", 0, "mean")), 0)
    assert list(found.dreams) == [0, 1]
    assert set(found.references) > REDS  # all eight, and the strongest of the others
    assert len(found.references) == len(found.others) == 9
    assert not set(found.references) & set(found.others)


def test_a_classs_references_are_its_images_and_the_others_are_of_other_classes(batch_of):
    found = path_group(batch_of(ComparedUnit("class:red", LOGITS, 0, "mean")), 0)
    assert set(found.references) == REDS
    assert not REDS & set(found.others)


def test_a_unit_with_the_same_response_to_all_images_has_no_references(batch_of):
    with pytest.raises(ImageError, match="24 images: the unit has the same response to all"):
        path_group(batch_of(ComparedUnit("conv:3", "conv", 3, "mean")), 0)
