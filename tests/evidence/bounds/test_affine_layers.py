"""Tests of Keras layers as affine operators."""

import keras
from keras import layers

from dreamfilters.evidence.bounds.affine_layers import affine_parts, padding
from dreamfilters.networks.graph import flatten


def test_same_padding_puts_an_odd_zero_last():
    assert padding("same", 7, 3, 2) == (1, 1)
    assert padding("same", 8, 3, 2) == (0, 1)
    assert padding("same", 8, 2, 1) == (0, 1)
    assert padding("same", 8, 3, 1, 2) == (2, 2)
    assert padding("valid", 8, 3, 2) == (0, 0)


def test_a_layer_that_is_not_affine_has_no_operators():
    image = keras.Input((7, 9, 4))
    (step,) = flatten(keras.Model(image, layers.MaxPooling2D()(image))).steps
    assert affine_parts(step, (7, 9, 4)) is None
