import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks import LOGITS, InputForm, Network, before, load


@pytest.fixture
def network(awkward):
    names = ("20", "STOP", "Überholverbot", "Kinder", "Ampel")
    aliases = (("20", "stop sign", "no passing", "children", "signals"),)
    return Network(awkward, InputForm.from_range(0, 1, size=(24, 24)), names, aliases, "signs")


def test_a_layer_is_described(network):
    info = network.layer("separable")
    assert (info.name, info.type) == ("backbone/separable", "SeparableConv2D")
    assert (info.shape, info.units, info.activation) == ((12, 12, 8), 8, "relu6")
    assert info.receptive_field.size == (8, 8)  # 3, pooled by 2: 4, then 2 more places of stride 2
    assert info.dreamable
    dense = network.layer("out")
    assert (dense.shape, dense.units, dense.activation, dense.receptive_field) == ((5,), 5, "softmax", None)


@pytest.mark.parametrize(
    ("units", "activation", "expected"), [(3, "softmax", True), (1, "sigmoid", True), (1, None, False)]
)
def test_a_classifier_has_several_classes(units, activation, expected):
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(units, activation)])
    assert Network(model, InputForm((4, 4), 1, order="gray")).is_classifier is expected
    maps = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(3, 1, activation="softmax")])
    assert not Network(maps, InputForm((4, 4), 1, order="gray")).is_classifier


def test_names_of_layers(network):
    assert network.layer("conv1") is network.layer("backbone/conv1")
    assert network.layer("inner#1").name == "backbone/block/inner#1"
    with pytest.raises(UnknownNameError, match=r"conv9: signs has no such layer\. Close names: conv1"):
        network.layer("conv9")


def test_a_name_in_two_nested_models_is_refused():
    def branch(name):
        x = keras.Input((8, 8, 3))
        return keras.Model(x, layers.Conv2D(2, 3, name="conv")(x), name=name)

    x = keras.Input((8, 8, 3))
    network = Network(keras.Model(x, layers.Add()([branch("left")(x), branch("right")(x)])), InputForm())
    with pytest.raises(UnknownNameError, match="conv: network has several: left/conv, right/conv"):
        network.layer("conv")


def test_a_shared_layer_means_the_call_that_depends_on_the_image():
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="conv")], name="base")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    model = keras.Model([left, right], layers.Subtract()([base(left), base(right)]))
    form = InputForm.from_range(0, 1, size=(8, 8), channels=1)
    for chosen, other in (("left", "right"), ("right", "left")):
        network = Network(model, form, input=chosen)
        info = network.layer("conv")
        assert network.layer("base/conv") is info
        assert info.is_visual
        calls = {name: network.layer(name).is_visual for name in ("conv#0", "base/conv#1")}
        assert sorted(calls.values()) == [False, True], (chosen, other)


def test_watching_returns_the_given_names(network, images):
    seen = network.watch(frozenset({"conv1", "backbone/conv1", LOGITS}))(network.to_input(images))
    assert set(seen) == {"conv1", "backbone/conv1", LOGITS}
    np.testing.assert_array_equal(seen["conv1"], seen["backbone/conv1"])


def test_watching_returns_the_layers_in_the_same_order_in_every_process(network):
    """The order of the set differs from process to process: with 6 names it is sorted by chance in 1 of 720."""
    names = [before("conv1"), LOGITS, "conv1", "backbone/conv1", "act", "norm"]
    assert list(network.watch(frozenset(names))(np.zeros((1, 24, 24, 3), "float32"))) == sorted(names)


def test_layers_with_a_value_before_their_activation(network):
    assert {name: network.has_linear(name) for name in ("conv1", "relu6", "act", LOGITS, "flat", "norm")} == {
        "conv1": True,
        "relu6": True,
        "act": True,
        LOGITS: True,
        "flat": False,
        "norm": False,
    }


def test_has_relu(network):
    x = keras.Input((8, 8, 3))
    silu = Network(keras.Model(x, layers.Conv2D(2, 3, activation="silu")(x)), InputForm())
    assert network.has_relu
    assert not silu.has_relu
    assert silu.layers[0].activation == "silu"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("STOP", 1),
        ("stop", 1),
        ("stop sign", 1),
        ("ÜBERHOLVERBOT", 2),
        ("No Passing", 2),
        ("Kinder (children)", 3),
        ("4", 4),
        ("0", 0),
        ("20", 0),
    ],
)
def test_a_class_has_several_names(network, name, number):
    assert network.class_number(name) == number


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("99", "class 99: signs has 5 classes, 0 to 4"),
        ("-1", "class -1: signs has 5 classes, 0 to 4"),
        ("Kindr", r"class Kindr: signs has no such class\. Close names: Kinder"),
    ],
)
def test_an_unknown_class_is_refused(network, name, words):
    with pytest.raises(UnknownNameError, match=words):
        network.class_number(name)


def test_a_layer_that_cannot_be_dreamed_has_a_reason():
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, name="conv")(x)
    tokens = layers.Reshape((36, 4), name="tokens")(y)
    rounded = keras.ops.round(y)
    behind = layers.Conv2D(2, 1, name="behind")(rounded)
    best = keras.ops.argmax(y, axis=-1)
    network = Network(keras.Model(x, [behind, tokens, best]), InputForm())
    reasons = {info.name: info.reason for info in network.layers}
    assert reasons.pop("conv") == ""
    assert reasons.pop("tokens") == ""
    assert reasons.pop("behind").startswith("no gradient passes round")
    assert "its output is int32, not float" in reasons.values()
    assert not network.layer("behind").dreamable


def test_outputs_named_by_numbers_are_found_by_number(plain):
    """As Keras' generators sort folders: 0, 1, 10, 2; a folder may say 02."""
    network = Network(plain, InputForm(), ("0", "10", "2"))
    assert [network.class_number(name) for name in ("0", "10", "2", "02", "1")] == [0, 1, 2, 2, 1]
    with pytest.raises(UnknownNameError, match="class --2: "):
        network.class_number("--2")


def _reader():
    """A convolution that is read column by column, as text recognizers do."""
    image = keras.Input((8, 16, 1))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(image)
    x = layers.Reshape((16, 48), name="columns")(layers.Permute((2, 1, 3), name="turn")(x))
    x = layers.TimeDistributed(layers.Dense(5), name="each")(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(x)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="out")(layers.GRU(7, name="gru")(x)))


def _frames():
    """Four strips of an image, each seen by the same convolution, and a recurrent one."""
    image = keras.Input((16, 8, 3))
    strips = layers.Reshape((4, 4, 8, 3), name="strips")(layers.Conv2D(3, 3, padding="same", name="conv")(image))
    x = layers.TimeDistributed(layers.Conv2D(5, 3), name="each")(strips)
    x = layers.ConvLSTM2D(2, 1, name="recurrent")(x)
    return keras.Model(image, layers.Dense(2, name="out")(layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize(
    ("make", "shapes", "refused"),
    [
        (_reader, {"conv": (8, 16, 6), "each": (16, 5), "both": (16, 6), "gru": (7,)}, set()),
        (_frames, {"conv": (16, 8, 3), "each": (4, 2, 6, 5), "recurrent": (2, 6, 2)}, {"strips", "each"}),
    ],
)
def test_recurrent_layers_are_listed_and_the_layers_around_them_equal_the_model(make, shapes, refused):
    network = Network(make(), InputForm())
    listed = {info.name: info for info in network.layers}
    assert {name: listed[name].shape for name in shapes} == shapes
    assert {name for name, info in listed.items() if not info.dreamable} == refused
    assert all(listed[name].reason.endswith("has more axes than a map (h, w, c)") for name in refused)
    height, width, channels = network.graph.input_shape
    x = np.random.default_rng(0).random((2, height, width, channels), "float32")
    seen = network.watch(frozenset(listed))(x)
    for name, values in seen.items():
        wanted = keras.Model(network.model.input, network.model.get_layer(name).output)(x)
        np.testing.assert_allclose(values, wanted, atol=1e-5)


def test_channels_first_maps_are_maps():
    """Separable, depthwise, dilated and transposed convolutions of 7, 14, 5 and 4 maps."""
    first = {"data_format": "channels_first"}
    model = keras.Sequential(
        [
            keras.Input((3, 16, 20)),
            layers.SeparableConv2D(7, 3, activation="relu", name="separable", **first),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise", **first),
            layers.Conv2D(5, 3, dilation_rate=2, name="dilated", **first),
            layers.BatchNormalization(axis=1, name="norm"),
            layers.Conv2DTranspose(4, 3, strides=2, name="transposed", **first),
            layers.GlobalAveragePooling2D(name="means", **first),
        ]
    )
    network = Network(model, InputForm())
    assert network.graph.input_shape == (16, 20, 3)
    assert [info.shape for info in network.layers] == [
        (14, 18, 7), (12, 16, 14), (8, 12, 5), (8, 12, 5), (17, 25, 4), (4,)
    ]  # fmt: skip
    x = np.random.default_rng(0).random((2, 16, 20, 3), "float32")
    seen = network.watch(frozenset({"transposed", "means"}))(x)
    turned = np.asarray(keras.Model(model.inputs[0], model.get_layer("transposed").output)(x.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(seen["transposed"], turned.transpose(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(seen["means"], turned.mean(axis=(2, 3)), atol=1e-5)


def test_addresses_of_watch_name_layers(network):
    assert (network.layer(LOGITS).name, network.layer(LOGITS).kind) == ("out", "vector")
    assert network.layer(LOGITS).activation == network.layer(before("conv1")).activation == "linear"
    assert network.layer(before("conv1")).name == "backbone/conv1"


def test_a_title_is_a_name_with_its_other_names(network):
    assert network.class_titles[:3] == ("20", "STOP (stop sign)", "Überholverbot (no passing)")
    assert network.class_title(7) == "7"  # an output without a name


@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_the_reshaping_of_the_image_to_a_flat_input_is_no_layer_to_look_at(shape):
    """A layer of the model with the same output is one."""
    image = keras.Input(shape, name="pixels")
    model = keras.Model(image, layers.Dense(3, name="classes")(layers.Flatten(name="flat")(image)))
    kinds = {info.name: (info.kind, info.reason) for info in load(model, size=(8, 8)).layers}
    assert kinds["pixels"] == ("not visual", "it is the image, in the shape of the input")
    assert kinds["flat"] == ("vector", "")


@pytest.mark.parametrize("shape", [(64,), (8, 8)])
@pytest.mark.parametrize(
    "scaled",
    [
        lambda x: x,
        layers.Rescaling(1 / 255, name="scaled"),
        layers.Normalization(axis=None, mean=3.0, variance=4.0, name="scaled"),
        lambda x: x / 255 - 0.5,
    ],
    ids=["as it is", "Rescaling", "Normalization", "operations"],
)
@pytest.mark.parametrize(
    "as_map",
    [layers.Reshape((8, 8, 1)), lambda x: keras.ops.reshape(x, (-1, 8, 8, 1)), lambda x: x[..., None]],
    ids=["Reshape", "reshape", "newaxis"],
)
def test_a_map_made_of_a_flat_input_has_the_positions_of_the_image(shape, scaled, as_map):
    image = keras.Input(shape, name="pixels")
    if shape == (64,):
        as_map = layers.Reshape((8, 8, 1))
    made = layers.Conv2D(2, 3, name="conv")(as_map(scaled(image)))
    network = load(keras.Model(image, layers.Dense(3)(layers.Flatten()(made))), size=None if len(shape) == 2 else 8)
    infos = [info for info in network.layers if info.kind != "not visual"]
    assert [(info.kind, info.receptive_field and info.receptive_field.size) for info in infos[:2]] == [
        ("map", (1, 1)), ("map", (3, 3)),
    ]  # fmt: skip
    assert {info.reason for info in network.layers if info not in infos} == {
        "it is the image, in the shape of the input"
    }
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    seen = network.watch(frozenset({"conv"}))(x)["conv"]
    plain = keras.Model(image, network.model.get_layer("conv").output)
    np.testing.assert_allclose(seen, plain(x.reshape(2, *shape)), atol=1e-6)


def test_an_index_that_reorders_pixels_keeps_no_positions():
    image = keras.Input((8, 8), name="pixels")
    made = layers.Conv2D(2, 3, name="conv")(image[:, ::-1, :, None])
    network = load(keras.Model(image, layers.Flatten()(made)))
    assert network.layer("conv").receptive_field is None
