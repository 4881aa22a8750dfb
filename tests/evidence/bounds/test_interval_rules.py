"""Tests of interval rules: of layers by hand on one pixel between 1 and 2, of activations by values of the interval."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.interval_arithmetic import start_propagation
from dreamfilters.evidence.bounds.interval_rules import activation_image
from dreamfilters.evidence.bounds.intervals import Interval, require_bounds
from dreamfilters.evidence.bounds.unit_bounds import bound_units
from dreamfilters.networks.graph import flatten


def image_of(build):
    """Return the interval of a layer `out` that reads x in [1, 2] and y = 2x, or the reason why there is none."""
    x = keras.Input((1, 1, 1))
    y = layers.Rescaling(2.0, name="double")(x)
    graph = flatten(keras.Model(x, build(x, y)))
    known = start_propagation(graph, np.ones((1, 1, 1)), np.full((1, 1, 1), 2.0))
    for step in graph.steps:
        known.linear(step)
        known.finish(step)
    return known.slots[graph.output]


@pytest.mark.parametrize(
    ("build", "low", "high"),
    [
        (lambda x, y: layers.Add()([x, y]), 3, 6),
        (lambda x, y: layers.Average()([x, y]), 1.5, 3),
        (lambda x, y: layers.Subtract()([x, y]), -3, 0),  # intervals ignore that y depends on x
        (lambda x, y: layers.Multiply()([x, y]), 2, 8),
        (lambda x, y: y / x, 1, 4),
        (lambda x, y: layers.Maximum()([x, y]), 2, 4),
        (lambda x, y: layers.Minimum()([x, y]), 1, 2),
        (lambda x, y: layers.UpSampling2D(2)(x), 1, 2),
        (lambda x, y: layers.Dropout(0.5)(x), 1, 2),
    ],
    ids=["add", "average", "subtract", "multiply", "divide", "maximum", "minimum", "upsampling", "dropout"],
)
def test_rules_by_hand(build, low, high):
    found = image_of(build)
    assert found.low.min() == pytest.approx(low, abs=1e-4)
    assert found.high.max() == pytest.approx(high, abs=1e-4)
    assert found.low.min() <= low
    assert found.high.max() >= high


def test_a_transposed_convolution_by_hand():
    transposed = layers.Conv2DTranspose(1, 2, strides=2, kernel_initializer="ones", bias_initializer="ones")
    found = image_of(lambda x, y: transposed(y))  # each output is y + 1
    assert found.low.ravel() == pytest.approx(np.full(4, 3), abs=1e-4)
    assert found.high.ravel() == pytest.approx(np.full(4, 5), abs=1e-4)


def test_a_divisor_that_may_be_zero_has_no_bounds():
    assert "may divide by zero" in image_of(lambda x, y: y / (x - 1.5))


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
