import copy

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks.io.config.allowed_objects import admitted
from dreamfilters.networks.io.model_file import open_model


@pytest.fixture
def rich():
    """A model with an object in every place that takes one."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(
        3, 2, activation=layers.LeakyReLU(0.3), kernel_regularizer="l2", kernel_constraint="max_norm", dtype="float16"
    )(inputs)
    x = layers.TimeDistributed(layers.Dense(2, activation="relu"))(x)
    block = keras.Sequential([keras.Input((7, 7, 2)), layers.BatchNormalization()], name="block")
    x = keras.ops.relu(block(x))[:, 1:, ..., 0] * 2.0
    x = layers.Bidirectional(layers.RNN(layers.StackedRNNCells([layers.LSTMCell(2), layers.LSTMCell(3)])))(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x), name="rich")


def weighted(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(np.abs(rng.normal(0.3, 0.2, weight.shape)).astype("float32"))
    return model


def test_a_configuration_of_keras_builds_the_same_model(rich):
    config = keras.saving.serialize_keras_object(rich)
    before = copy.deepcopy(config)
    found = admitted(config)
    assert config == before
    again = keras.saving.deserialize_keras_object(found)
    again.set_weights(rich.get_weights())
    x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(rich(x)))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["rich.keras", "rich.h5"])
def test_every_weight_is_assigned(rich, save, name):
    """Of operations, nested models, wrappers and stacked cells; Keras itself opens no operations from an .h5 file."""
    path = save(weighted(rich), name)
    x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    np.testing.assert_allclose(np.asarray(open_model(path).model(x)), np.asarray(rich(x)), atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_float16"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_other_dtypes(save, dtype):
    model = weighted(keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(2, 3, dtype=dtype)]))
    for name in ("x.keras", "x.h5"):
        opened = open_model(save(model, name)).model
        for weight, before in zip(opened.weights, model.weights, strict=True):
            assert weight.dtype == before.dtype
            np.testing.assert_array_equal(np.asarray(weight, "float32"), np.asarray(before, "float32"))


def test_the_module_of_a_class_is_replaced():
    entry = {"class_name": "ReLU", "module": "keras.src.somewhere", "config": {"name": "r"}, "registered_name": "ReLU"}
    found = admitted({"class_name": "Sequential", "config": {"layers": [entry]}})
    assert found["config"]["layers"][0]["module"] == "keras.layers"
    assert found["config"]["layers"][0]["registered_name"] is None


def test_settings_distinguish_a_layer_from_an_operation_in_an_h5_file():
    def home(**config):
        return admitted({"class_name": "Add", "config": {"name": "add", **config}})["module"]

    assert home() == "keras.src.ops.numpy"
    assert home(trainable=True, dtype="float32") == "keras.layers"


def test_the_compile_configuration_is_left_out():
    """Keras would build its loss and its optimizer, of any class."""
    config = {"class_name": "Sequential", "config": {"layers": []}, "compile_config": {"loss": {"class_name": "Evil"}}}
    assert "compile_config" not in admitted(config)


def test_names_of_inner_layers_become_valid_scopes():
    inner = {"class_name": "Dense", "config": {"name": "a b<", "units": 3}}
    outer = {"class_name": "TimeDistributed", "config": {"name": "t d", "layer": inner}}
    found = admitted(outer)
    assert (found["config"]["name"], found["config"]["layer"]["config"]["name"]) == ("t d", "dense")


def test_trust_keeps_a_lambda():
    entry = {"class_name": "Lambda", "config": {"name": "mine", "function": {"class_name": "__lambda__"}}}
    with pytest.raises(UntrustedError, match=r"has a Lambda layer \(mine\)"):
        admitted(entry)
    assert admitted(entry, trust=True)["config"] == entry["config"]


def test_trust_is_for_lambdas_only():
    with pytest.raises(ModelError, match=r"has a TFSMLayer .*, which runs a program outside the file"):
        admitted({"class_name": "TFSMLayer", "config": {"filepath": "x"}}, trust=True)


@pytest.mark.parametrize("key", ["seed"])
def test_a_seed_may_be_any_number(key):
    admitted({"class_name": "RandomFlip", "config": {key: 2**63}})


def test_a_graph_that_multiplies_its_calls_is_refused():
    """Each model calls the next ten times: 10 * 10 * 10 * 10 * 2 calls and more."""
    told = {"class_name": "Sequential", "config": {"layers": [{"class_name": "ReLU", "config": {}}]}}
    for _ in range(5):
        told = {
            "class_name": "Sequential",
            "config": {"layers": [{**told, "inbound_nodes": [[["in", 0, 0, {}]]] * 10}]},
        }
    with pytest.raises(ModelError, match="calls layers 100,000 times, more than the 20,000"):
        admitted(told)


def test_an_activation_of_another_package_is_not_taken_for_that_of_keras():
    def layer(**function):
        activation = {"module": "builtins", "class_name": "function", "registered_name": "function", **function}
        return {"class_name": "Activation", "config": {"name": "a", "activation": activation}}

    assert admitted(layer(config="relu"))["config"]["activation"] == "relu"
    assert admitted(layer(config="relu", registered_name="relu"))["config"]["activation"] == "relu"
    for function in (
        {"config": "relu", "registered_name": "evil>relu"},
        {"config": "evil>relu"},
        {"config": "relu", "module": "evil"},
        {"config": "relu", "registered_name": ["relu"]},
    ):
        with pytest.raises(ModelError, match="needs the code of"):
            admitted(layer(**function))


def test_an_activation_of_the_user_is_taken_by_its_registered_name():
    def mine(x):
        return x

    activation = {"module": "mine", "class_name": "function", "config": "relu", "registered_name": "mine>relu"}
    entry = {"class_name": "Activation", "config": {"name": "a", "activation": activation}}
    found = admitted(entry, custom={"mine>relu": mine, "relu": mine})
    assert found["config"]["activation"]["config"] == "mine>relu"
