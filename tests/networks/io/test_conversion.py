import json

import numpy as np
import pytest

from dreamfilters.errors import ModelError, OutputError
from dreamfilters.networks import load
from dreamfilters.networks.io.conversion import convert
from dreamfilters.networks.io.model_file import open_model
from tests.networks.old_files import called, conv, layer, numbers, write_h5

X = numbers(2, 6, 6, 3)


@pytest.fixture
def old(tmp_path):
    """Every way of a change at once: a nested model, an operation, hard_sigmoid, LeakyReLU."""
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
    done = convert(old, tmp_path / "new.keras")
    before, after = open_model(old), open_model(done.path)
    assert done.changes == before.changes
    assert any("hard_sigmoid" in said for said in done.changes)
    assert after.changes == ()
    np.testing.assert_array_equal(np.asarray(after.model(X)), np.asarray(before.model(X)))
    assert np.asarray(after.model(X)).max() <= 0
    assert load(done.path).fingerprint == load(old).fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["old.h5", "new.keras"] or len(list(tmp_path.iterdir())) == 2


def test_the_layers_alone(old, tmp_path):
    told = convert(old, tmp_path / "layers.json").path
    layers = json.loads(told.read_text())
    assert layers["keras_version"] == "2.9.0"
    layers["config"]["layers"][-1]["config"]["alpha"] = 0.5
    told.write_text(json.dumps(layers))
    changed = np.asarray(open_model(old, architecture=told).model(X))
    np.testing.assert_allclose(changed, np.asarray(open_model(old).model(X)) * 0.5 / 0.3, rtol=1e-5)
    convert(old, tmp_path / "new.keras", architecture=told)
    np.testing.assert_array_equal(np.asarray(open_model(tmp_path / "new.keras").model(X)), changed)


def test_what_is_there_is_kept(old, tmp_path):
    (tmp_path / "new.keras").write_text("mine")
    with pytest.raises(OutputError, match=r"new\.keras: exists already; use --force to replace it"):
        convert(old, tmp_path / "new.keras")
    assert (tmp_path / "new.keras").read_text() == "mine"
    convert(old, tmp_path / "new.keras", force=True)
    assert open_model(tmp_path / "new.keras").changes == ()


def test_what_cannot_be_written(old, tmp_path):
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
