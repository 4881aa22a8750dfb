import hashlib
import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.fingerprint import as_numpy, fingerprint_of
from dreamfilters.networks.graph import flatten, twin
from dreamfilters.networks.watching import LOGITS, before, watch


def state_of(model):
    """Hash everything of a model that could be changed by using it."""
    digest = hashlib.sha256(json.dumps(model.get_config(), sort_keys=True, default=str).encode())
    for layer in model._flatten_layers():
        digest.update(f"{id(layer)} {sorted(layer.__dict__)} {id(getattr(layer, 'activation', None))}".encode())
        digest.update(f"{len(layer._inbound_nodes)} {len(layer._outbound_nodes)} {len(layer._losses)}".encode())
        digest.update(f"{layer.input_spec} {layer._called}".encode())
    for weight in model.variables:
        digest.update(f"{weight.path} {id(weight)}".encode() + as_numpy(weight).tobytes())
    return digest.hexdigest()


def test_steps_are_named_and_ordered(awkward):
    assert [step.name for step in flatten(awkward).steps if step.type != "Add"] == [
        "flip",
        "backbone/conv1",
        "backbone/pool",
        "backbone/separable",
        "backbone/block/inner#0",
        "backbone/block/inner#1",
        next(step.name for step in flatten(awkward).steps if step.type == "Relu"),
        "twice#0",
        "twice#1",
        "twice#2",
        "both",
        "norm",
        "relu6",
        "act",
        "drop",
        "flat",
        "out",
    ]


def test_running_the_steps_equals_the_model(awkward, images):
    seen = watch(flatten(awkward), frozenset({"out"}))(images)
    np.testing.assert_allclose(seen["out"], awkward(images, training=False), atol=1e-6)


@pytest.mark.parametrize(("name", "size"), [("MobileNetV3Small", 64), ("MobileNetV2", 32)])
def test_steps_of_applications_equal_the_model(name, size):
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
    x = np.random.default_rng(3).random((1, size, size, 3), "float32")
    graph = flatten(model)
    last = graph.steps[-1].name
    seen = watch(graph, frozenset({last, LOGITS}))(x)
    np.testing.assert_allclose(seen[last], model(x, training=False), atol=1e-6)
    np.testing.assert_allclose(keras.ops.softmax(seen[LOGITS]), seen[last], atol=1e-6)


def test_the_model_of_the_user_is_not_changed(awkward, images):
    awkward.compile("sgd", "mse")
    awkward(images, training=False)
    losses = len(awkward.losses)
    state = state_of(awkward)
    graph = flatten(awkward)
    layers_ = frozenset(step.name for step in graph.steps)
    unbent = frozenset(map(before, ("backbone/conv1", "backbone/separable", "act", "relu6", "out")))
    for _ in range(2):
        watch(graph, layers_ | unbent | {LOGITS}, rule=RELAXED)(images)
    assert fingerprint_of(graph)
    assert state_of(awkward) == state
    assert len(awkward.losses) == losses


def test_a_model_that_was_never_used_is_not_changed(awkward, images):
    state = state_of(awkward)
    watch(flatten(awkward), frozenset({"out"}))(images)
    assert state_of(awkward) == state


def test_a_twin_shares_weights_and_nothing_else(plain):
    layer = plain.get_layer("conv1")
    double = twin(layer, activation=keras.activations.linear)
    assert double.kernel is layer.kernel
    assert layer.activation is keras.activations.relu
    assert double(np.zeros((1, 40, 50, 3), "float32")).shape == (1, 38, 48, 4)


def test_mixed_precision_is_returned_as_float32():
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, activation="relu", dtype=policy, name="conv")(x)
    y = layers.Dense(2, dtype=policy, name="out")(layers.GlobalAveragePooling2D(dtype=policy)(y))
    model = keras.Model(x, layers.Activation("softmax", dtype="float32", name="probabilities")(y))
    data = np.random.default_rng(4).random((2, 8, 8, 3), "float32")
    seen = watch(flatten(model), frozenset({"conv", before("conv"), "probabilities"}))(data)
    assert seen["conv"].dtype == seen[before("conv")].dtype == "float32"
    np.testing.assert_allclose(seen["probabilities"], model(data), atol=1e-6)


def test_channels_first_inputs_and_outputs_are_transposed():
    """The same weights in both orders give the same values."""
    outputs = []
    for order, shape in (("channels_last", (9, 8, 3)), ("channels_first", (3, 9, 8))):
        keras.utils.set_random_seed(5)
        x = keras.Input(shape)
        y = layers.Conv2D(4, 3, data_format=order, name="conv")(layers.Rescaling(2.0)(x))
        y = layers.ReLU(name="relu")(layers.BatchNormalization(axis=-1 if order == "channels_last" else 1)(y))
        graph = flatten(keras.Model(x, y))
        assert graph.input_shape == (9, 8, 3)
        data = np.random.default_rng(6).random((2, 9, 8, 3), "float32")
        outputs.append(np.asarray(watch(graph, frozenset({"relu"}))(data)["relu"]))
    assert outputs[1].shape == (2, 7, 6, 4)
    np.testing.assert_allclose(*outputs, atol=1e-5)


class _Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def _two_inputs():
    a, b = keras.Input((4, 4, 3), name="a"), keras.Input((4, 4, 3), name="b")
    return keras.Model([a, b], layers.Add()([a, b]), name="pair")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: _Subclassed(name="sub"),
            "sub: is a subclassed model without a graph of layers",
        ),
        (lambda: keras.Sequential([layers.Conv2D(2, 3)], name="seq"), "seq: .* is not built; use load"),
        (lambda: keras.Sequential([keras.Input((7,)), layers.Dense(2)], name="dense"), r"has no image input: .*\(7,\)"),
        (_two_inputs, r"pair: has 2 inputs for an image \(a, b\); choose one with --input NAME"),
    ],
)
def test_models_that_cannot_be_flattened_are_refused(make, words):
    with pytest.raises(ModelError, match=words):
        flatten(make())


@pytest.mark.parametrize("turn", [layers.Permute((2, 3, 1)), lambda x: keras.ops.transpose(x, (0, 2, 3, 1))])
def test_transposed_maps_change_their_channel_order(turn):
    image = keras.Input((3, 8, 6))
    conv = layers.Conv2D(4, 3, name="conv")
    model = keras.Model(image, layers.GlobalMaxPooling2D()(conv(turn(image))))
    graph = flatten(model)
    assert (graph.input_shape, graph.channels_first) == ((8, 6, 3), True)
    x = np.random.default_rng(0).random((2, 8, 6, 3), "float32")
    seen = watch(graph, frozenset({"conv"}))(x)["conv"]
    np.testing.assert_allclose(seen, conv(x), atol=1e-6)


def test_an_input_that_takes_no_image_is_held_at_zeros():
    size = keras.Input((None, 2), name="size")
    image = keras.Input((6, 6, 3), name="image")
    seen = layers.GlobalAveragePooling2D(name="seen")(layers.Conv2D(4, 3, name="conv")(image))
    told = layers.GlobalAveragePooling1D(name="told")(layers.Dense(4, bias_initializer="ones", name="dense")(size))
    both = layers.Concatenate(name="both")([seen, told])
    model = keras.Model([size, image], [layers.Dense(2, name="first")(both), layers.Dense(3, name="second")(both)])
    graph = flatten(model, output="second")
    assert (graph.held, graph.outputs, graph.input_shape) == (("size",), ("first", "second"), (6, 6, 3))
    assert graph.writers[graph.output].name == "second"
    x = np.random.default_rng(0).random((2, 6, 6, 3), "float32")
    values = watch(graph, frozenset({"told", "second"}))(x)
    np.testing.assert_allclose(values["told"], np.ones((2, 4)))
    np.testing.assert_allclose(values["second"], model([np.zeros((2, 1, 2), "float32"), x])[1], atol=1e-6)


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
@pytest.mark.parametrize("width", [6, 7, 8])
def test_a_bias_is_added_to_channels_at_any_map_width(kind, width):
    """Also where a map is as wide as there are channels, which Keras' own layer takes for a bias of columns."""
    settings = {
        "kernel_size": 3,
        "padding": "same",
        "activation": "relu",
        **({} if "Depth" in kind else {"filters": 7}),
    }
    images = np.random.default_rng(0).normal(size=(2, 6, width, 7)).astype("float32")
    last = getattr(layers, kind)(**settings)
    last.build(images.shape)
    last.set_weights([np.random.default_rng(1).normal(size=weight.shape) for weight in last.weights])
    first = getattr(layers, kind)(**settings, data_format="channels_first")
    first.build((None, 7, 6, width))
    first.set_weights(last.get_weights())
    turned = twin(first)(images.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(np.transpose(turned, (0, 2, 3, 1)), last(images), atol=1e-4)


def test_wrappers_without_effect_are_replaced_by_their_layer():
    image = keras.Input((8, 8, 3))
    x = layers.SpectralNormalization(layers.Conv2D(4, 3, activation="relu"), name="normed")(image)
    x = layers.TimeDistributed(layers.Dense(5), name="each")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.SpectralNormalization(layers.Dense(3, activation="softmax"), name="out")(x))
    network = load(model, classes=("a", "b", "c"))
    assert [(info.name, info.type, info.activation) for info in network.layers if info.units != 5] == [
        ("normed", "Conv2D", "relu"), ("out", "Dense", "softmax")
    ]  # fmt: skip
    assert network.layer("normed").receptive_field.size == (3, 3)
    seen = network.watch(frozenset({"out", LOGITS, "each"}))(np.random.default_rng(0).random((2, 8, 8, 3), "float32"))
    logits = np.asarray(seen[LOGITS], "float64")
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(seen["out"], shares, rtol=1e-5)
    assert not np.allclose(logits.sum(axis=1), 1)
    assert seen["each"].shape == (2, 6, 6, 5)


def test_no_name_is_given_twice():
    image = keras.Input((4, 4, 3))
    shared = layers.Conv2D(3, 1, name="conv")
    model = keras.Model(image, shared(shared(layers.Conv2D(3, 1, name="conv#0")(image))))
    assert [step.name for step in flatten(model).steps] == ["conv#0", "conv#1", "conv#2"]
