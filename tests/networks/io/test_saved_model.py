import json
import warnings

import keras
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.io.model_file import open_model
from tests.networks.old_files import called, conv, convolved, layer, numbers

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which writes these files, is not installed")

X = numbers(2, 6, 6, 3)
FIRST, SECOND, BIAS = numbers(2, 2, 3, 3), numbers(3, 3, 3, 1), numbers(3)
SHAPE = {"class_name": "__tuple__", "items": [None, 6, 6, 3]}


def field(number, value):
    """One field of a message: a number, or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value):
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def description():
    """A DepthwiseConv2D behind a nested model, as `keras_metadata.pb` describes it."""
    start = called(layer("InputLayer", "in", batch_input_shape=SHAPE, dtype="float32", sparse=False, ragged=False))
    stored = called(conv("inside", 3, 2, activation="relu"), "in")
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["inside", 0, 0]]}
    nested = {"class_name": "Functional", "config": {"name": "nested", "layers": [start, stored], **ends}}
    depthwise = layer("DepthwiseConv2D", "deep", kernel_size=[3, 3], groups=1, use_bias=False, depth_multiplier=1)
    config = {"name": "net", "layers": [nested, layer("LeakyReLU", "leak", alpha=0.5), depthwise]}
    return {"class_name": "Sequential", "config": config, "keras_version": "2.5.0"}


@pytest.fixture
def folder(tmp_path):
    """A SavedModel folder without its program, which is not read."""
    inside = tf.train.Checkpoint(kernel=tf.Variable(FIRST), bias=tf.Variable(BIAS))
    nested = tf.train.Checkpoint(**{"layer_with_weights-0": inside})
    deep = tf.train.Checkpoint(depthwise_kernel=tf.Variable(SECOND))
    optimizer = tf.train.Checkpoint(step=tf.Variable(3))
    root = {"layer_with_weights-0": nested, "layer_with_weights-1": deep, "optimizer": optimizer}
    path = tmp_path / "saved"
    tf.train.Checkpoint(**root).write(str(path / "variables" / "variables"))
    (path / "saved_model.pb").touch()
    node = field(2, 0) + field(3, b"root") + field(5, json.dumps(description()).encode())
    other = field(2, 1) + field(3, b"root.layer-0") + field(5, b"{}")
    (path / "keras_metadata.pb").write_bytes(field(1, node) + field(1, other))
    return path


def wanted():
    x = np.maximum(convolved(X, FIRST, BIAS), 0)
    return np.concatenate([convolved(x[..., c : c + 1], SECOND[:, :, c : c + 1]) for c in range(3)], axis=-1)


def test_a_folder_with_metadata(folder):
    """E8: with the state of an optimizer, and variables inside nested models."""
    opened = open_model(folder)
    np.testing.assert_allclose(np.asarray(opened.model(X)), wanted(), atol=1e-5)
    assert "alpha of LeakyReLU is called negative_slope now" in opened.changes
    assert load(folder).name == "saved"


def test_line_ends_changed_by_git_on_windows_are_restored(folder):
    path = folder / "keras_metadata.pb"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_allclose(np.asarray(open_model(folder).model(X)), wanted(), atol=1e-5)


def test_a_folder_of_tensorflow_2_0_to_2_4(folder):
    """In these versions, the first object of the program's graph has the description."""
    (folder / "keras_metadata.pb").unlink()
    user = field(1, b"_tf_keras_sequential") + field(3, json.dumps(description()).encode())
    objects = field(1, field(4, user)) + field(1, field(4, field(3, b"{}")))
    (folder / "saved_model.pb").write_bytes(field(1, 1) + field(2, field(7, objects)))
    np.testing.assert_allclose(np.asarray(open_model(folder).model(X)), wanted(), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("keras_metadata.pb", b"", "is a SavedModel without Keras layers"),
        ("keras_metadata.pb", b"\x0a\xff\xff", "its description of the layers is damaged"),
        ("keras_metadata.pb", field(1, field(3, b"root") + field(5, b"{")), "its configuration is not JSON"),
        ("keras_metadata.pb", field(1, field(3, b"root") + field(5, b"{}")), "without the configuration of its layers"),
        ("keras_metadata.pb", field(1, field(3, b"root") + field(5, b"[" * 100_000)), "configuration is not JSON"),
        ("variables/variables.index", None, "has no variables/variables.index"),
        ("variables/variables.index", b"x", "cannot be opened"),
        ("variables/variables.data-00000-of-00001", b"", "its checkpoint claims that"),
    ],
)
def test_damaged_folders_are_refused_in_one_line(folder, name, content, words):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        open_model(folder)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_keras_3_exports_has_no_layers(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(1, 2)])
    tf.saved_model.save(model, str(tmp_path / "saved"))
    with pytest.raises(ModelError, match="is a SavedModel without Keras layers"):
        open_model(tmp_path / "saved")


def test_what_the_error_of_an_exported_folder_says_works(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny.export("exported", verbose=False)
    with pytest.raises(ModelError) as raised:
        load("exported")
    line = str(raised.value)
    assert line.startswith(
        "exported: is a SavedModel without Keras layers, as model.export writes it; use model.save('"
    )
    call = line.partition("; use ")[2]
    exec(call, {"model": tiny})
    assert load(call.split("'")[1]).name == "NAME"
