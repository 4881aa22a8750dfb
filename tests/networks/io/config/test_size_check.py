import copy

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.config.size_check import check_weight


def dense(units):
    """4x4x3 -> Flatten -> Dense: 48 * units + units weights."""
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(1, name="out")])
    config = keras.saving.serialize_keras_object(model)
    config["config"]["layers"][-1]["config"]["units"] = units
    return config


def test_weights_are_limited_by_the_size_of_the_file():
    check_weight(dense(100_000), numbers=4_900_000)
    check_weight(dense(100_000), numbers=4_900_000 - 2**16)
    with pytest.raises(
        ModelError, match=r"have 4,900,000 weights, but the file holds 4,834,463 numbers; .* is out/kernel"
    ):
        check_weight(dense(100_000), numbers=4_900_000 - 2**16 - 1)


def test_nothing_is_allocated():
    """Two terabytes would be needed, now or when Keras initializes its deferred variables."""
    with pytest.raises(ModelError, match="have 490,000,000,000 weights"):
        check_weight(dense(10**10), numbers=100)
    model = keras.Sequential([keras.Input((2, 2, 1)), layers.Dense(1)])  # here Keras would, in the same thread
    with keras.StatelessScope():
        model(np.zeros((1, 2, 2, 1), "float32"))


def test_a_map_too_large_for_memory_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.UpSampling2D(2000, name="up")(inputs))
    with pytest.raises(ModelError, match=r"its layer up has maps of \(16000, 16000, 3\), which do not fit into memory"):
        check_weight(keras.saving.serialize_keras_object(model), numbers=0)


def test_the_configuration_is_not_changed():
    config = dense(3)
    before = copy.deepcopy(config)
    check_weight(config, numbers=147)
    assert config == before


def test_errors_of_keras_are_passed_on():
    with pytest.raises(TypeError, match="units"):
        check_weight(dense(-1), numbers=10)
