import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.migrate.upgrade import upgrade
from tests.networks.old_files import called, conv, convolved, layer, numbers, write_h5

X = numbers(2, 6, 6, 3)
START = called(layer("InputLayer", "in", batch_input_shape=[None, 6, 6, 3], dtype="float32", sparse=False))
KERNEL = numbers(1, 1, 3, 3)
ARRAYS = {"conv": [("conv/kernel:0", KERNEL)]}


def model(layers, outputs=("minus", 0, 0), inputs=("in", 0, 0)):
    ends = {"input_layers": [list(inputs)], "output_layers": [list(outputs)]}
    return {"class_name": "Model", "config": {"name": "net", "layers": layers, **ends}}


def answer(tmp_path, config, arrays=ARRAYS, version="2.4.0"):
    return np.asarray(open_model(write_h5(tmp_path / "net.h5", config, arrays, version=version)).model(X))


def test_calls_and_branches_keep_their_order(tmp_path):
    shared = called(conv("conv", 3, 1, use_bias=False))
    shared["inbound_nodes"] = [[["in", 0, 0, {}]], [["conv", 0, 0, {}]]]
    minus = called(layer("Subtract", "minus"), ("conv", 1, 0), ("in", 0, 0))
    np.testing.assert_allclose(
        answer(tmp_path, model([START, shared, minus])), convolved(convolved(X, KERNEL), KERNEL) - X, atol=1e-5
    )


@pytest.mark.parametrize("counted_from", [0, 1])
def test_calls_of_a_sequential_are_counted_from_0_or_1(tmp_path, counted_from):
    square = conv("conv", 3, 1, use_bias=False, batch_input_shape=[None, 6, 6, 3])
    inner = {"class_name": "Sequential", "config": {"name": "block", "layers": [square]}, "name": "block"}
    inner["inbound_nodes"] = [[["in", 0, 0, {}]]]
    minus = called(layer("Subtract", "minus"), ("block", counted_from, 0), ("in", 0, 0))
    arrays = {"block": ARRAYS["conv"]}
    np.testing.assert_allclose(
        answer(tmp_path, model([START, inner, minus]), arrays), convolved(X, KERNEL) - X, atol=1e-5
    )
    last = model([START, inner], ("block", counted_from, 0))
    np.testing.assert_allclose(answer(tmp_path, last, arrays), convolved(X, KERNEL), atol=1e-5)


def test_settings_of_a_call_are_kept(tmp_path):
    noise = called(layer("Dropout", "drop", rate=0.5), "in", training=False)
    minus = called(layer("Subtract", "minus"), "drop", "in", mask=None)
    assert np.abs(answer(tmp_path, model([START, noise, minus]), {})).max() == 0


def test_tensors_in_the_settings_of_a_call(tmp_path):
    rows = called(layer("Reshape", "rows", target_shape=[12, 9]), "in")
    attend = layer("MultiHeadAttention", "attend", num_heads=1, key_dim=2, use_bias=False, query_shape=[None, 12, 9])
    attend.update(name="attend", inbound_nodes=[[["rows", 0, 0, {"value": ["rows", 0, 0], "key": None}]]])
    query, key, value, out = numbers(9, 1, 2), numbers(9, 1, 2, seed=1), numbers(9, 1, 2, seed=2), numbers(1, 2, 9)
    names = ("query", "key", "value", "attention_output")
    arrays = {"attend": [(f"attend/{n}/kernel:0", a) for n, a in zip(names, (query, key, value, out), strict=True)]}
    x = X.reshape(2, 12, 9)
    scores = np.exp((x @ query[:, 0]) @ (x @ key[:, 0]).swapaxes(1, 2) / np.sqrt(2))
    wanted = scores / scores.sum(-1, keepdims=True) @ (x @ value[:, 0]) @ out[0]
    seen = answer(tmp_path, model([START, rows, attend], ("attend", 0, 0)), arrays, version="2.8.0")
    np.testing.assert_allclose(seen, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "outputs", "words"),
    [
        ([START, called(layer("ReLU", "minus"), "absent")], ("minus", 0, 0), "which is not one of its layers"),
        (
            [START, called(layer("ReLU", "minus"), "in")],
            ("absent", 0, 0),
            "refers to absent|no inputs or no outputs|none",
        ),
        (
            [START, {**layer("ReLU", "minus"), "name": "minus", "inbound_nodes": [[]]}],
            ("minus", 0, 0),
            "called on nothing",
        ),
        ([START, START], ("in", 0, 0), "two of its layers have the same name"),
    ],
)
def test_invalid_graphs_are_refused(layers, outputs, words):
    with pytest.raises(ModelError, match=words):
        upgrade(model(layers, outputs), "2.4.0")


@pytest.mark.parametrize("where", ["kwargs", "constant"])
def test_a_call_builds_no_object_of_the_file(tmp_path, where):
    made = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    entry = layer("TFOpLambda", "minus", function="math.add")
    node = ["in", 0, 0, {"y": made}] if where == "kwargs" else ["_CONSTANT_VALUE", -1, made, {"y": ["in", 0, 0]}]
    entry.update(name="minus", inbound_nodes=[node])
    with pytest.raises(ModelError, match="its graph calls a layer with an object, a StringLookup"):
        answer(tmp_path, model([START, entry]), {})


def test_a_cyclic_graph_is_refused(tmp_path):
    layers = [START, called(layer("ReLU", "a"), "b"), called(layer("ReLU", "b"), "a")]
    with pytest.raises(ModelError) as caught:
        answer(tmp_path, model(layers, ("b", 0, 0)), {})
    assert len(str(caught.value).splitlines()) == 1
