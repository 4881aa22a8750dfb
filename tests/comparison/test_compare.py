"""Comparisons of a network whose responses are known: each of its filters passes on one color."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.compare import compare
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.errors import RecipeError, TargetError, UnknownNameError
from dreamfilters.networks import LOGITS, InputForm, Network, load
from dreamfilters.report.report import report_files
from tests.dreams.priors.test_denoised import prior


def means(images, channel):
    """The response of `conv`: the mean of a channel without the outermost pixels, which have no complete window."""
    return images[:, 1:-1, 1:-1, channel].mean(axis=(1, 2))


def test_the_strongest_images_are_those_of_the_filters_color(images_of, compared):
    images, _ = images_of()
    expected = means(images, 0)
    unit = compared.units[0]
    order = np.argsort(-expected)[:3]
    assert [one.name for one in unit.real] == [str(index) for index in order]
    assert [one.response for one in unit.real] == pytest.approx(expected[order].tolist(), abs=1e-5)
    assert {one.label for one in unit.real} == {"red"}
    assert unit.response_rank.largest == pytest.approx(expected.max(), abs=1e-5)


def test_a_unit_is_a_table_in_a_notebook(compared):
    html = compared.units[0]._repr_html_()
    assert html.count("<img") == 1 + 3 + 1  # the dream, the strongest real images, the user's image
    assert "<td>Response</td>" in html
    assert repr(compared.units[0]).startswith("UnitComparison('conv:0', ")


def test_a_dream_is_ranked_among_all_images(images_of, compared):
    images, _ = images_of()
    unit = compared.units[0]
    own = means(unit.dream.image[None], 0)[0]
    assert unit.response_rank.response == pytest.approx(own, abs=1e-5)
    assert unit.response_rank.count == 24
    assert unit.response_rank.ratio == pytest.approx(own / means(images, 0).max(), rel=1e-4)
    assert unit.loses == (own < means(images, 0).max())


def test_maps_positions_and_patches_are_those_of_the_images(compared):
    unit = compared.units[0]
    for one in unit.views:
        np.testing.assert_allclose(one.map, one.image[1:-1, 1:-1, 0], atol=1e-5)
        row, column = one.position
        assert one.map[row, column] == one.map.max()
        assert one.patch.image.shape == (3, 3, 3)
        np.testing.assert_array_equal(one.patch.image, one.image[row : row + 3, column : column + 3])


def test_the_users_image_is_measured_too(compared):
    assert compared.units[0].user_image.name == "own.png"
    assert compared.units[0].user_image.response == pytest.approx(0.25)
    assert compared.units[2].user_image.response == pytest.approx(2.5)


def test_a_unit_that_nothing_activates_has_no_ratio_and_says_which_measures_are_missing(compared):
    unit = compared.units[1]
    assert unit.name == "conv:3"
    assert unit.response_rank.ratio is None
    assert not unit.loses
    assert not unit.dream.activated
    assert "same response to all" in unit.missing["two_afc"]
    assert unit.responds_equally
    assert unit.measures["response_rank"].histogram.counts.sum() == 24


def test_a_class_has_predictions_an_attribution_and_confusions(images_of, compared):
    unit = compared.units[2]
    attribution, confusions = unit.measures["class_attribution"], unit.measures["confusions"]
    images, labels = images_of()
    green = images[[label == "green" for label in labels]]
    assert (unit.unit.layer, unit.unit.number, attribution.count, attribution.images) == (LOGITS, 1, 8, 8)
    assert unit.measures["dream_prediction"].predictions[0].name == "green"
    assert unit.measures["dream_prediction"].is_predicted
    assert attribution.attribution.units[0].unit == 1
    assert attribution.attribution.units[0].contribution == pytest.approx(10 * means(green, 1).mean(), rel=1e-4)
    assert (confusions.misclassified, confusions.images, confusions.count) == (0, 8, 8)
    assert [one.confusion.count for one in confusions.classes] == [0, 0]
    assert {one.name for one in confusions.classes} == {"red", "blue"}
    for one in confusions.classes:  # the filters of the two colors separate two classes best
        assert {each.unit for each in one.separation[:2]} == {1, one.confusion.predicted}
        assert [labels[int(image.caption)] for image in one.images] == ["green"]


def test_transfer_to_the_same_network_gives_the_same_responses(compared):
    filter_, class_ = compared.units[0], compared.units[2]
    transfer = filter_.measures["unit_transfer"]
    assert transfer.match.correlation == pytest.approx(1.0)
    assert transfer.response_rank.response == pytest.approx(filter_.response_rank.response, rel=1e-4)
    transfer = class_.measures["class_transfer"]
    assert transfer.rank == 1
    assert transfer.logit == pytest.approx(class_.response_rank.response, rel=1e-4)


def test_measures_whose_conditions_a_unit_does_not_fulfil_are_left_out(compared):
    filter_, class_ = compared.units[0], compared.units[2]
    of_classes = {"dream_prediction", "class_attribution", "confusions", "class_transfer"}
    assert not of_classes & {*filter_.measures, *filter_.missing}
    assert of_classes <= class_.measures.keys()
    assert not {"map_similarity", "unit_transfer"} & {*class_.measures, *class_.missing}


def test_every_unit_has_the_same_columns(compared):
    rows = [unit.row for unit in compared.units]
    assert len({tuple(row) for row in rows}) == 1
    assert rows[0]["confused_with"] is None
    assert rows[2]["misclassified"] == 0


def test_equal_seeds_give_equal_values(images_of, colors, compared):
    images, labels = images_of()
    again = compare(
        colors, ["conv:0,3", "class:green"], images, labels=labels, recipe=Recipe(steps=8), seeds=2, top=3,
        against=colors, user_image=("own.png", np.full((16, 16, 3), 0.25, "float32")),
    )  # fmt: skip
    assert again.as_values() == compared.as_values()


def test_progress_rises_to_the_end(images_of, colors):
    shares = []
    images, _ = images_of(12)
    compare(
        colors, "conv:1", images, recipe=Recipe(steps=2), seeds=1, top=1, progress=lambda now: shares.append(now.share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_with_few_images_missing_measures_have_a_reason(images_of, colors):
    images, _ = images_of(3)
    unit = compare(colors, "conv:1", images, recipe=Recipe(steps=2), seeds=1, top=4).units[0]
    assert len(unit.real) == 3
    assert set(unit.missing) == {"path_similarity", "two_afc", "plausibility"}
    assert "k=5" in unit.missing["plausibility"]
    assert unit.measures["seed_variation"].std is None


@pytest.mark.parametrize("targets", ["layer:conv", "conv:0 - conv:1", "conv:0@1,1"])
def test_only_single_units_are_compared(images_of, colors, targets):
    with pytest.raises(TargetError, match="a comparison is of single units"):
        compare(colors, targets, images_of()[0])


def test_bad_numbers_are_refused(images_of, colors):
    with pytest.raises(RecipeError, match="seeds=0"):
        compare(colors, "conv:0", images_of()[0], seeds=0)
    with pytest.raises(RecipeError, match="top=0"):
        compare(colors, "conv:0", images_of()[0], top=0)


def test_another_network_with_other_classes_is_refused_before_anything_is_computed(colors):
    other = Network(
        colors.model, InputForm.from_range(0, 1, size=(16, 16)), classes=("cat", "dog", "cow"), name="animals"
    )
    with pytest.raises(UnknownNameError, match="animals: has no class of colors"):
        compare(colors, "class:green", np.zeros((0, 16, 16, 3)), against=other)
    half = Network(colors.model, colors.form, classes=("red", "dog", "cow"), name="half")
    with pytest.raises(UnknownNameError, match="class green: half has no such class"):
        compare(colors, "class:green", np.zeros((0, 16, 16, 3)), against=half)


def test_filters_transfer_to_a_network_of_other_classes(images_of, colors):
    other = Network(colors.model, colors.form, classes=("cat", "dog", "cow"), name="animals")
    images, _ = images_of(12)
    unit = compare(colors, "conv:2", images, recipe=Recipe(steps=2), seeds=1, top=1, against=other).units[0]
    match = unit.measures["unit_transfer"].match
    assert (match.layer, match.unit) in {("conv", 2), ("classes", 2)}


@pytest.mark.thorough
def test_a_map_of_classes_is_compared_by_its_mean_over_positions():
    """The logits are the red and the green of each pixel, so that the mean over the map is that of the image."""
    last = layers.Conv2D(2, 1, activation="softmax", name="seg")
    model = keras.Sequential([layers.Input((4, 4, 2)), layers.Conv2D(2, 1, activation="relu", name="conv"), last])
    for conv in model.layers:
        conv.set_weights([np.eye(2)[None, None], np.zeros(2)])
    images = np.repeat(np.float32([[[[0.25, 0.5]]], [[[0.75, 0.5]]]]), 4, axis=1).repeat(4, axis=2)
    network = load(model, classes=("road", "sky"))
    found = compare(network, ["class:sky"], images, recipe=Recipe(steps=2), labels=["sky"] * 2, top=2)
    measures = found.units[0].measures
    attribution = measures["class_attribution"].attribution
    assert (attribution.logit, attribution.total) == pytest.approx((0.5, 0.5), abs=1e-6)
    assert measures["confusions"].misclassified == 1  # the second image is rather red
    assert measures["dream_prediction"].own.share is not None


@pytest.mark.slow
def test_a_comparison_with_a_learned_prior_says_where_the_look_comes_from(network):
    images = np.random.default_rng(0).random((24, 16, 16, 3)).astype("float32")
    recipe = read_recipe("learned", settings=["steps=2", "transforms.views.views=1"])
    found = compare(network, "conv1:3", images, recipe=recipe, seeds=2, prior=prior())
    assert found.facts["Prior"].startswith("appearance from 200 images (own), content from the network; 200 images at")
    (unit,) = found.units
    assert unit.dream.appearance.images == 200
    assert "appearance from 200 images (own), unit from the network" in unit.headline.flags
    check = unit.measures["prior_check"]
    assert [one.name for one in check.images] == ["dream", "raw dream", "30 raw steps", "seed 1"]
    assert unit.row["needed_part_drop"] == pytest.approx(check.covered.drop)
    page = report_files(found)["index.html"].decode()
    assert "What the learned prior hides" in page
    assert "appearance from 200 images (own), unit from the network; nearest image" in page
    with pytest.raises(RecipeError, match="recipe learned: needs a learned prior"):
        compare(network, "conv1:3", images, recipe=recipe, seeds=1)
