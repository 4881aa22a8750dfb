"""Tests of interval rules on one pixel between 1 and 2, worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.interval_arithmetic import start_propagation
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
