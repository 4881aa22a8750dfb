"""Tests of the gradient, gradient times input and SmoothGrad."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.gradients import Gradient, GradientXInput, SmoothGrad
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import RecipeError

METHODS = (Gradient(), GradientXInput(), SmoothGrad(samples=3))
IMAGE = np.array([[[[0.5, 0.0, 1.0], [0.0, 1.0, 0.5]]]], "float32")  # one row of two pixels
WEIGHTS = [1.0, -2.0, 3.0]  # of red, green and blue


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


@pytest.fixture
def weighted(network_of):
    """The mean over two pixels of relu(r - 2 g + 3 b + bias), as a function of the bias."""

    def made(bias=0.0):
        model = keras.Sequential([layers.Input((1, 2, 3)), layers.Conv2D(1, 1, activation="relu", name="conv")])
        model.get_layer("conv").set_weights([np.reshape(np.float32(WEIGHTS), (1, 1, 3, 1)), np.float32([bias])])
        return network_of(model)

    return made


def test_the_gradient_is_the_largest_magnitude_of_the_channels(weighted):
    # r - 2 g + 3 b is 3.5 and -0.5: the second pixel has no gradient, the first one half of (1, -2, 3)
    np.testing.assert_array_equal(Gradient()(weighted(), channel("conv", 0), IMAGE), [[[1.5, 0.0]]])


def test_gradient_times_input_adds_up_to_the_score_of_a_network_without_bias(weighted):
    goal = channel("conv", 0)
    np.testing.assert_array_equal(GradientXInput()(weighted(), goal, IMAGE), [[[1.75, 0.0]]])
    np.testing.assert_array_equal(Scorer(weighted(), goal).scores(IMAGE), [1.75])


def test_the_sign_of_gradient_times_input_is_that_of_the_objective(weighted):
    np.testing.assert_array_equal(GradientXInput()(weighted(), -channel("conv", 0), IMAGE), [[[-1.75, 0.0]]])


def test_smoothgrad_without_noise_is_the_gradient(network, images):
    smooth = SmoothGrad(samples=2, noise=0.0)(network, logit(1), images)
    np.testing.assert_array_equal(smooth, Gradient()(network, logit(1), images))


def test_smoothgrad_averages_over_noise_of_a_share_of_the_range(weighted):
    """The first pixel is 0.15 |w| = 0.5612 above its ReLU's threshold: one std of the noise, for a range of 1."""
    bias = -3.5 + 0.15 * float(np.linalg.norm(WEIGHTS))
    heatmap = SmoothGrad(samples=4000)(weighted(bias), channel("conv", 0), IMAGE)
    share = 0.8413  # of a normal distribution above -1 std
    assert heatmap[0, 0, 0] == pytest.approx(1.5 * share, abs=0.025)  # 3 std of 4,000 draws


def test_another_seed_is_other_noise(network, images):
    first, again, other = (SmoothGrad(samples=3, seed=seed)(network, logit(1), images) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_an_image_has_the_same_bytes_alone_and_among_others(method, network, images):
    together = method(network, logit(2), images)
    assert together.shape == (3, 16, 16)
    assert together.dtype == np.float32
    alone = np.concatenate([method(network, logit(2), images[row : row + 1]) for row in range(3)])
    np.testing.assert_array_equal(alone, together)


def test_settings_out_of_range_are_refused():
    with pytest.raises(RecipeError, match="samples=0: at least 1"):
        SmoothGrad(samples=0)
    with pytest.raises(RecipeError, match=r"noise=1\.5: from 0 to 1"):
        SmoothGrad(noise=1.5)
