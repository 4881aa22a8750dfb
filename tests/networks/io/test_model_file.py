import json
import socket
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError, OutputError, UntrustedError
from dreamfilters.networks import load
from dreamfilters.networks.io.model_file import convert, open_model
from tests.networks.old_files import called, conv, layer, numbers, write_h5

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def refused(path):
    """The one line with which a file is refused."""
    with pytest.raises(ModelError) as caught:
        open_model(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 320
    return message


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_cut_anywhere_is_refused_in_one_line(plain, save, name):
    path = save(plain, name)
    whole = path.read_bytes()
    size = len(whole)
    for length in (1, 7, 8, 9, 50, 200, size // 4, size // 2, 3 * size // 4, size - 23, size - 1):
        path.write_bytes(whole[:length])
        assert any(word in refused(path) for word in ("truncated", "not a Keras model", "cannot be opened"))
    path.write_bytes(whole)
    assert open_model(path).model.count_params() == plain.count_params()


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_with_wrong_bytes_is_refused_in_one_line_or_opens(plain, save, name):
    path = save(plain, name)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(12):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 20):
            content[at] = rng.integers(0, 256)
        path.write_bytes(bytes(content))
        try:
            open_model(path)
        except ModelError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("config.json", b"{", "Expecting property name"),
        ("config.json", b"[]", "its configuration is not that of a model"),
        ("config.json", None, "is an archive without config.json"),
        ("model.weights.h5", None, "model.weights.h5"),
        ("model.weights.h5", b"xx", "cannot be opened"),
        ("config.json", ("class_name", "Conv2D"), "has an object of the class InputLayer as layers"),
        ("config.json", ("class_name", "NoSuchModel"), "needs the code of 'NoSuchModel'"),
    ],
)
def test_an_edited_archive_is_refused(plain, save, tmp_path, member, content, words):
    path = save(plain, "model.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if isinstance(content, tuple):
        content = json.dumps({**json.loads(members[member]), content[0]: content[1]}).encode()
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        for name, data in {**members, member: content}.items():
            if data is not None:
                archive.writestr(name, data)
    assert words in refused(tmp_path / "other.keras")


def test_a_configuration_reaches_no_class_of_python(plain, save, tmp_path):
    """A configuration that names a function of the operating system is refused."""
    path = save(plain, "model.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = {"module": "os", "class_name": "system", "config": {"command": "true"}}
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as archive:
        for name, data in {**members, "config.json": json.dumps(config).encode()}.items():
            archive.writestr(name, data)
    refused(tmp_path / "evil.keras")


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_code_in_a_file_does_not_run_without_trust(save, name):
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Lambda(lambda x: x * 2.0), layers.Conv2D(1, 1)])
    path = save(model, name)
    with pytest.raises(
        UntrustedError, match=r"has a Lambda layer \(lambda.*\), which runs code from the file; use --tr"
    ):
        open_model(path)
    assert len(open_model(path, trust=True).model.layers) == 2


def test_a_file_in_a_folder_without_models_has_no_close_names(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.keras: no such file\. The folder has no models"):
        open_model(tmp_path / "absent.keras")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_is_read_once_and_never_by_keras(plain, save, monkeypatch, name):
    """The checked content is what is built: Keras receives a configuration, never the file."""
    path = save(plain, name)

    def forbidden(*_, **__):
        raise AssertionError

    for place, function in ((keras.models, "load_model"), (keras.saving, "load_model"), (socket.socket, "connect")):
        monkeypatch.setattr(place, function, forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    model = open_model(path).model
    x = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(plain(x)))


def test_trust_holds_for_one_call_and_not_for_a_file_name(save, tmp_path):
    """A file that replaces a trusted one needs trust again."""
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Lambda(lambda x: x * 2.0), layers.Conv2D(1, 1)])
    path = save(model, "model.keras")
    open_model(path, trust=True)
    with pytest.raises(UntrustedError):
        open_model(path)


def test_weights_that_are_not_finite_are_reported(plain, save):
    kernel, bias = plain.get_layer("conv2").get_weights()
    kernel[0, 0, 0, 0], bias[1] = np.nan, np.inf
    plain.get_layer("conv2").set_weights([kernel, bias])
    opened = open_model(save(plain, "model.keras"))
    assert opened.remark == "2 of its 6 weights contain NaN or infinity, first conv2/kernel"
    assert load(save(plain, "model.keras")).remark == opened.remark


def test_a_network_without_convolutions_opens(save):
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2, name="out")])
    assert load(save(model, "model.keras")).layer("out").dreamable


@pytest.mark.parametrize("name", ["x" * 5000 + ".h5", "a\0b.keras", "/".join(["x" * 200] * 100)])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(ModelError) as caught:
        load(name)
    assert len(str(caught.value).splitlines()) == 1


X = numbers(2, 6, 6, 3)


@pytest.fixture
def old(tmp_path):
    """Several changes at once: a nested model, an operation, hard_sigmoid, LeakyReLU."""
    start = called(layer("InputLayer", "in", batch_input_shape=[None, 6, 6, 3], dtype="float32", sparse=False))
    first = called(conv("conv", 4, 3, activation="hard_sigmoid"), "in")
    twice = layer("TFOpLambda", "tf.math.multiply", function="math.multiply")
    twice.update(name="tf.math.multiply", inbound_nodes=[["conv", 0, 0, {"y": -1.5, "name": None}]])
    last = called(layer("LeakyReLU", "leak", alpha=0.3), "tf.math.multiply")
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["leak", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "net", "layers": [start, first, twice, last], **ends}}
    arrays = {"conv": [("conv/kernel:0", numbers(3, 3, 3, 4)), ("conv/bias:0", numbers(4))]}
    return write_h5(tmp_path / "old.h5", config, arrays, version="2.9.0")


def test_a_converted_network_computes_the_same_in_keras_alone(old, tmp_path):
    new = tmp_path / "new.keras"
    changes = convert(old, new)
    before, after = open_model(old), open_model(new)
    assert changes == before.changes
    assert any("hard_sigmoid" in said for said in changes)
    assert after.changes == ()
    np.testing.assert_array_equal(np.asarray(after.model(X)), np.asarray(before.model(X)))
    assert np.asarray(after.model(X)).max() <= 0
    assert load(new).fingerprint == load(old).fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["old.h5", "new.keras"] or len(list(tmp_path.iterdir())) == 2


def test_layers_are_written_as_json(old, tmp_path):
    told = tmp_path / "layers.json"
    assert convert(old, told) == ()
    layers = json.loads(told.read_text())
    assert layers["keras_version"] == "2.9.0"
    layers["config"]["layers"][-1]["config"]["alpha"] = 0.5
    told.write_text(json.dumps(layers))
    changed = np.asarray(open_model(old, architecture=told).model(X))
    np.testing.assert_allclose(changed, np.asarray(open_model(old).model(X)) * 0.5 / 0.3, rtol=1e-5)
    convert(old, tmp_path / "new.keras", architecture=told)
    np.testing.assert_array_equal(np.asarray(open_model(tmp_path / "new.keras").model(X)), changed)


def test_an_existing_file_is_not_replaced(old, tmp_path):
    (tmp_path / "new.keras").write_text("mine")
    with pytest.raises(OutputError, match=r"new\.keras: exists already; use --force to replace it"):
        convert(old, tmp_path / "new.keras")
    assert (tmp_path / "new.keras").read_text() == "mine"
    convert(old, tmp_path / "new.keras", force=True)
    assert open_model(tmp_path / "new.keras").changes == ()


def test_errors_of_writing_are_one_line(old, tmp_path):
    with pytest.raises(OutputError, match=r"must end in \.keras for a network, or in \.json for its layers only"):
        convert(old, tmp_path / "new.h5")
    with pytest.raises(OutputError, match="cannot be written"):
        convert(old, tmp_path / "no" / "new.keras")
    with pytest.raises(ModelError, match="no such file"):
        convert(tmp_path / "absent.h5", tmp_path / "new.keras")
    weights = write_h5(tmp_path / "weights.h5", None, {})
    with pytest.raises(ModelError, match="holds weights without"):
        convert(weights, tmp_path / "layers.json")
    assert not list(tmp_path.glob(".new*")) + list(tmp_path.glob(".layers*"))
