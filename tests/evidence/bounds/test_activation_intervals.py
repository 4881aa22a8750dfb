"""Tests of activations on intervals: the image contains the float32 result of every value between the ends."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.activation_intervals import activation_image
from dreamfilters.evidence.bounds.intervals import Interval, require_bounds
from dreamfilters.evidence.bounds.unit_bounds import bound_units
from dreamfilters.networks.graph import flatten

ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "exponential", "sigmoid", "hard_sigmoid", "tanh"),
    *("hard_tanh", "softplus", "softsign", "log_sigmoid", "linear", "tanh_shrink", "soft_shrink", "hard_shrink"),
    *("squareplus", "sparse_plus", "sparse_sigmoid", "silu", "gelu", "mish", "hard_silu"),
)
LAYERS = (
    layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5),
    layers.LeakyReLU(negative_slope=0.3),
    layers.PReLU(alpha_initializer=keras.initializers.Constant(-0.5)),
    layers.ELU(alpha=1.5),
    layers.Softmax(),
)


def _step(layer):
    given = keras.Input((1, 1, 5))
    (step,) = flatten(keras.Model(given, layer(given))).steps
    return step


@pytest.mark.parametrize("layer", [*map(layers.Activation, ACTIVATIONS), *LAYERS], ids=str)
def test_an_image_contains_every_value_and_is_tight(layer):
    step = _step(layer)
    rng = np.random.default_rng(3)
    low = rng.uniform(-5, 3, (1, 1, 5))
    high = low + rng.uniform(0, 4, (1, 1, 5))
    image = require_bounds(activation_image(step, layer, Interval(low, high)))
    between = low + (high - low) * np.linspace(0, 1, 20001).reshape(-1, 1, 1, 1)
    inside = np.clip(between.astype("float32"), low, high).astype("float32")
    values = np.asarray(layer(inside), np.float64)
    assert np.all(values.min(axis=0) >= image.low)
    assert np.all(values.max(axis=0) <= image.high)
    if not isinstance(layer, layers.Softmax):
        assert image.low == pytest.approx(values.min(axis=0), abs=1e-3)
        assert image.high == pytest.approx(values.max(axis=0), abs=1e-3)


@pytest.mark.parametrize("layer", [layers.LeakyReLU(negative_slope=0.0), layers.ReLU(threshold=0.0)], ids=str)
def test_settings_of_zero_are_bounded(layer):
    assert isinstance(
        activation_image(_step(layer), layer, Interval(np.zeros((1, 1, 5)), np.ones((1, 1, 5)))), Interval
    )


def test_a_relu_that_decreases_is_not_bounded(network_of):
    values = keras.Input((1, 1, 5))
    layer = layers.ReLU(name="odd")
    layer.threshold = -1.0  # -0.5 stays, -2 becomes 0
    reason = bound_units(network_of(keras.Model(values, layer(values)))).layers["odd"].reason
    assert reason == "no bounds are known for odd, whose activation is thresholded_relu"
