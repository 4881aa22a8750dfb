"""Small networks with everything in them that makes a graph awkward."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers


@pytest.fixture
def images():
    return np.random.default_rng(0).random((2, 24, 24, 3), "float32")


@pytest.fixture
def awkward():
    """Nested, shared, branched, with operations of keras.ops, ReLUs in every place, an activity regularizer."""
    keras.utils.set_random_seed(1)
    inner = layers.Conv2D(8, 3, padding="same", name="inner")
    block = keras.Sequential([keras.Input((12, 12, 8)), inner], name="block")
    image = keras.Input((24, 24, 3))
    body_in = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", activity_regularizer="l2", name="conv1")(body_in)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu6", name="separable")(x)
    x = keras.ops.relu(block(block(x)) + 0.5)
    backbone = keras.Model(body_in, x, name="backbone")
    x = backbone(layers.RandomFlip(name="flip")(image))
    twice = layers.DepthwiseConv2D(3, padding="same", name="twice")
    x = layers.Concatenate(name="both")([twice(x), twice(twice(x))])
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(6.0, name="relu6")(x)
    x = layers.Activation("relu", name="act")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(image, layers.Dense(5, activation="softmax", name="out")(x), name="awkward")


@pytest.fixture
def plain():
    """Two convolutions and a dense layer, 16x16 RGB to three classes."""
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.Conv2D(6, 3, activation="relu", name="conv2"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="out"),
        ],
        name="plain",
    )


@pytest.fixture
def save(tmp_path):
    """Save a model in a folder of its own."""

    def saved(model, name):
        path = tmp_path / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras 3.15 reads its variables in a way that numpy 2 deprecates
            model.save(path)
        return path

    return saved
