"""Tests of integrated gradients."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.fills import fill_of
from dreamfilters.attribution.methods.gradients import GradientXInput
from dreamfilters.attribution.methods.integrated_gradients import IntegratedGradients
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import RecipeError


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


@pytest.fixture
def thresholded(network_of):
    """The mean over two gray pixels of relu(x - 1/2)."""
    model = keras.Sequential([layers.Input((1, 2, 1)), layers.Conv2D(1, 1, activation="relu", name="conv")])
    model.get_layer("conv").set_weights([np.ones((1, 1, 1, 1), "float32"), np.float32([-0.5])])
    return network_of(model)


def test_it_is_the_integral_of_the_gradient_from_the_baseline(thresholded):
    image = np.float32([[[1.0], [0.25]]])[None]
    # from 0 to 1, relu(x - 1/2) rises by 1/2, of which the mean takes a half; to 1/4 it does not rise
    heatmaps = IntegratedGradients(steps=4)(thresholded, channel("conv", 0), image)
    np.testing.assert_array_equal(heatmaps, [[[0.25, 0.0]]])
    # from the mean color 5/8 the first pixel rises to 1, by 3/8; the second falls to 1/2 and no further, by 1/8
    heatmaps = IntegratedGradients(baseline="mean", steps=120)(thresholded, channel("conv", 0), image)
    np.testing.assert_allclose(heatmaps, [[[3 / 16, -1 / 16]]], atol=1e-3)


def test_of_a_linear_score_it_is_gradient_times_input(network_of, fill, images):
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(3, name="classes")])
    network = network_of(fill(model))
    heatmaps = IntegratedGradients(steps=1)(network, logit(1), images)
    np.testing.assert_allclose(heatmaps, GradientXInput()(network, logit(1), images), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("baseline", ["black", "gray", "mean", "blur"])
@pytest.mark.parametrize("goal", [logit(1), channel("conv2", 3)], ids=["class", "filter"])
def test_the_heatmap_adds_up_to_the_score_difference(baseline, goal, network, images):
    integral = IntegratedGradients(baseline=baseline).integrate(network, goal, images)
    scorer = Scorer(network, goal)
    difference = scorer.scores(images) - scorer.scores(np.stack([fill_of(image, baseline) for image in images]))
    np.testing.assert_allclose(integral.differences, difference, rtol=1e-4, atol=1e-6)
    floor = 0.1 * np.maximum(np.abs(scorer.scores(images)), 1e-6)
    assert np.all(
        np.abs(integral.heatmaps.sum(axis=(1, 2)) - difference) <= 0.011 * np.maximum(np.abs(difference), floor)
    )
    assert np.all(integral.gaps <= 0.01)
    assert integral.remark == ""


def test_only_the_steps_that_miss_their_difference_are_divided(thresholded):
    """Of relu(x - 1/2) only the step around 1/2 misses: each division leaves a third of what it misses."""
    image = np.float32([[[1.0], [0.25]]])[None]
    integral = IntegratedGradients(steps=1).integrate(thresholded, channel("conv", 0), image)
    assert 3.0**-5 < 0.01 < 3.0**-4
    np.testing.assert_array_equal(integral.steps, [1 + 5 * 3])  # equal steps would be 243
    np.testing.assert_allclose(integral.gaps, [3.0**-5], rtol=1e-4)
    np.testing.assert_allclose(integral.heatmaps, [[[0.25 * (1 - 3.0**-5), 0]]], rtol=1e-5)


def test_with_divided_steps_it_is_the_integral(network, images):
    goal = channel("conv2", 3)
    divided = IntegratedGradients(steps=8, tolerance=1e-3).integrate(network, goal, images)
    assert divided.steps.min() > 8
    assert divided.gaps.max() <= 1e-3
    fine, coarse = (IntegratedGradients(steps=steps, most_steps=1)(network, goal, images) for steps in (2000, 8))
    largest = np.abs(fine).max(axis=(1, 2))
    assert np.all(np.abs(divided.heatmaps - fine).max(axis=(1, 2)) < 0.03 * largest)
    assert np.abs(divided.heatmaps - fine).max() < 0.5 * np.abs(coarse - fine).max()


def test_what_does_not_converge_is_said_in_one_line(network, images):
    integral = IntegratedGradients(steps=2, most_steps=6, tolerance=1e-9).integrate(network, logit(1), images)
    np.testing.assert_array_equal(integral.steps, [5, 5, 5])
    assert integral.remark.startswith("integrated-gradients: 3 of 3 heatmaps miss the score difference by up to ")
    assert integral.remark.endswith("after 5 gradients, above 1e-07 %; raise most_steps")
    assert "\n" not in integral.remark


def test_an_image_that_is_its_baseline_has_a_heatmap_of_zeros(network, images):
    black = IntegratedGradients().integrate(network, logit(1), np.zeros_like(images[:1]))
    assert not black.heatmaps.any()
    assert black.remark == ""


def test_an_unknown_baseline_is_refused():
    with pytest.raises(RecipeError, match="baseline='red': 'gray', 'black', 'mean' or 'blur'"):
        IntegratedGradients(baseline="red")


def test_an_image_has_the_same_bytes_alone_and_among_others(network, images):
    method = IntegratedGradients(baseline="blur", steps=4)
    together = method(network, logit(2), images)
    alone = np.concatenate([method(network, logit(2), images[row : row + 1]) for row in range(3)])
    np.testing.assert_array_equal(alone, together)


def test_an_incomplete_heatmap_has_a_remark_with_its_sum(thresholded):
    images = np.float32([[[[1.0], [0.25]]], [[[0.0], [0.0]]]])
    # one step is at half the image, where relu(x - 1/2) has no slope: the sum is 0, and the score rises by 1/4
    method = IntegratedGradients(steps=1, most_steps=1)
    goal = channel("conv", 0)
    remarks = method.remarks(thresholded, goal, images, method(thresholded, goal, images))
    assert remarks == [
        "not complete: its values add up to 0, the score difference is 0.25, 100.0 % off with at most 1 gradients",
        "",
    ]
    exact = IntegratedGradients(steps=4)
    assert exact.remarks(thresholded, goal, images, exact(thresholded, goal, images)) == ["", ""]
