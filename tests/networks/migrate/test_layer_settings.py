import keras
import numpy as np
import pytest

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.migrate.layer_settings import (
    check_known,
    for_training,
    layer_settings,
    policy,
    short,
    special,
)
from tests.networks.old_files import called, layer, numbers, write_h5

X = numbers(2, 4, 4, 3)
SHAPE = [None, 4, 4, 3]


def answer(tmp_path, *layers, version="1.2.2"):
    path = write_h5(tmp_path / "net.h5", {"class_name": "Sequential", "config": list(layers)}, {}, version=version)
    return np.asarray(open_model(path).model(X))


def test_paddings_of_keras_1(tmp_path):
    wanted = np.pad(X, [[0, 0], [1, 2], [0, 3], [0, 0]])
    for padding in ([1, 2, 0, 3], {"top_pad": 1, "bottom_pad": 2, "right_pad": 3}, [[1, 2], [0, 3]]):
        padded = answer(
            tmp_path, layer("ZeroPadding2D", "pad", padding=padding, dim_ordering="tf", batch_input_shape=SHAPE)
        )
        np.testing.assert_array_equal(padded, wanted)


MERGED = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
    "concat": lambda a, b: np.concatenate([a, b], axis=1),
}


@pytest.mark.parametrize("mode", MERGED)
def test_merges_of_keras_1(tmp_path, mode):
    start = called(layer("InputLayer", "in", batch_input_shape=SHAPE, input_dtype="float32", sparse=False))
    leak = called(layer("LeakyReLU", "leak", alpha=0.5), "in")
    settings = {"mode": mode, "concat_axis": 1, "dot_axes": -1, "mode_type": "raw", "output_shape": None}
    merge = called(layer("Merge", "both", **settings, output_shape_type="raw", arguments={}), "in", "leak")
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["both", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "net", "layers": [start, leak, merge], **ends}}
    path = write_h5(tmp_path / "net.h5", config, {}, version="1.2.2")
    wanted = MERGED[mode](X, np.where(X > 0, X, 0.5 * X))
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), wanted, atol=1e-6)


def test_merges_without_a_counterpart_are_refused():
    with pytest.raises(UntrustedError, match=r"has a Merge layer \(both\) with its own code"):
        special("both", "Merge", {"mode": "x", "mode_type": "lambda"}, add_change=print)
    with pytest.raises(ModelError, match="merges by mode='half'"):
        special("both", "Merge", {"mode": "half"}, add_change=print)
    with pytest.raises(ModelError, match="merges several networks"):
        special("both", "Merge", {"mode": "sum", "layers": [1]}, add_change=print)


def test_a_time_distributed_dense(tmp_path):
    dense = layer(
        "TimeDistributedDense", "rows", output_dim=2, input_dim=12, init="uniform", activation="relu", bias=True
    )
    rows = layer("Reshape", "reshape", target_shape=[4, 12], batch_input_shape=SHAPE)
    kernel, bias = numbers(12, 2), numbers(2)
    config = {"class_name": "Sequential", "config": [rows, dense]}
    arrays = {"reshape": [], "rows": [("rows_W:0", kernel), ("rows_b:0", bias)]}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="1.1.0")
    wanted = np.maximum(X.reshape(2, 4, 12) @ kernel + bias, 0)
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), wanted, atol=1e-5)


def test_dtype_policies():
    assert policy("float32") == "float32"
    assert policy({"class_name": "Policy", "config": {"name": "mixed_float16", "loss_scale": {}}}) == "mixed_float16"
    assert policy({"class_name": "PolicyV1", "config": {"name": "infer"}}) == "float32"


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("kernel_initializer", "glorot_uniform", "GlorotUniform"),
        ("kernel_initializer", "normal", "RandomNormal"),
        ("kernel_initializer", {"class_name": "Zeros", "config": {"dtype": "float32"}}, "Zeros"),
        ("kernel_regularizer", {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}}, "L1L2"),
        ("kernel_regularizer", {"name": "WeightRegularizer", "l2": 0.01}, None),
        ("kernel_constraint", {"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}}, "MaxNorm"),
        ("kernel_constraint", {"class_name": "Regularizer", "config": {}}, None),
        ("bias_regularizer", None, None),
    ],
)
def test_settings_for_training_are_left_out_if_unknown(key, value, kind):
    said = []
    kept = for_training(key, value, add_change=said.append)
    assert (kept and kept["class_name"]) == kind
    assert bool(said) == (kind is None and value is not None)
    if kept:
        assert keras.saving.deserialize_keras_object(kept)


@pytest.mark.parametrize(
    ("kind", "taken", "not_taken"),
    [
        ("Conv2D", {"filters", "kernel_size", "groups", "trainable", "dtype", "name"}, {"nb_filter", "args", "self"}),
        ("LSTM", {"units", "recurrent_activation", "return_sequences", "trainable"}, {"time_major"}),
        ("SpatialDropout2D", {"rate", "name"}, {"trainable"}),
        ("LayerScale", {"init_values", "projection_dim"}, {"filters"}),
    ],
)
def test_settings_of_layers(kind, taken, not_taken):
    assert taken <= layer_settings(kind)
    assert not not_taken & layer_settings(kind)


@pytest.mark.parametrize("kind", ["Lambda", "TFSMLayer", "StringLookup", "TextVectorization", "Layer", "Nope", "Input"])
def test_layers_that_a_file_may_not_have(kind):
    assert layer_settings(kind) is None
    with pytest.raises(
        ModelError,
        match=rf"(needs the code of '{kind}'|has a {kind} \(layer 'mine'\), which (runs a program|takes text))",
    ):
        check_known("mine", kind, {})


def test_objects_in_plain_settings_are_refused():
    check_known("conv", "Conv2D", {"filters": 3, "kernel_size": [3, 3], "activation": {"class_name": "ReLU"}})
    with pytest.raises(ModelError, match="has an unknown object as kernel_size"):
        check_known("conv", "Conv2D", {"kernel_size": [[{"class_name": "TFSMLayer"}]]})
    assert short("x" * 99) == "'" + "x" * 36 + "..."
