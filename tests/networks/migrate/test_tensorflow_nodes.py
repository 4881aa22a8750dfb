import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from tests.networks.old_files import called, layer, numbers, write_h5

X = numbers(2, 4, 4, 3)
TYPE = {"T": {"type": "DT_FLOAT"}}


def through(tmp_path, op, constants=None, attr=None, sources=("in",), **settings):
    """Send X through one node, as TensorFlow 2.2 stored it."""
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
def test_a_node_is_computed_as_it_was(tmp_path, op, constants, attr, wanted):
    np.testing.assert_allclose(through(tmp_path, op, constants, attr), wanted, atol=1e-6)


def test_a_node_of_two_tensors(tmp_path):
    np.testing.assert_allclose(through(tmp_path, "Mul", sources=("in", "in")), X * X, atol=1e-6)


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
def test_what_is_in_no_table_is_refused(tmp_path, op, constants, attr, words):
    with pytest.raises(ModelError) as caught:
        through(tmp_path, op, constants, attr)
    assert words in str(caught.value)
