import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.io.model_file import convert
from dreamfilters.networks.io.traced_models import traced
from dreamfilters.networks.loading import network_of

X = np.random.default_rng(0).random((2, 8, 8, 3), "float32")


class Net(keras.Model):
    """Two layers of the same name, an operation named like a layer, a branch for training."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.first, self.second = layers.Conv2D(4, 3, name="conv"), layers.Conv2D(4, 1, name="conv")
        self.norm, self.drop = layers.BatchNormalization(name="norm"), layers.Dropout(0.5, name="drop")
        self.average, self.out = layers.GlobalAveragePooling2D(name="average"), layers.Dense(3, name="add")

    def call(self, x, training=None):
        x = self.norm(self.first(x), training=training)
        x = self.drop(self.second(x), training=training) + 1.0
        if training:
            x = x * 0.0
        return ops.softmax(self.out(self.average(x)))


class Outer(keras.Model):
    def __init__(self):
        super().__init__(name="outer")
        self.inner, self.out = Net(name="inner"), layers.Dense(2, name="out")

    def call(self, x):
        return self.out(self.inner(x))


REASONS = {"tensorflow": "A KerasTensor cannot be used as input to a TensorFlow function)", "jax": "Triggering "}


class InTheBackend(keras.Model):
    """The functions of a backend take no symbolic input of Keras, so only the whole model can be called."""

    def __init__(self):
        super().__init__(name="opaque")
        self.conv = layers.Conv2D(4, 3)

    def call(self, x):
        x = self.conv(x)
        if keras.backend.backend() == "jax":
            from jax import nn, numpy as jnp

            return nn.softmax(jnp.mean(x, (1, 2)))
        import tensorflow as tf

        return tf.nn.softmax(tf.reduce_mean(x, [1, 2]))


class Pair(keras.Model):
    def __init__(self):
        super().__init__(name="pair")
        self.conv, self.average = layers.Conv2D(4, 3, name="conv"), layers.GlobalAveragePooling2D(name="average")

    def call(self, inputs):
        found = self.average(self.conv(inputs["image"]))
        return {"class": ops.softmax(found), "scaled": found * ops.mean(inputs["meta"])}


LAYERS = ["conv#0", "norm", "conv#1", "drop", "add_1", "average", "add", "softmax"]


def called(model, x=X):
    model(x)
    return model


def last_of(network, x=X):
    name = network.layers[-1].name
    return np.asarray(network.watch(frozenset({name}))(x)[name])


def test_a_subclassed_model_has_all_its_layers_and_its_values():
    keras.utils.set_random_seed(1)
    model = called(Net(name="net"))
    for weight in model.weights:
        weight.assign(weight + 0.1)
    network = load(model)
    assert [info.name for info in network.layers] == LAYERS
    assert (network.name, network.form.size, network.classes) == ("net", (8, 8), ("0", "1", "2"))
    np.testing.assert_allclose(last_of(network), np.asarray(model(X)), atol=1e-6)
    assert [layer.name for layer in model.layers] == ["conv", "conv", "norm", "drop", "average", "add"]
    assert model.first.kernel is network.graph.by_name["conv#0"].operation.kernel


@pytest.mark.parametrize(("form", "channels"), [(None, 3), ({"order": "gray"}, 1)])
def test_a_model_that_was_never_called_is_built_at_the_given_size(form, channels):
    plain = (layers.Conv2D(4, 3), layers.Flatten())
    for make in (lambda: Net(name="net"), lambda: keras.Sequential(plain, name="net")):
        with pytest.raises(
            ModelError, match=r"^net: was never called, so its input size is unknown; give it with --input-size HxW or"
        ):
            load(make())
        network = load(make(), size=(6, 8), form=form)
        assert network.graph.input_shape == (6, 8, channels)
        image = np.ones((1, 6, 8, channels), "float32")
        np.testing.assert_allclose(last_of(network, image), np.asarray(network.model(image)), atol=1e-6)


def test_a_subclassed_model_inside_another_one_is_opened():
    model = called(Outer())
    assert [info.name for info in load(model).layers] == [*(f"inner/{name}" for name in LAYERS), "out"]
    sequential = called(keras.Sequential([layers.Rescaling(1 / 255), Net(name="inner")]))
    network = load(sequential)
    assert [info.name for info in network.layers][1:] == [f"inner/{name}" for name in LAYERS]
    np.testing.assert_allclose(last_of(network), np.asarray(sequential(X)), atol=1e-6)
    assert network.form.scale == 255


def test_what_cannot_be_traced_is_one_layer_and_says_why():
    model = called(InTheBackend())
    network = load(model)
    assert network.remark.startswith(
        f"only the output of opaque is shown, because its call cannot be traced ({REASONS[keras.backend.backend()]}"
    )
    assert [info.name for info in network.layers] == ["opaque"]
    np.testing.assert_allclose(last_of(network), np.asarray(model(X)), atol=1e-6)
    with pytest.raises(ModelError, match=r"^opaque: cannot be called on an input of \(None, 2, 2, 3\): "):
        load(InTheBackend(), size=2)


def test_inputs_in_a_dictionary_have_the_names_of_its_keys():
    network = load(called(Pair(), {"image": X, "meta": np.ones((2, 3), "float32")}))
    assert network.graph.held == ("meta",)
    assert network.graph.input_shape == (8, 8, 3)
    assert load(network.model, output="scaled").output == "scaled"


@pytest.mark.filterwarnings("ignore:input form of")
def test_the_same_model_has_the_same_graph_and_is_not_kept():
    model = called(Net(name="net"))
    first = traced(model)
    assert traced(model) is first
    assert network_of(model) is network_of(model)
    sequential = keras.Sequential([layers.Conv2D(4, 3, name="conv")])
    assert len(load(sequential, size=8).layers) == 1
    sequential.add(layers.Conv2D(2, 3, name="second"))
    assert [info.name for info in load(sequential, size=8).layers] == ["conv", "second"]
    gone = weakref.ref(model)
    del model, first
    gc.collect()
    assert gone() is None


def test_conversion_writes_the_layers_of_a_subclassed_model(save, tmp_path, monkeypatch):
    """The new file needs no code."""
    (tmp_path / "net_of_mine.py").write_text(
        "import keras\n\n@keras.saving.register_keras_serializable('mine')\nclass Small(keras.Model):\n"
        "    def __init__(self, **settings):\n        super().__init__(**settings)\n"
        "        self.conv = keras.layers.Conv2D(2, 3)\n\n"
        "    def call(self, x):\n        return keras.ops.relu(self.conv(x)) + 1.0\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    model = called(__import__("net_of_mine").Small())
    path = save(model, "small.keras")
    assert [info.name for info in load(path, imports="net_of_mine").layers] == ["conv2d", "relu", "add"]
    convert(path, tmp_path / "plain.keras", imports=["net_of_mine"])
    keras.saving.get_custom_objects().pop("mine>Small")
    network = load(tmp_path / "plain.keras")
    np.testing.assert_allclose(last_of(network), np.asarray(model(X)), atol=1e-6)
