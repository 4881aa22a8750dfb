"""Tests of kernels as images: colors, grids of channels, and every kind of convolution."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.circuits.weights.kernels import first_convolution, kernel_images, kernels_of
from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.networks import InputForm, Network


@pytest.fixture(scope="module")
def kinds(fill):
    """A network with each kind of convolution."""
    x = inputs = layers.Input((12, 12, 2))
    x = layers.Conv2D(3, 3, name="conv")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(x)
    x = layers.SeparableConv2D(4, 3, depth_multiplier=2, name="separable")(x)
    x = layers.Conv2DTranspose(5, 2, name="transposed")(x)
    return fill(keras.Model(inputs, layers.Dense(2, name="classes")(layers.Flatten(name="flat")(x)), name="kinds"))


def test_kernels_of_every_kind_of_convolution(kinds, network_of):
    network = network_of(kinds)
    kernel = {name: kinds.get_layer(name).get_weights()[0] for name in ("conv", "deep", "transposed")}
    assert kernels_of(network, "conv").shape == (3, 3, 3, 2)
    np.testing.assert_array_equal(kernels_of(network, "conv")[2], kernel["conv"][..., 2])
    assert kernels_of(network, "deep").shape == (6, 3, 3, 1)
    np.testing.assert_array_equal(kernels_of(network, "deep")[3, ..., 0], kernel["deep"][:, :, 1, 1])  # 2 a channel
    np.testing.assert_array_equal(kernels_of(network, "transposed")[4], kernel["transposed"][:, :, 4, :])
    assert first_convolution(network) == "conv"


def test_the_kernel_of_a_separable_convolution_is_that_of_one_convolution(kinds, network_of):
    layer = kinds.get_layer("separable")
    kernels = kernels_of(network_of(kinds), "separable")
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 6)).astype("float32")
    expected = layer(x) - layer.bias
    found = keras.ops.conv(x, np.moveaxis(kernels, 0, -1))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_where_the_layer_reads_a_color_image_the_kernel_is_one(make_tiny):
    model = make_tiny()
    kernel = np.zeros((3, 3, 3, 8), "float32")
    kernel[0, 0, :, 0] = 4.0, 0.0, -2.0
    kernel[..., 2] = 1.0
    model.get_layer("conv1").set_weights([kernel, np.zeros(8)])
    network = Network(model, InputForm.from_range(0, 1, size=(16, 16)))
    images = kernel_images(network, "conv1")
    assert images[0][0, 0].tolist() == [1.0, 0.5, 0.25]  # each on its own scale
    assert images[0][1, 1].tolist() == [0.5, 0.5, 0.5]
    assert images[1].tolist() == np.full((3, 3, 3), 0.5).tolist()  # all weights are 0
    assert images[2].tolist() == np.ones((3, 3, 3)).tolist()
    bgr = Network(model, InputForm.from_range(0, 1, size=(16, 16), order="BGR"))
    assert kernel_images(bgr, "conv1")[0][0, 0].tolist() == [0.25, 0.5, 1.0]


def test_other_channels_lie_in_a_grid(network):
    kernels, image = kernels_of(network, "conv2"), kernel_images(network, "conv2")[5]
    assert image.shape == (2 * 3 + 1, 4 * 3 + 3, 3)  # 8 channels: two rows of four, with gaps
    value = kernels[5, 1, 2, 6] / np.abs(kernels[5]).max()
    red, green, blue = image[4 + 1, 2 * 4 + 2]  # channel 6 is in the second row, the third one
    assert (red, blue) == pytest.approx((1 - max(value, 0), 1 + min(value, 0)))
    assert green == min(red, blue)


def test_a_layer_without_kernels_is_refused(network):
    with pytest.raises(ModelError, match="classes: a Dense has no kernels to draw; a conv1 has"):
        kernel_images(network, "classes")
    with pytest.raises(UnknownNameError, match="Close names: conv1"):
        kernel_images(network, "conv11")
