import copy
import time

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.config.model_building import build_model


def dense(units):
    """4x4x3 -> Flatten -> Dense: 48 * units + units weights."""
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(1, name="out")])
    config = keras.saving.serialize_keras_object(model)
    config["config"]["layers"][-1]["config"]["units"] = units
    return config


def test_weights_are_limited_by_the_size_of_the_file():
    build_model(dense(100_000), numbers=4_900_000)
    build_model(dense(100_000), numbers=4_900_000 - 2**16)
    with pytest.raises(
        ModelError, match=r"have 4,900,000 weights, but the file holds 4,834,463 numbers; .* is out/kernel"
    ):
        build_model(dense(100_000), numbers=4_900_000 - 2**16 - 1)


def test_nothing_is_allocated():
    """Two terabytes would be needed, now or when Keras initializes its deferred variables."""
    with pytest.raises(ModelError, match="have 490,000,000,000 weights"):
        build_model(dense(10**10), numbers=100)
    model = keras.Sequential([keras.Input((2, 2, 1)), layers.Dense(1)])  # here Keras would, in the same thread
    with keras.StatelessScope():
        model(np.zeros((1, 2, 2, 1), "float32"))


def test_a_map_too_large_for_memory_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.UpSampling2D(2000, name="up")(inputs))
    with pytest.raises(ModelError, match=r"its layer up has maps of \(16000, 16000, 3\), which do not fit into memory"):
        build_model(keras.saving.serialize_keras_object(model), numbers=0)


def operation(kind, module="keras.layers", **settings):
    """8x8x3 -> one layer."""
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.ReLU(name="one")])
    config = keras.saving.serialize_keras_object(model)
    config["config"]["layers"][-1] = {
        "module": module, "class_name": kind, "config": {"name": "one", **settings}, "registered_name": None,
    }  # fmt: skip
    return config


def test_the_padding_of_a_dilated_kernel_is_part_of_a_map():
    """Two more columns for each side of the kernel, times the rate: 8 + 2 * 60,000."""
    config = operation("Conv2D", filters=1, kernel_size=3, padding="same", dilation_rate=60_000)
    with pytest.raises(ModelError, match=r"its layer one has padded maps of \(120008, 120008, 3\), which do not fit"):
        build_model(config, numbers=28)


@pytest.mark.parametrize("name", ["Orthogonal", "GlorotUniform", "Identity", "HeNormal"])
def test_weights_are_zeros_and_keep_their_initializers(name):
    initializer = {"module": "keras.initializers", "class_name": name, "config": {}, "registered_name": None}
    model = build_model(
        operation("Dense", units=3, kernel_initializer=initializer, bias_initializer="ones"), numbers=12
    )
    assert [float(abs(np.asarray(weight.value)).max()) for weight in model.weights] == [0.0, 0.0]
    assert type(model.get_layer("one").kernel_initializer).__name__ == name


def test_an_initializer_is_not_computed(monkeypatch):
    """The orthogonal matrix of a layer of 14,336 units takes a minute, and is replaced by the values of the file."""
    calls = []
    monkeypatch.setattr(keras.initializers.Orthogonal, "__call__", lambda *_, **__: calls.append(1))
    build_model(operation("Dense", units=3, kernel_initializer="orthogonal"), numbers=12)
    assert calls == []


def test_states_of_random_numbers_are_those_of_keras():
    model = build_model(operation("Dropout", rate=0.5, seed=7), numbers=0)
    assert np.asarray(model.get_layer("one").seed_generator.state.value).tolist() == [7, 0]


def test_a_normalization_by_given_values_keeps_them():
    config = operation("Normalization", axis=-1, mean=[1.0, 2.0, 3.0], variance=[4.0, 4.0, 4.0])
    model = build_model(config, numbers=0)
    found = np.asarray(model(np.full((1, 8, 8, 3), 5, "float32")))
    np.testing.assert_allclose(found[0, 0, 0], [2.0, 1.5, 1.0], rtol=1e-6)


def test_layers_that_no_output_needs_are_not_allocated():
    """Such a layer has weights that are in no list of the model: four gigabytes here."""
    inputs = keras.Input((8, 8, 3))
    config = keras.saving.serialize_keras_object(keras.Model(inputs, layers.ReLU(name="one")(inputs)))
    unused = keras.saving.serialize_keras_object(layers.Dense(3 * 10**8, name="unused"))
    calls = copy.deepcopy(config["config"]["layers"][-1]["inbound_nodes"])
    config["config"]["layers"].append({**unused, "name": "unused", "inbound_nodes": calls})
    assert build_model(config, numbers=0).weights == []


def test_operations_that_make_many_tensors_are_stopped(monkeypatch):
    """Keras makes one symbolic tensor for each of 90 million rows, before anything checks their number."""
    monkeypatch.setattr(limits, "BUILD_SECONDS", 0.5)
    inputs = keras.Input((4, 1, 1))
    config = keras.saving.serialize_keras_object(keras.Model(inputs, keras.ops.unstack(inputs, axis=1)[0]))
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 90_000_000, 1, 1]
    start = time.process_time()
    with pytest.raises(ModelError, match=r"its graph takes more than 0\.5 s of CPU time to build; use --trust"):
        build_model(config, numbers=0)
    assert time.process_time() - start < 5


def test_the_configuration_is_not_changed():
    config = dense(3)
    before = copy.deepcopy(config)
    build_model(config, numbers=147)
    assert config == before


def test_errors_of_keras_are_passed_on():
    with pytest.raises(TypeError, match="units"):
        build_model(dense(-1), numbers=10)
