import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.io.config.custom_objects import custom_objects
from dreamfilters.networks.io.model_file import convert, open_model

X = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
CODE = '''
import keras
from keras import layers, ops

@keras.saving.register_keras_serializable("mine")
def bend(x):
    return ops.sin(x)

@keras.saving.register_keras_serializable("mine")
class Tenth(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return 0.1 * ops.ones(shape, dtype)

class Scale(layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(name="factor", shape=(shape[-1],))

    def call(self, x):
        return x * self.factor

    def save_own_variables(self, store):
        store["factor"] = self.factor

    def load_own_variables(self, store):
        self.factor.assign(store["factor"])

@keras.saving.register_keras_serializable("mine")
class Block(layers.Layer):
    """It has layers in every place that Keras stores: an attribute, a list, a model, and its own settings."""

    def __init__(self, inner, **settings):
        super().__init__(**settings)
        self.inner = keras.saving.deserialize_keras_object(inner) if isinstance(inner, dict) else inner
        self.convolutions = [layers.Conv2D(4, 3, padding="same", activation="relu") for _ in range(2)]
        self.body = keras.Sequential([layers.Conv2D(4, 1), layers.BatchNormalization()])
        self.scale = Scale()

    def call(self, x):
        for convolution in self.convolutions:
            x = convolution(x)
        return self.scale(self.body(self.inner(x)))

    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

@keras.saving.register_keras_serializable("mine")
class Trained(keras.Model):
    def train_step(self, data):
        return super().train_step(data)
'''


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A module in the current folder, which is forgotten before a file is opened."""
    (tmp_path / "layers_of_mine.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("layers_of_mine")

    def forget():
        sys.modules.pop("layers_of_mine", None)
        for name in [name for name in keras.saving.get_custom_objects() if name.startswith("mine>")]:
            keras.saving.get_custom_objects().pop(name)

    module.forget = forget
    yield module
    forget()


def network_with(code):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = code.Block(keras.layers.Conv2D(4, 1, activation=code.bend), name="block")(image)
    x = keras.layers.Conv2D(2, 1, activation=code.bend, kernel_initializer=code.Tenth(), name="last")(x)
    x = keras.layers.Lambda(code.bend, name="by_name")(x)
    model = code.Trained(image, x, name="net")
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).random(weight.shape))
    return model


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_a_file_with_custom_classes_opens_with_their_module(code, save, name):
    model = network_with(code)
    path, expected = save(model, name), np.asarray(model(X))
    code.forget()
    opened = open_model(path, imports=["layers_of_mine"]).model
    assert type(opened).__name__ == "Trained"
    np.testing.assert_allclose(np.asarray(opened(X)), expected, atol=1e-6)
    assert [layer.name for layer in load(path, imports="layers_of_mine").layers] == ["block", "last", "by_name"]


def test_the_refusal_names_the_module_and_the_option(code, save):
    path = save(network_with(code), "net.keras")
    code.forget()
    for trust in (False, True):  # trust alone imports nothing
        with pytest.raises(ModelError) as caught:
            load(path, trust=trust)
        assert str(caught.value).partition(". ")[0] == (
            f"{path}: needs the code of 'Trained', which is not in the file (layer 'net'); name the module that "
            "defines it, if you trust it: --import layers_of_mine (imports=['layers_of_mine'])"
        )
    assert "layers_of_mine" not in sys.modules


def test_trust_allows_what_the_process_registered(code, save):
    path = save(network_with(code), "net.keras")
    with pytest.raises(ModelError, match="needs the code of 'Trained'"):
        load(path)
    np.testing.assert_allclose(
        np.asarray(load(path, trust=True).model(X)), np.asarray(network_with(code)(X)), atol=1e-6
    )


def test_a_module_without_the_class_is_named(code, save, tmp_path):
    path = save(network_with(code), "net.keras")
    code.forget()
    (tmp_path / "others_of_mine.py").write_text("import keras\n\nclass Trainer(keras.layers.Layer):\n    pass\n")
    with pytest.raises(ModelError, match=r"'Trained'.* --import layers_of_mine \(.*\)\. Close names: Trainer"):
        load(path, imports=["others_of_mine"])


def test_a_file_imports_nothing_and_takes_no_function_of_a_module(code, save, tmp_path):
    """The module is trusted, the file is not: it reaches layers, initializers and registered functions only."""
    path = save(network_with(code), "net.keras")
    code.forget()
    (tmp_path / "named_by_the_file.py").write_text("raise SystemExit")
    for words in (("mine>bend", "keras"), ('"class_name": "Tenth"', '"class_name": "named_by_the_file"')):
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(tmp_path / "edited.keras", "w") as after:
            for name in before.namelist():
                content = before.read(name)
                edited = content.replace(*(word.encode() for word in words)) if name == "config.json" else content
                after.writestr(name, edited.replace(b"mine>Tenth", b"named_by_the_file"))
        with pytest.raises(ModelError, match="needs the code of"):
            load(tmp_path / "edited.keras", imports=["layers_of_mine"])


def test_names_of_modules_that_cannot_be_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fails_at_once.py").write_text("1 / 0")
    for name, words in {
        "nowhere_at_all": "--import nowhere_at_all: nowhere_at_all cannot be imported from",
        "folder/my_layers.py": "must be the name of a module such as my_layers, not a file",
        "my_layers.py": "such as my_layers, not a file",
        "fails_at_once": r"the code fails with a ZeroDivisionError: division by zero \(fails_at_once\.py, line 1\)",
    }.items():
        with pytest.raises(ModelError, match=words):
            custom_objects([name])


def test_classes_of_keras_stay_those_of_keras(code):
    """A module imports them, and its own class could have the name of one."""
    code.Dense = keras.layers.Dense
    assert "Dense" not in custom_objects(["layers_of_mine"])
    assert custom_objects(["layers_of_mine"]).keys() >= {"Scale", "Block", "mine>Block", "mine>bend"}
    assert custom_objects() == {}


def test_conversion_keeps_custom_layers(code, save, tmp_path):
    path = save(network_with(code), "net.h5")
    code.forget()
    convert(path, tmp_path / "new.keras", imports=["layers_of_mine"])
    stored = json.loads(zipfile.ZipFile(tmp_path / "new.keras").read("config.json"))
    assert stored["registered_name"] == "mine>Trained"
