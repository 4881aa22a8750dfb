"""Tests of the linear maps of layers, against the layers themselves."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.relevance.linear_maps import linear_maps, norm_scale, takes_scale
from dreamfilters.networks.graph import flatten

LAYERS = [
    layers.Conv2D(4, 3, strides=2, padding="same"),
    layers.Conv2D(4, 3, dilation_rate=2),
    layers.Conv2D(4, (1, 3), groups=2),
    layers.DepthwiseConv2D(3, depth_multiplier=3, strides=2),
    layers.SeparableConv2D(5, 3, padding="same", depth_multiplier=2),
    layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
    layers.Dense(5),
]


def normed(layer, fill):
    """The steps of a layer and a batch normalization after it, their model, and an input."""
    x = layers.Input((7, 6, 4))
    y = type(layer).from_config(layer.get_config())(x)
    model = fill(keras.Model(x, layers.BatchNormalization(name="norm")(y)))
    first, norm = flatten(model).steps
    return first, norm, model, np.random.default_rng(0).normal(size=(2, 7, 6, 4)).astype("float32")


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_layer_with_its_normalization_is_a_linear_map_and_a_shift(layer, fill):
    first, norm, model, x = normed(layer, fill)
    assert takes_scale(first, norm)
    scale = norm_scale(norm.operation, 4)
    value = x
    for linear in linear_maps(first, scale):
        value = linear.apply(value, linear.kernel)
    np.testing.assert_allclose(
        value + scale.shift + scale.factor * first.operation.bias, model(x), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("layer", LAYERS[:4], ids=lambda layer: layer.name)
def test_the_contributions_of_both_signs_add_up_to_the_output(layer, fill):
    first, _, _, x = normed(layer, fill)
    (linear,) = linear_maps(first, None)
    raising, lowering = np.maximum(x, 0), np.minimum(x, 0)
    positive, negative = linear.positive(raising, lowering), linear.negative(raising, lowering)
    assert np.min(positive) >= 0
    assert np.max(negative) <= 0
    np.testing.assert_allclose(positive + negative, linear.apply(x, linear.kernel), rtol=1e-4, atol=1e-5)


def test_a_normalization_of_another_axis_is_not_merged(fill):
    x = layers.Input((7, 6, 4))
    y = layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(x))
    first, norm = flatten(keras.Model(x, y)).steps
    assert not takes_scale(first, norm)
    assert not takes_scale(norm, norm)
