"""Tests of the rule of each kind of step, by small networks."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.attribution.methods.lrp import Lrp
from dreamfilters.attribution.relevance.rule import boxes_of
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import flatten

EXACT = Lrp(epsilon=0)
IMAGE = np.float32([[[[0.2, 0.8, 0.4], [0.6, 0.1, 0.5]]]])  # one row of two pixels


def relevance(network_of, body, goal="out", unit=0, image=IMAGE):
    """The relevance of the pixels of the mean over positions of a unit of `body`, which ends in a layer `out`."""
    x = layers.Input(image.shape[1:])
    return EXACT(network_of(keras.Model(x, body(x))), channel(goal, unit), image)[0]


def ending(x):
    return layers.Activation("linear", name="out")(x)


def test_averages_share_by_value(network_of):
    # the mean of the first channel over two pixels: 0.2 and 0.6 of 0.8
    heatmap = relevance(network_of, lambda x: ending(layers.GlobalAveragePooling2D()(x)))
    np.testing.assert_allclose(heatmap, [[0.1, 0.3]], rtol=1e-6)
    heatmap = relevance(network_of, lambda x: ending(layers.AveragePooling2D((1, 2))(x)), unit=1)
    np.testing.assert_allclose(heatmap, [[0.4, 0.05]], rtol=1e-6)


def test_max_pooling_passes_to_the_maximum(network_of):
    heatmap = relevance(network_of, lambda x: ending(layers.GlobalMaxPooling2D()(x)))
    np.testing.assert_allclose(heatmap, [[0, 0.6]], rtol=1e-6)


def test_a_sum_shares_by_the_terms_of_its_sign(network_of):
    def body(x):
        return ending(layers.Subtract()([x[..., :1], x[..., 1:2]]))

    # 0.2 - 0.8 is due to the 0.8, 0.6 - 0.1 to the 0.6; each is half of the mean
    np.testing.assert_allclose(relevance(network_of, body), [[-0.3, 0.25]], rtol=1e-6)
    added = relevance(network_of, lambda x: ending(layers.Add()([x[..., :1], x[..., 1:2], x[..., 2:]])))
    np.testing.assert_allclose(added, IMAGE[0].sum(axis=-1) / 2, rtol=1e-6)


def test_a_gate_gets_nothing_and_equal_factors_get_half(network_of):
    def gated(x):
        gate = layers.Reshape((1, 1, 3))(layers.Activation("sigmoid")(layers.GlobalAveragePooling2D()(x)))
        return ending(layers.Multiply()([x, gate]))

    gate = 1 / (1 + np.exp(-0.4))
    np.testing.assert_allclose(relevance(network_of, gated), [[0.1 * gate, 0.3 * gate]], rtol=1e-5)
    squared = relevance(network_of, lambda x: ending(layers.Multiply()([x, x])))
    np.testing.assert_allclose(squared, [[0.02, 0.18]], rtol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        layers.Rescaling(-3.0, offset=0.5),
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        layers.Activation("tanh"),
        layers.Dropout(0.5),
        lambda x: 2.0 * x - 1.0,
    ],
    ids=["rescaling", "normalization", "leaky relu", "tanh", "dropout", "arithmetic"],
)
def test_steps_of_single_values_pass_relevance(body, network_of):
    x = layers.Input(IMAGE.shape[1:])
    model = keras.Model(x, ending(body(x)))
    heatmap = EXACT(network_of(model), channel("out", 1), IMAGE)[0]
    np.testing.assert_allclose(heatmap, np.asarray(model(IMAGE))[0, ..., 1] / 2, rtol=1e-5)


def test_copies_move_relevance(network_of):
    def body(x):
        x = layers.ZeroPadding2D(1)(layers.Permute((2, 1, 3))(x))
        x = layers.UpSampling2D(2)(layers.Cropping2D(1)(x))
        return ending(layers.Concatenate()([x, x]))

    np.testing.assert_allclose(relevance(network_of, body, unit=3), [[0.1, 0.3]], rtol=1e-6)


def test_a_normalization_after_a_convolution_turns_its_signs(network_of):
    """-2 (x - y) + 1: the second channel raises it. Without the merge, the first one would get the relevance."""
    x = layers.Input(IMAGE.shape[1:])
    y = layers.Conv2D(1, 1, use_bias=False, name="conv")(layers.LeakyReLU(name="inner")(layers.MaxPooling2D(1)(x)))
    model = keras.Model(x, ending(layers.BatchNormalization(name="norm", epsilon=1e-9)(y)))
    model.get_layer("conv").set_weights([np.float32([[[[1.0], [-1.0], [0.0]]]])])
    model.get_layer("norm").set_weights([np.float32([-2.0]), np.float32([1.0]), np.float32([0.0]), np.float32([1.0])])
    heatmap = EXACT(network_of(model), channel("out", 0), IMAGE)[0]
    # 1 + 1.2 = 2.2 is due to the second channel; 1 - 1 = 0 passes none
    np.testing.assert_allclose(heatmap, [[1.1, 0.0]], atol=1e-5)


def test_a_custom_layer_and_an_attention_are_refused_by_name(network_of):
    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    with pytest.raises(ModelError, match=r"lrp: no rule for Doubled \(mine\); use integrated-gradients"):
        relevance(network_of, lambda x: ending(Doubled(name="mine")(x)))
    with pytest.raises(ModelError, match=r"lrp: no rule for Exp \(exp\); use integrated-gradients"):
        relevance(network_of, lambda x: ending(ops.exp(x)))


def test_the_box_of_the_image_is_rescaled_padded_and_reshaped():
    x = layers.Input((1, 2, 1))
    y = layers.ZeroPadding2D(((0, 0), (1, 0)))(layers.Rescaling(-2.0, offset=1.0)(x))
    steps = flatten(keras.Model(x, layers.Dense(1)(layers.Flatten()(y)))).steps
    box = np.zeros((1, 1, 2, 1), "float32"), np.ones((1, 1, 2, 1), "float32")
    boxes = boxes_of(steps, box)
    low, high = boxes[steps[-1].inputs[0]]
    np.testing.assert_array_equal(low, [[0, -1, -1]])
    np.testing.assert_array_equal(high, [[0, 1, 1]])
    assert steps[-1].outputs[0] not in boxes
