"""Every activation's image holds what it makes of any value between the ends, float32's rounding included."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.interval_arithmetic import Interval, activation_image, require_bounds, rounding_bound
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
    values = keras.Input((1, 1, 5))
    (step,) = flatten(keras.Model(values, layer(values))).steps
    return step


@pytest.mark.parametrize("layer", [*map(layers.Activation, ACTIVATIONS), *LAYERS], ids=str)
def test_an_image_holds_everything_between_and_is_tight(layer):
    step = _step(layer)
    rng = np.random.default_rng(3)
    low = rng.uniform(-5, 3, (1, 1, 5))
    high = low + rng.uniform(0, 4, (1, 1, 5))
    told = require_bounds(activation_image(step, layer, Interval(low, high)))
    between = low + (high - low) * np.linspace(0, 1, 20001).reshape(-1, 1, 1, 1)
    inside = np.clip(between.astype("float32"), low, high).astype("float32")
    seen = np.asarray(layer(inside), np.float64)
    assert np.all(seen.min(axis=0) >= told.low)
    assert np.all(seen.max(axis=0) <= told.high)
    if not isinstance(layer, layers.Softmax):
        assert told.low == pytest.approx(seen.min(axis=0), abs=1e-3)
        assert told.high == pytest.approx(seen.max(axis=0), abs=1e-3)


@pytest.mark.parametrize("layer", [layers.LeakyReLU(negative_slope=0.0), layers.ReLU(threshold=0.0)], ids=str)
def test_settings_of_nothing_are_fine(layer):
    assert isinstance(
        activation_image(_step(layer), layer, Interval(np.zeros((1, 1, 5)), np.ones((1, 1, 5)))), Interval
    )


def test_a_relu_that_jumps_down_is_not_bounded(network_of):
    values = keras.Input((1, 1, 5))
    layer = layers.ReLU(name="odd")
    layer.threshold = -1.0  # -0.5 stays, -2 becomes 0
    reason = bound_units(network_of(keras.Model(values, layer(values)))).layers["odd"].reason
    assert reason == "no bounds are known for odd, whose activation is thresholded_relu"


def test_gamma_is_highams():
    # n u / (1 - n u) for n = 1000 is 5.961e-5; a sixteenth more
    assert rounding_bound(1000) == pytest.approx(1.0625 * 5.9608e-5, rel=1e-4)


def test_without_bounds_there_is_nothing_to_trace():
    with pytest.raises(LookupError, match="why"):
        require_bounds("why")


def test_bounds_hold_where_float32_rounds_across_zero(network_of):
    # 32 multiples of x add up to nothing, less 1e-9: below 0 in real numbers for every x, not so in float32.
    parts = np.random.default_rng(6).uniform(0.5, 1, 32).astype("float32")
    signs = np.tile([1.0, -1.0], 16)
    parts[-1] = parts[:-1].astype("float64") @ signs[:-1]
    exact = float(parts.astype("float64") @ signs)
    values = keras.Input((1, 1, 1))
    hidden = layers.Conv2D(32, 1, activation="relu", name="parts")(values)
    model = keras.Model(values, layers.Conv2D(1, 1, activation="relu", name="sum")(hidden))
    bias = np.array([-max(exact, 0) - 1e-9])
    model.set_weights([parts.reshape(1, 1, 1, 32), np.zeros(32), signs.reshape(1, 1, 32, 1), bias])
    shown = np.linspace(0, 1, 10_001, dtype="float32").reshape(-1, 1, 1, 1)
    seen = float(np.max(model.predict(shown, batch_size=10_001, verbose=0)))
    assert seen > 0
    high = bound_units(network_of(model)).layers["sum"].high_before[0]
    assert seen <= high < 1e-3
