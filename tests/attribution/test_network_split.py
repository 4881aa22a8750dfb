"""Tests of a network split at a layer: both parts together compute the logits, with skip connections too."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.network_split import split_network
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(5)])


def check(network, layer, images, error=1e-5):
    """Assert that the first part gives the activation and both the logits; return the number of values that cross."""
    parts = split_network(network, layer)
    activation, others = parts.first(images)
    found = activations(network, images, [layer, LOGITS])
    assert np.asarray(activation) == pytest.approx(found[layer], abs=1e-6)
    assert np.asarray(parts.rest(activation, others)) == pytest.approx(found[LOGITS], abs=error)
    return len(others)


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2", "flat"])
def test_the_parts_compute_the_logits(network, images, layer):
    assert check(network, layer, images) == 0


@pytest.mark.parametrize(
    ("layer", "crossing"), [("stem", 0), ("narrow", 1), ("wide", 2), ("sum", 1), ("both", 0), ("average", 0)]
)
def test_the_values_of_paths_that_bypass_the_layer_cross_the_cut(network_of, branches, images, layer, crossing):
    """Beside `wide` pass the stem, for the sum, and `narrow`, for the concatenation; beside `narrow` only the stem."""
    assert check(network_of(branches), layer, images) == crossing


def test_the_image_itself_can_cross_the_cut(network_of, images):
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    x = layers.Add()([inputs, layers.ReLU(name="relu")(x)])
    model = keras.Model(inputs, layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D()(x)))
    assert check(network_of(model), "conv", images) == 1


def test_a_nested_model_can_be_cut(network_of, nested, images):
    assert check(network_of(nested), "backbone/conv1", images) == 0


def test_half_precision_keeps_its_types(network_of, images):
    inputs = layers.Input((16, 16, 3), dtype="float32")
    x = layers.Conv2D(4, 3, name="conv", dtype="mixed_float16")(inputs)
    x = layers.Add(dtype="mixed_float16")([x, layers.Conv2D(4, 3, name="bypass", dtype="mixed_float16")(inputs)])
    model = keras.Model(inputs, layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D()(x)))
    assert check(network_of(model), "conv", images, error=1e-3) == 1


def test_a_layer_without_a_later_part_is_refused(network_of, images, network):
    with pytest.raises(ModelError, match="classes: is the output layer; choose an earlier one"):
        split_network(network, "classes")
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    other = layers.Conv2D(3, 3, name="other")(inputs)
    outputs = [layers.Dense(2, name=name)(layers.GlobalAveragePooling2D()(y)) for name, y in (("a", x), ("b", other))]
    with pytest.raises(ModelError, match="other: the logits do not depend on it; choose an earlier one"):
        split_network(network_of(keras.Model(inputs, outputs), output="a"), "other")
