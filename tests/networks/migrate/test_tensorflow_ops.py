import keras
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.migrate.tensorflow_ops import arguments, find
from tests.networks.old_files import called, layer, numbers, write_h5

X = numbers(2, 4, 4, 3)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def soft(x, axis):
    power = np.exp(x)
    return power / power.sum(axis, keepdims=True)


KNOWN = [
    ("math.multiply", {"y": 2.5}, X * 2.5),
    ("__operators__.add", {"y": 1}, X + 1),
    ("math.subtract", {"y": [0.5, 1.0, 2.0]}, X - np.array([0.5, 1, 2])),
    ("math.truediv", {"y": 127.5}, X / 127.5),
    ("compat.v1.nn.bias_add", {"bias": [1.0, 2.0, 3.0], "data_format": "NHWC"}, X + np.array([1, 2, 3])),
    ("math.reduce_mean", {"axis": [1, 2], "keepdims": True}, X.mean((1, 2), keepdims=True)),
    ("compat.v1.math.reduce_max", {"reduction_indices": -1}, X.max(-1)),
    ("nn.relu", {}, np.maximum(X, 0)),
    ("nn.relu6", {}, np.clip(X, 0, 6)),
    ("nn.leaky_relu", {"alpha": 0.3}, np.where(X > 0, X, 0.3 * X)),
    ("nn.leaky_relu", {}, np.where(X > 0, X, 0.2 * X)),
    ("nn.silu", {"beta": 1.0}, X * sigmoid(X)),
    ("math.sigmoid", {}, sigmoid(X)),
    ("nn.softmax", {"axis": 1}, soft(X, 1)),
    ("math.softplus", {}, np.log1p(np.exp(X))),
    ("linalg.l2_normalize", {"axis": 3}, X / np.sqrt((X**2).sum(-1, keepdims=True))),
    ("transpose", {"perm": [0, 2, 1, 3]}, X.transpose(0, 2, 1, 3)),
    ("reshape", {"shape": [-1, 8, 6]}, X.reshape(2, 8, 6)),
    ("expand_dims", {"axis": 1}, X[:, None]),
    ("compat.v1.pad", {"paddings": [[0, 0], [1, 0], [0, 2], [0, 0]], "mode": "REFLECT"},
     np.pad(X, [[0, 0], [1, 0], [0, 2], [0, 0]], "reflect")),
    ("clip_by_value", {"clip_value_min": -0.2, "clip_value_max": 0.3}, np.clip(X, -0.2, 0.3)),
    ("reverse", {"axis": [-1]}, X[..., ::-1]),
    ("tile", {"multiples": [1, 1, 2, 1]}, np.tile(X, (1, 1, 2, 1))),
    ("image.resize", {"size": [2, 2], "method": "nearest"}, X[:, 1::2, 1::2]),
    ("image.resize", {"size": [8, 8]}, None),
    ("__operators__.getitem",
     {"slice_spec": [{"start": None, "stop": None, "step": None}, 2, {"start": 1, "stop": None, "step": 2}]},
     X[:, 2, 1::2]),
    ("__operators__.getitem",
     {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]}, X[..., ::-1]),
]  # fmt: skip


def through(tmp_path, function, node):
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    start = called(layer("InputLayer", "in", batch_input_shape=[None, 4, 4, 3], dtype="float32"))
    op = {**layer(kind, f"tf.{function}", function=function), "name": f"tf.{function}", "inbound_nodes": [node]}
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[f"tf.{function}", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "net", "layers": [start, op], **ends}}
    path = write_h5(tmp_path / "net.h5", config, {}, version="2.9.0")
    return np.asarray(open_model(path).model(X))


@pytest.mark.parametrize(("function", "kwargs", "wanted"), KNOWN)
def test_a_function_of_tensorflow_keeps_its_values(tmp_path, function, kwargs, wanted):
    if wanted is None:  # half-pixel centers, as TensorFlow 2 resizes
        wanted = np.asarray(keras.ops.image.resize(X, (8, 8), "bilinear"))
    np.testing.assert_allclose(through(tmp_path, function, ["in", 0, 0, {**kwargs, "name": None}]), wanted, atol=1e-5)


def test_a_constant_may_come_first_and_a_tensor_by_name(tmp_path):
    node = ["_CONSTANT_VALUE", -1, 2.0, {"y": ["in", 0, 0], "name": None}]
    np.testing.assert_allclose(through(tmp_path, "math.subtract", node), 2 - X, atol=1e-6)
    node = [["in", 0, 0, {"axis": -1}], ["in", 0, 0, {"axis": -1}]]
    np.testing.assert_allclose(through(tmp_path, "concat", node), np.concatenate([X, X], -1), atol=1e-6)


@pytest.mark.parametrize(
    ("function", "kwargs", "words"),
    [
        ("nn.depth_to_space", {}, "calls TensorFlow's nn.depth_to_space, which has no counterpart in Keras 3"),
        ("py_function", {"func": "os.system"}, "calls TensorFlow's py_function"),
        ("compat.v1.image.resize", {"size": [2, 2]}, "calls TensorFlow's compat.v1.image.resize"),
        ("nn.silu", {"beta": 2.0}, "nn.silu with beta=2.0, which Keras 3 does not support"),
        ("nn.relu", {"slope": 2.0}, "nn.relu with 'slope', which is unknown"),
        ("math.add", {}, "math.add without 'y'"),
        ("__operators__.getitem", {"slice_spec": ["x"]}, "is sliced by x"),
    ],
)
def test_unknown_functions_and_settings_are_refused(tmp_path, function, kwargs, words):
    with pytest.raises(ModelError) as caught:
        through(tmp_path, function, ["in", 0, 0, kwargs])
    assert words in str(caught.value)


def test_names_of_functions():
    assert find("compat.v1.nn.relu").class_name == "Relu"
    assert find("nope") is None
    with pytest.raises(ModelError, match="not in the table"):
        arguments("nope", "layer", [], {})
    with pytest.raises(ModelError, match="on 2 arguments"):
        arguments("nn.relu", "layer", [1, 2], {})


X = numbers(2, 4, 4, 3)
TYPE = {"T": {"type": "DT_FLOAT"}}


def through_node(tmp_path, op, constants=None, attr=None, sources=("in",), **settings):
    """Apply one node to X, as TensorFlow 2.2 stored it."""
    start = called(layer("InputLayer", "in", batch_input_shape=[None, 4, 4, 3], dtype="float32", sparse=False))
    node = {"name": "node", "op": op, "input": ["in", "node/y"], "attr": {**TYPE, **(attr or {})}}
    entry = layer("TensorFlowOpLayer", "node", dtype="float32", node_def=node, constants=constants or {}, **settings)
    entry = {**called(entry, *sources), "name": "tf_op_layer_node"}
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["tf_op_layer_node", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "net", "layers": [start, entry], **ends}}
    return np.asarray(open_model(write_h5(tmp_path / "net.h5", config, {}, version="2.3.0-tf")).model(X))


@pytest.mark.parametrize(
    ("op", "constants", "attr", "wanted"),
    [
        ("Mul", {"1": 2.5}, None, X * 2.5),
        ("Sub", {"0": 1.0}, None, 1 - X),
        ("RealDiv", {"1": [1.0, 2.0, 4.0]}, None, X / np.array([1, 2, 4])),
        ("LeakyRelu", None, {"alpha": {"f": 0.3}}, np.where(X > 0, X, 0.3 * X)),
        (
            "Mean",
            {"1": [1, 2]},
            {"keep_dims": {"b": True}, "Tidx": {"type": "DT_INT32"}},
            X.mean((1, 2), keepdims=True),
        ),
        ("Mean", {"1": [1, 2]}, {"keep_dims": {"b": False}}, X.mean((1, 2))),
        ("Transpose", {"1": [0, 2, 1, 3]}, None, X.transpose(0, 2, 1, 3)),
        ("BiasAdd", {"1": [1.0, 2.0, 3.0]}, {"data_format": {"s": "TkhXQw=="}}, X + np.array([1, 2, 3])),
        ("Relu", None, None, np.maximum(X, 0)),
    ],
)
def test_a_node_keeps_its_values(tmp_path, op, constants, attr, wanted):
    np.testing.assert_allclose(through_node(tmp_path, op, constants, attr), wanted, atol=1e-6)


def test_a_node_of_two_tensors(tmp_path):
    np.testing.assert_allclose(through_node(tmp_path, "Mul", sources=("in", "in")), X * X, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "constants", "attr", "words"),
    [
        ("ReadFile", None, None, "calls TensorFlow's ReadFile, which has no counterpart in Keras 3"),
        ("Relu", None, {"slope": {"f": 1}}, "is a node with the attribute 'slope'"),
        ("Mul", None, None, "calls math.multiply on 1 arguments instead of 2"),
        ("BiasAdd", {"1": [1.0]}, {"data_format": {"s": "TkNIVw=="}}, "nn.bias_add with data_format='NCHW'"),
        ("Mul", {"1": {"class_name": "TFSMLayer"}}, None, "has a constant that is not a number"),
        (3, None, None, "in an unknown form"),
    ],
)
def test_unknown_nodes_are_refused(tmp_path, op, constants, attr, words):
    with pytest.raises(ModelError) as caught:
        through_node(tmp_path, op, constants, attr)
    assert words in str(caught.value)
