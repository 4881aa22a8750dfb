"""Tests of affine operators: forward equals the Keras layer, and backward is the adjoint of forward."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.affine_layers import affine_parts
from dreamfilters.evidence.bounds.affine_operators import Convolution
from dreamfilters.networks.graph import flatten

LAYERS = (
    layers.Conv2D(4, 3, strides=2, padding="same"),
    layers.Conv2D(4, (2, 3), dilation_rate=2, padding="same"),
    layers.Conv2D(4, 3, groups=2, use_bias=False),
    layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2),
    layers.SeparableConv2D(5, 3, padding="same", depth_multiplier=2),
    layers.Dense(5),
    layers.BatchNormalization(epsilon=0.01),
    layers.BatchNormalization(scale=False, center=False),
    layers.Rescaling(2.0, offset=-1.0),
    layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 4.0]),
    layers.AveragePooling2D(3, 2, padding="same"),
    layers.AveragePooling2D(2),
    layers.GlobalAveragePooling2D(),
    layers.GlobalAveragePooling2D(keepdims=True),
    layers.Flatten(),
    layers.Reshape((9, 7, 4)),
    layers.ZeroPadding2D(((0, 1), (2, 0))),
)


def _parts(layer, fill):
    image = keras.Input((7, 9, 4))
    model = fill(keras.Model(image, type(layer).from_config(layer.get_config())(image)))
    (step,) = flatten(model).steps
    parts = affine_parts(step, (7, 9, 4))
    assert parts is not None
    return model, parts


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_forward_equals_the_layer(layer, fill):
    model, parts = _parts(layer, fill)
    x = np.random.default_rng(1).normal(size=(7, 9, 4))
    output = x
    for part in parts:
        output = part.apply(output) + part.bias
    assert output == pytest.approx(np.asarray(model(x[None], training=False))[0], abs=1e-5)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_backward_is_the_adjoint_on_windows(layer, fill):
    # <w, A x> on a window of the output equals <back(w), x> on the window of the input that it reads.
    rng = np.random.default_rng(2)
    for part in _parts(layer, fill)[1]:
        x = rng.normal(size=(7, 9, part.kernel.shape[2] * part.groups if isinstance(part, Convolution) else 4))
        output = part.apply(x)
        on_whole_map = output.ndim != 3 or not isinstance(part, Convolution)
        for top, left in ((0, 0), (1, 2), (output.shape[0] - 2, 0)):
            corner = (0, 0) if on_whole_map else (max(0, top), left)
            cut = output if on_whole_map else output[corner[0] : corner[0] + 2, corner[1] : corner[1] + 2]
            weights = rng.normal(size=(3, *cut.shape))
            back, (row, column) = part.back(weights, corner, x.shape)
            below = x[row : row + back.shape[1], column : column + back.shape[2]]
            expected = (weights * cut).reshape(3, -1).sum(axis=1)
            assert (back * below).reshape(3, -1).sum(axis=1) == pytest.approx(expected)
