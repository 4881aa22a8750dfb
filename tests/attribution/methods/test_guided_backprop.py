"""Tests of guided backpropagation and of the deconvnet."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.gradients import Gradient
from dreamfilters.attribution.methods.guided_backprop import Deconvnet, GuidedBackprop
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel, neuron
from dreamfilters.errors import ModelError

IMAGE = np.float32([[[[1.0], [0.5], [0.25]]]])  # three gray pixels in a row


@pytest.fixture
def two_layers(network_of):
    """Of pixels x, y, z: 2 relu(x + y - z) + 3 relu(y + z - x) - 5 relu(x); relu as each layer or function."""

    def made(inline="relu", then=None):
        x = y = layers.Input((1, 3, 1))
        y = layers.Dense(3, activation=inline, name="hidden")(layers.Flatten()(y))
        y = layers.Dense(1, name="out")(then(y) if then else y)
        model = keras.Model(x, y, name="two_layers")
        model.get_layer("hidden").set_weights([np.float32([[1, -1, 1], [1, 1, 0], [-1, 1, 0]]), np.zeros(3, "float32")])
        model.get_layer("out").set_weights([np.float32([[2], [3], [-5]]), np.zeros(1, "float32")])
        return network_of(model)

    return made


@pytest.mark.parametrize(
    ("inline", "then"),
    [("relu", None), ("relu6", None), (None, layers.ReLU()), (None, layers.Activation("relu")), (None, keras.ops.relu)],
)
def test_what_passes_a_relu_backward(inline, then, two_layers):
    network, goal = two_layers(inline, then), channel("out", 0)
    # the sums are 1.25, -0.25 and 1: the second ReLU is inactive, and the third has the gradient -5
    np.testing.assert_array_equal(Gradient()(network, goal, IMAGE), [[[3, 2, 2]]])  # |2 - 5|, |2|, |-2|
    np.testing.assert_array_equal(GuidedBackprop()(network, goal, IMAGE), [[[2, 2, 2]]])  # without -5
    np.testing.assert_array_equal(Deconvnet()(network, goal, IMAGE), [[[1, 5, 1]]])  # 2 - 3, 2 + 3, -2 + 3


def test_a_saturated_relu6_passes_nothing_in_guided_backpropagation(two_layers):
    network = two_layers("relu6")
    np.testing.assert_array_equal(GuidedBackprop()(network, channel("out", 0), 8 * IMAGE), [[[0, 0, 0]]])
    np.testing.assert_array_equal(Deconvnet()(network, channel("out", 0), 8 * IMAGE), [[[1, 5, 1]]])


def test_an_inner_unit_is_explained_too(network, scene):
    """The map of one neuron of conv1 is its kernel, wherever its ReLU is active."""
    image = scene(seed=1)[None]
    kernel = np.abs(network.model.get_layer("conv1").get_weights()[0]).max(axis=2)
    for unit in range(8):
        goal = neuron("conv1", [(unit, 5, 6)])
        heatmap = GuidedBackprop()(network, goal, image)[0]
        is_active = Gradient()(network, goal, image).any()
        np.testing.assert_array_equal(heatmap[4:7, 5:8], kernel[..., unit] * is_active)
        np.testing.assert_array_equal(Deconvnet()(network, goal, image)[0, 4:7, 5:8], kernel[..., unit])
        assert np.count_nonzero(heatmap) == 9 * is_active


@pytest.mark.parametrize("method", [GuidedBackprop(), Deconvnet()], ids=lambda method: method.name)
def test_a_network_without_relu_is_refused(method, network_of, scene):
    model = keras.Sequential(
        [layers.Input((16, 16, 3)), layers.Conv2D(2, 3, activation="elu", name="conv"), layers.ReLU()], name="elu"
    )
    line = f"{method.name}: elu has no ReLU up to conv:1, so that this is the gradient; use gradient"
    with pytest.raises(ModelError, match=line):
        method(network_of(model), channel("conv", 1), scene()[None])


@pytest.mark.parametrize("method", [GuidedBackprop(), Deconvnet()], ids=lambda method: method.name)
def test_an_image_has_the_same_bytes_alone_and_among_others(method, network, scene):
    images = np.stack([scene(seed=seed) for seed in range(3)])
    together = method(network, logit(2), images)
    alone = np.concatenate([method(network, logit(2), images[row : row + 1]) for row in range(3)])
    np.testing.assert_array_equal(alone, together)
