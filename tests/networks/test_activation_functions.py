import math

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.networks.activation_functions import (
    RELAXED,
    activation_name,
    has_linear,
    inline_activation,
    is_pure,
    is_relu,
    relu_ceiling,
)
from dreamfilters.networks.graph import flatten


def step_of(layer):
    """The last step of a network that ends in a layer or operation."""
    inputs = keras.Input((4, 4, 3))
    return flatten(keras.Model(inputs, layer(inputs))).steps[-1]


# layer or operation, its activation's name, whether it is nothing else, whether it has a value before, ReLU's ceiling
KNOWN = [
    (lambda: layers.Conv2D(2, 1), "linear", False, True, None),
    (lambda: layers.Conv2D(2, 1, activation="linear"), "linear", False, True, None),
    (lambda: layers.Conv2D(2, 1, activation="relu"), "relu", False, True, math.inf),
    (lambda: layers.Conv2D(2, 1, activation="relu6"), "relu6", False, True, 6),
    (lambda: layers.Conv2D(2, 1, activation="swish"), "silu", False, True, None),
    (lambda: layers.Conv2D(2, 1, activation=layers.ReLU(max_value=3.0)), "relu", False, True, 3),
    (lambda: layers.Conv2D(2, 1, activation=layers.LeakyReLU()), "leaky_relu", False, True, None),
    (lambda: layers.SeparableConv2D(2, 1, activation="gelu"), "gelu", False, True, None),
    (lambda: layers.DepthwiseConv2D(1, activation="tanh"), "tanh", False, True, None),
    (lambda: layers.Dense(2, activation="softmax"), "softmax", False, True, None),
    (lambda: layers.ReLU(), "relu", True, True, math.inf),
    (lambda: layers.ReLU(max_value=6.0), "relu6", True, True, 6),
    (lambda: layers.ReLU(negative_slope=0.1), "leaky_relu", True, True, None),
    (lambda: layers.ReLU(threshold=0.5), "thresholded_relu", True, True, None),
    (lambda: layers.LeakyReLU(), "leaky_relu", True, True, None),
    (lambda: layers.PReLU(), "prelu", True, True, None),
    (lambda: layers.Softmax(), "softmax", True, True, None),
    (lambda: layers.Activation("relu"), "relu", True, True, math.inf),
    (lambda: layers.Activation("sigmoid"), "sigmoid", True, True, None),
    (lambda: keras.ops.relu, "relu", True, True, math.inf),
    (lambda: keras.ops.relu6, "relu6", True, True, 6),
    (lambda: keras.ops.silu, "silu", True, True, None),
    (lambda: layers.MaxPooling2D(), "linear", False, False, None),
    (lambda: layers.BatchNormalization(), "linear", False, False, None),
]


@pytest.mark.parametrize(("make", "name", "pure", "linear", "ceiling"), KNOWN)
def test_the_table_of_activation_functions(make, name, pure, linear, ceiling):
    step = step_of(make())
    assert activation_name(step) == name
    assert is_pure(step) == pure
    assert has_linear(step) == linear
    assert is_relu(step) == (ceiling is not None)
    assert relu_ceiling(inline_activation(step) or step.operation) == ceiling


def test_an_activation_inside_a_cell_is_not_the_output():
    inputs = keras.Input((4, 4, 3))
    x = layers.ConvLSTM2D(2, 1, name="cell")(layers.Reshape((1, 4, 4, 3))(inputs))
    step = flatten(keras.Model(inputs, x)).by_name["cell"]
    assert inline_activation(step) is None
    assert not has_linear(step)


@pytest.mark.parametrize("ceiling", [math.inf, 6.0])
def test_a_relaxed_relu_equals_a_relu_forward(ceiling):
    x = np.linspace(-3, 9, 25, dtype="float32")[None]
    assert np.array_equal(np.asarray(RELAXED.relu(ceiling)(backend.tensor(x))), np.clip(x, 0, ceiling))


def test_the_relaxed_gradient_by_hand():
    """Three images of four numbers, each asked to rise, rise, fall, fall."""
    x = np.array([[1.0, -1.0, 2.0, -2.0], [-1.0, -2.0, -3.0, -4.0], [0.0, -1.0, 0.0, -1.0]], "float32")
    wish = np.array([1.0, 2.0, -3.0, -4.0], "float32")

    def total(numbers):
        return keras.ops.sum(RELAXED.relu(math.inf)(numbers) * wish), ()

    _, gradient = backend.value_and_gradient(total)(backend.tensor(x))
    # alive: the true gradient; silent: the wishes to rise pass, those to fall below zero further do not
    assert np.asarray(gradient).tolist() == [[1, 0, -3, 0], [1, 2, 0, 0], [1, 2, -3, 0]]
