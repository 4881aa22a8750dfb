import json

import numpy as np
import pytest

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks import load
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.migrate.upgrade import upgrade
from tests.networks.old_files import called, conv, convolved, layer, numbers, write_h5

KERNEL, BIAS = numbers(3, 3, 3, 4), numbers(4)
X = numbers(2, 8, 8, 3, seed=1)
SEEN = convolved(X, KERNEL, BIAS)  # (2, 6, 6, 4)
ARRAYS = {"conv": [("conv/kernel:0", KERNEL), ("conv/bias:0", BIAS)]}
SHAPE = [None, 8, 8, 3]


def answer(path, x=X, **how):
    return np.asarray(open_model(path, **how).model(x, training=False))


def sequential(*layers):
    return {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def test_a_sequential_without_an_input_layer(tmp_path):
    """E1: as tf.keras 2.2.4 and Keras 2.3 wrote it."""
    config = sequential(
        conv("conv", 4, 3, batch_input_shape=SHAPE, dtype="float32"), layer("LeakyReLU", "leak", alpha=0.1)
    )
    path = write_h5(tmp_path / "net.h5", config, {**ARRAYS, "leak": []}, version="2.2.4-tf")
    np.testing.assert_allclose(answer(path), leaky(SEEN, 0.1), atol=1e-5)
    assert open_model(path).changes == (
        "alpha of LeakyReLU is called negative_slope now",
        "the input of a Sequential became a layer of its own",
    )
    assert load(path).form.size == (8, 8)


def test_a_sequential_that_is_a_bare_list(tmp_path):
    """E2: Keras until 2.2.2."""
    layers = [conv("conv", 4, 3, batch_input_shape=SHAPE), layer("ThresholdedReLU", "cut", theta=0.4)]
    path = write_h5(tmp_path / "net.h5", {"class_name": "Sequential", "config": layers}, ARRAYS, version="2.1.6")
    np.testing.assert_allclose(answer(path), SEEN * (SEEN > 0.4), atol=1e-5)


def test_initializers_with_a_number_type(tmp_path):
    """E3: tf.keras 1.13 to 2.0."""
    initializer = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
    norm = layer("BatchNormalization", "norm", axis=[3], epsilon=0.5, momentum=0.9, center=True, scale=True)
    norm["config"].update(gamma_initializer={"class_name": "Ones", "config": {"dtype": "float32"}}, fused=None)
    config = sequential(conv("conv", 4, 3, batch_input_shape=SHAPE, kernel_initializer=initializer), norm)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (numbers(4, seed=seed) for seed in range(4))
    arrays = {
        **ARRAYS,
        "norm": [(f"norm/{n}:0", a) for n, a in zip(names, (gamma, beta, mean, variance**2), strict=True)],
    }
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.2.4-tf")
    wanted = (SEEN - mean) / np.sqrt(variance**2 + 0.5) * gamma + beta
    np.testing.assert_allclose(answer(path), wanted, atol=1e-5)


def test_a_depthwise_layer_of_tensorflow_2_3(tmp_path):
    """E6a."""
    depthwise = layer(
        "DepthwiseConv2D", "deep", kernel_size=[3, 3], depth_multiplier=2, groups=1, strides=[2, 2], padding="valid",
        kernel_initializer={"class_name": "GlorotUniform", "config": {}}, kernel_regularizer=None,
        kernel_constraint=None, use_bias=False, activation="relu", batch_input_shape=SHAPE,
    )  # fmt: skip
    kernel = numbers(3, 3, 3, 2)
    arrays = {"deep": [("deep/depthwise_kernel:0", kernel)]}
    path = write_h5(tmp_path / "net.h5", sequential(depthwise), arrays, version="2.4.0")
    each = [convolved(X[..., c : c + 1], kernel[:, :, c : c + 1], stride=2) for c in range(3)]
    np.testing.assert_allclose(answer(path), np.maximum(np.concatenate(each, axis=-1), 0), atol=1e-5)
    depthwise["config"]["groups"] = 3
    write_h5(path, sequential(depthwise), arrays, version="2.4.0")
    with pytest.raises(
        ModelError, match=r"its layer deep \(DepthwiseConv2D\) has groups=3, which Keras 3 does not support"
    ):
        open_model(path)


def functional(name, layers, outputs):
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[*output] for output in outputs]}
    return {"class_name": "Functional", "config": {"name": name, "layers": layers, **ends}}


def test_a_model_in_a_model_called_twice(tmp_path):
    """E6b: its calls are counted from 1, and its only output is in a list."""
    start = called(layer("InputLayer", "in", batch_input_shape=SHAPE, dtype="float32", sparse=False, ragged=False))
    square = {"batch_input_shape": SHAPE, "dtype": "float32", "sparse": False}
    inner = functional(
        "block", [called(layer("InputLayer", "in", **square)), called(conv("c", 3, 1), "in")], [("c", 0, 0)]
    )
    inner["config"]["output_layers"] = [["c", 0, 0]]
    twice = {**inner, "name": "block", "inbound_nodes": [[["in", 0, 0, {}]], [["block", 1, 0, {}]]]}
    minus = called(layer("Subtract", "minus", dtype="float32"), ("block", 2, 0), ("block", 1, 0))
    path = tmp_path / "net.h5"
    kernel, bias = numbers(1, 1, 3, 3), numbers(3)
    arrays = {"block": [("c/kernel:0", kernel), ("c/bias:0", bias)]}
    write_h5(path, functional("net", [start, twice, minus], [("minus", 0, 0)]), arrays, version="2.4.0")
    once = convolved(X, kernel, bias)
    np.testing.assert_allclose(answer(path), convolved(once, kernel, bias) - once, atol=1e-5)
    write_h5(path, functional("net", [start, twice], [("block", 2, 0)]), arrays, version="2.4.0")
    np.testing.assert_allclose(answer(path), convolved(once, kernel, bias), atol=1e-5)


def test_weights_with_a_separate_json(tmp_path):
    """E7, E7b: neither is enough; `load` takes both."""
    path = write_h5(tmp_path / "weights.h5", None, ARRAYS, version="2.3.1")
    with pytest.raises(
        ModelError, match=r"holds weights without the network's layers; give the JSON .* --architecture"
    ):
        open_model(path)
    told = tmp_path / "model.json"
    layers = [conv("other", 4, 3, batch_input_shape=SHAPE), layer("Activation", "act", activation="hard_sigmoid")]
    told.write_text(json.dumps(json.dumps({**sequential(*layers), "keras_version": "2.3.1", "backend": "tensorflow"})))
    wanted = np.clip(0.2 * SEEN + 0.5, 0, 1)  # Keras 3 has a slope of 1/6
    np.testing.assert_allclose(answer(path, architecture=told), wanted, atol=1e-5)
    assert load(path, architecture=told).name == "weights"
    with pytest.raises(ModelError, match="goes with a file of weights, which signs is not"):
        load("signs", architecture=told)


def test_weights_that_do_not_match_the_json(tmp_path):
    told = tmp_path / "model.json"
    path = write_h5(tmp_path / "weights.h5", None, ARRAYS, version="2.3.1")
    for layers, words in {
        (("conv", 4, 2),): r"its weights for conv are \(3, 3, 3, 4\), \(4,\), the layer takes \(2, 2, 3, 4\), \(4,\)",
        (("conv", 4, 3), ("more", 4, 1)): "its weights are for 1 layers, the network has 2 with weights",
    }.items():
        entries = [conv(name, filters, size, batch_input_shape=SHAPE) for name, filters, size in layers]
        told.write_text(json.dumps({**sequential(*entries), "keras_version": "2.3.1"}))
        with pytest.raises(ModelError, match=words):
            open_model(path, architecture=told)


@pytest.mark.parametrize("text", ["", "[1]", "{}", "yaml: no", '{"class_name": 3}'])
def test_an_invalid_architecture_is_refused(tmp_path, text):
    path = write_h5(tmp_path / "weights.h5", None, ARRAYS)
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        open_model(path, architecture=tmp_path / "model.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_recurrent_layer_of_keras_2(tmp_path):
    """E9, and a GRU of Keras 2.0, which had no `reset_after` and another default."""
    gru = layer("GRU", "gru", units=2, implementation=1, recurrent_activation="hard_sigmoid", activation="tanh",
                use_bias=True, time_major=False, return_sequences=False)  # fmt: skip
    config = sequential(layer("Reshape", "rows", target_shape=[8, 24], batch_input_shape=SHAPE), gru)
    kernel, recurrent, bias = numbers(24, 6), numbers(2, 6), numbers(6)
    arrays = {"gru": [("gru/kernel:0", kernel), ("gru/recurrent_kernel:0", recurrent), ("gru/bias:0", bias)]}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.0.8")
    state = np.zeros((2, 2), "float32")
    for x in X.reshape(2, 8, 24).swapaxes(0, 1):
        given = x @ kernel + bias
        update, reset = (
            np.clip(0.2 * (given[:, at : at + 2] + state @ recurrent[:, at : at + 2]) + 0.5, 0, 1) for at in (0, 2)
        )
        new = np.tanh(given[:, 4:] + (reset * state) @ recurrent[:, 4:])
        state = update * state + (1 - update) * new
    np.testing.assert_allclose(answer(path), state, atol=1e-5)
    gru["config"]["time_major"] = True
    write_h5(path, config, arrays, version="2.0.8")
    with pytest.raises(ModelError, match=r"gru \(GRU\) has time_major=True, which Keras 3 does not support"):
        open_model(path)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            layer("CIFAR10Model", "mine"),
            "needs the code of 'CIFAR10Model', which is not in the file (layer 'mine'); name the module",
        ),
        (layer("my>Conv2D", "mine"), "needs the code of 'my>Conv2D'"),
        ({**conv("mine", 1, 1), "registered_name": "my>Conv2D"}, "needs the code of 'my>Conv2D'"),
        (
            layer("Activation", "act", activation="mine"),
            "needs the code of 'mine', which is not in the file (layer 'act')",
        ),
        (conv("conv", 4, 3, slope=0.3), "conv (Conv2D) has the setting 'slope'=0.3, which is unknown"),
        (layer("LeakyReLU", "leak", beta=0.3), "leak (LeakyReLU) has the setting 'beta'=0.3"),
        (layer("LocallyConnected2D", "here"), "here is a LocallyConnected2D: Keras 3 has no locally connected layers"),
        (layer("BatchNormalization", "norm", axis=[1, 2]), "norm (BatchNormalization) has axis=[1, 2]"),
        (
            layer("BatchNormalization", "norm", virtual_batch_size=4),
            "has virtual_batch_size=4, which Keras 3 does not support",
        ),
        (layer("InputLayer", "in", batch_input_shape=SHAPE, ragged=True), "has ragged=True"),
        (
            layer("MaxPooling2D", "pool", pool_size={"class_name": "TFSMLayer", "config": {}}),
            "has an unknown object as pool_size",
        ),
        (layer("Odd\nLayer", "two\nlines"), "(layer 'two"),
        (
            layer("TFSMLayer", "run", filepath="x"),
            "has a TFSMLayer (layer 'run'), which runs a program outside the file",
        ),
        (
            layer("StringLookup", "read", vocabulary="/etc/passwd"),
            "has a StringLookup (layer 'read'), which takes text or tables",
        ),
        ({"class_name": "Sequential", "config": {"name": "inner", "layers": []}}, "its Sequential has no layers"),
        ({"class_name": "Conv2D", "config": None}, "its layer Conv2D has no settings"),
        ({"config": {}}, "its configuration has no class name"),
    ],
)
def test_unknown_layers_and_settings_are_refused_by_name(tmp_path, entry, words):
    config = sequential(conv("first", 4, 3, batch_input_shape=SHAPE), entry)
    path = write_h5(tmp_path / "net.h5", config, ARRAYS, version="2.4.0")
    with pytest.raises(ModelError) as caught:
        open_model(path)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_of_an_earlier_version_are_unknown():
    config = sequential(conv("conv", 4, 3, batch_input_shape=SHAPE, subsample=[2, 2]))
    with pytest.raises(ModelError, match="'subsample'"):
        upgrade(config, "2.3.0")


def test_bilinear_enlarging_before_keras_2_3_is_refused():
    config = sequential(layer("UpSampling2D", "up", size=[2, 2], interpolation="bilinear", batch_input_shape=SHAPE))
    with pytest.raises(ModelError, match=r"up \(UpSampling2D\) has interpolation='bilinear'"):
        upgrade(config, "2.2.4")
    upgrade(config, "2.2.4-tf")


def test_a_lambda_is_refused_and_can_be_replaced(tmp_path):
    code = layer("Lambda", "half", function=["4wEA\n", None, None], function_type="lambda", batch_input_shape=SHAPE)
    config = sequential(code, conv("conv", 4, 3))
    path = write_h5(tmp_path / "net.h5", config, {"half": [], **ARRAYS}, version="1.2.1")
    for trust in (False, True):  # the code of an older Python would not run
        with pytest.raises(
            UntrustedError, match=r"has a Lambda layer \(half\) with code of an older Python, .* --architecture"
        ):
            open_model(path, trust=trust)
    told = tmp_path / "told.json"
    config["config"]["layers"][0] = layer("Rescaling", "half", scale=0.5, offset=0.1, batch_input_shape=SHAPE)
    told.write_text(json.dumps(config))
    np.testing.assert_allclose(answer(path, architecture=told), convolved(X / 2 + 0.1, KERNEL, BIAS), atol=1e-5)
    write_h5(path, sequential(code, conv("conv", 4, 3)), {"half": [], **ARRAYS}, version="2.14.0")
    with pytest.raises(
        UntrustedError, match=r"has a Lambda layer \(half\), which runs code from the file; use --trust"
    ):
        open_model(path)


def test_relu6_and_regularizers_of_old_mobilenets(tmp_path):
    first = conv("conv", 4, 3, batch_input_shape=SHAPE, kernel_regularizer={"class_name": "Mine", "config": {}},
                 kernel_initializer={"class_name": "my_init", "config": {}}, kernel_constraint={"class_name": "Mine",
                 "config": {}})  # fmt: skip
    config = sequential(first, layer("Activation", "act", activation="relu6"))
    path = write_h5(tmp_path / "net.h5", config, ARRAYS, version="2.0.6")
    np.testing.assert_allclose(answer(path, X * 9), np.clip(convolved(X * 9, KERNEL, BIAS), 0, 6), atol=1e-4)
    assert any("Mine left out, which matters to training only" in said for said in open_model(path).changes)


def test_an_activation_that_is_a_layer(tmp_path):
    slope = {"class_name": "LeakyReLU", "config": {"name": "leak", "trainable": True, "alpha": 0.25}}
    config = sequential(conv("conv", 4, 3, batch_input_shape=SHAPE, activation=slope))
    path = write_h5(tmp_path / "net.h5", config, ARRAYS, version="2.8.0")
    np.testing.assert_allclose(answer(path), leaky(SEEN, 0.25), atol=1e-5)


def test_a_network_built_by_its_first_call(tmp_path):
    config = sequential(conv("conv", 4, 3), layer("Activation", "act", activation="softmax_v2"))
    config["config"]["build_input_shape"] = [32, 8, 8, 3]
    path = write_h5(tmp_path / "net.h5", config, ARRAYS, version="2.3.0-tf")
    power = np.exp(SEEN)
    np.testing.assert_allclose(answer(path), power / power.sum(-1, keepdims=True), atol=1e-5)
    del config["config"]["build_input_shape"]
    write_h5(path, config, ARRAYS, version="2.3.0-tf")
    with pytest.raises(ModelError, match="has no input size"):
        open_model(path)


def test_slashes_in_names_and_dtypes(tmp_path):
    policy = {"class_name": "PolicyV1", "config": {"name": "infer"}}
    config = sequential(
        conv("block/conv", 4, 3, batch_input_shape=SHAPE, dtype=policy), layer("Dropout", "d/1", rate=0.5)
    )
    arrays = {"block/conv": [("block/conv/kernel:0", KERNEL), ("block/conv/bias:0", BIAS)], "d/1": []}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.5.0")
    np.testing.assert_allclose(answer(path), SEEN, atol=1e-5)
    assert [info.name for info in load(path).layers] == ["block__conv", "d__1"]


def test_a_configuration_is_not_changed_in_place():
    config = sequential(conv("conv", 4, 3, batch_input_shape=SHAPE))
    before = json.dumps(config)
    upgrade(config, "2.2.4")
    assert json.dumps(config) == before


def test_an_activation_of_another_package_is_not_taken_for_that_of_keras():
    """Before Keras 3 a registered function is stored as 'package>name'."""
    for activation in ("evil>relu", {"class_name": "function", "config": "relu", "registered_name": "evil>relu"}):
        entry = {"class_name": "Activation", "config": {"name": "a", "activation": activation}}
        with pytest.raises(ModelError, match="needs the code of 'evil>relu'"):
            upgrade({"class_name": "Sequential", "config": [entry]}, "2.12.0")
    entry = {"class_name": "Activation", "config": {"name": "a", "activation": "Keras>relu"}}
    upgraded = upgrade({"class_name": "Sequential", "config": [entry]}, "2.12.0").config
    assert upgraded["config"]["layers"][-1]["config"]["activation"] == "relu"
