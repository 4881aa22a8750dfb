"""The kind of every layer and the grid of its tokens, read off the graph."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.networks import LOGITS, InputForm, Network, TokenGrid
from tests.networks.vision_transformer import CHANNELS, HEADS, vision_transformer


def network_of(image, output):
    return Network(keras.Model(image, output), InputForm())


@pytest.fixture(scope="module")
def vit():
    return Network(vision_transformer(), InputForm.from_range(0, 1, size=(16, 16)))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 16, 16, 3), "float32")


def test_the_layers_of_a_vision_transformer(vit):
    kinds = {info.name: (info.kind, info.grid) for info in vit.layers}
    patches, tokens = TokenGrid(4, 4), TokenGrid(4, 4, 1)
    assert kinds.pop("patches") == ("map", None)
    assert kinds.pop("tokens") == ("tokens", patches)
    assert kinds.pop("token") == ("tokens", None)  # the class token alone lies nowhere
    assert kinds.pop("classes") == ("vector", None)
    assert kinds.pop(next(name for name in kinds if name.startswith("get_item"))) == ("vector", None)
    assert set(kinds.values()) == {("tokens", tokens)}
    assert all(info.dreamable for info in vit.layers)
    assert (vit.layer("mlp1").units, vit.layer("mlp1").positions) == (2 * CHANNELS, 17)


def test_tokens_are_the_positions_of_the_patch_convolution(vit, images):
    seen = vit.watch(frozenset({"patches", "tokens", "joined"}))(images)
    maps = vit.layer("joined").grid.patches(np.asarray(seen["joined"]))
    np.testing.assert_array_equal(maps, seen["patches"])
    np.testing.assert_array_equal(
        np.asarray(seen["joined"])[:, 0], np.broadcast_to(vit.model.get_layer("token").token[0], (5, CHANNELS))
    )


def test_every_layer_of_a_vision_transformer_is_watched_as_the_model_computes_it(vit, images):
    seen = vit.watch(frozenset({info.name for info in vit.layers} | {LOGITS}))(images)
    for name, values in seen.items():
        if name != LOGITS and not name.startswith("get_item"):
            wanted = keras.Model(vit.model.input, vit.model.get_layer(name).output)(images)
            np.testing.assert_allclose(values, wanted, atol=1e-5)


def test_attention_by_hand(vit, images):
    """softmax(q k / sqrt(d)) v for each head, joined by the output projection."""
    seen = vit.watch(frozenset({"norm1a", "attention1"}))(images)
    x, layer = np.asarray(seen["norm1a"], np.float64), vit.model.get_layer("attention1")
    weights = {w.path.split("/", 1)[1].removeprefix("attention1/"): np.asarray(w, np.float64) for w in layer.weights}
    q, k, v = (
        np.einsum("ntc,chd->nhtd", x, weights[f"{part}/kernel"]) + weights[f"{part}/bias"][:, None]
        for part in ("query", "key", "value")
    )
    scores = q @ k.swapaxes(2, 3) / np.sqrt(CHANNELS // HEADS)
    odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = odds / odds.sum(axis=-1, keepdims=True) @ v
    wanted = np.einsum("nhtd,hdc->ntc", mixed, weights["attention_output/kernel"]) + weights["attention_output/bias"]
    np.testing.assert_allclose(seen["attention1"], wanted, atol=1e-5)


def test_a_gradient_reaches_the_image_from_one_token(vit, images):
    watch = vit.watch(frozenset({"mlp1"}))
    both = backend.value_and_gradient(lambda x: (ops.sum(watch(x)["mlp1"][:, 5, 3]), 0))
    gradient = np.asarray(both(backend.tensor(images))[1])
    assert (np.abs(gradient).max(axis=(1, 2, 3)) > 0).all()


def test_the_grid_of_an_image_that_is_not_square():
    network = Network(vision_transformer(size=(8, 24)), InputForm())
    assert network.layer("mlp2").grid == TokenGrid(2, 6, 1)


def test_the_columns_of_a_text_recognizer_are_a_grid_of_one_row():
    image = keras.Input((8, 16, 1))
    x = layers.Conv2D(6, 3, padding="same")(image)
    x = layers.Reshape((16, 48), name="columns")(layers.Permute((2, 1, 3), name="turned")(x))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(x)
    network = network_of(image, layers.Dense(5, activation="softmax", name="letters")(x))
    for name in ("columns", "both", "letters"):
        assert (network.layer(name).kind, network.layer(name).grid) == ("tokens", TokenGrid(1, 16)), name


def test_the_rows_of_a_map_are_a_grid_of_one_column():
    image = keras.Input((10, 16, 1))
    network = network_of(image, layers.Reshape((10, 96), name="rows")(layers.Conv2D(6, 3, padding="same")(image)))
    assert network.layer("rows").grid == TokenGrid(10, 1)


def test_a_mean_over_the_rows_leaves_columns():
    image = keras.Input((10, 16, 3))
    x = ops.mean(layers.Conv2D(6, 3, padding="same")(image), axis=1)
    network = network_of(image, layers.Dense(2, name="letters")(x))
    assert network.layer("letters").grid == TokenGrid(1, 16)


def test_a_shorter_strip_has_no_grid():
    """25 pooled columns of a text recognizer are not five rows of five patches."""
    image = keras.Input((50, 4, 1))
    x = layers.MaxPooling1D(2, name="pooled")(layers.Reshape((50, 4))(image))
    assert network_of(image, x).layer("pooled").grid is None


def test_tokens_without_the_class_token():
    image = keras.Input((16, 16, 3))
    x = layers.Reshape((16, 4))(layers.Conv2D(4, 4, strides=4)(image))
    register = ops.zeros((1, 3, 4))
    joined = ops.concatenate([x, ops.zeros_like(x[:, :3]) + ops.repeat(register, 1, axis=0)], axis=1)
    network = network_of(image, layers.Dense(2, name="dense")(layers.Dense(3, name="all")(joined)[:, :16]))
    assert network.layer("all").grid == TokenGrid(4, 4, 0)  # the registers come last here
    assert network.layer("all").positions == 19
    assert network.layer("dense").grid == TokenGrid(4, 4, 0)


def test_attention_written_by_hand_is_not_visual_inside_and_keeps_its_grid():
    """Heads split the channels of tokens into three axes that are no rows and columns."""
    image = keras.Input((8, 12, 3))
    tokens = layers.Reshape((6, 8), name="tokens")(layers.Conv2D(8, 4, strides=4)(image))
    heads = layers.Reshape((6, 2, 4), name="heads")(tokens)
    turned = layers.Permute((2, 1, 3), name="turned")(heads)
    scores = layers.Softmax(name="scores")(ops.matmul(turned, ops.transpose(turned, (0, 1, 3, 2))))
    mixed = layers.Permute((2, 1, 3), name="mixed")(ops.matmul(scores, turned))
    network = network_of(image, layers.Reshape((6, 8), name="joined")(mixed))
    for name in ("heads", "turned", "scores", "mixed"):
        info = network.layer(name)
        assert (info.kind, info.dreamable) == ("not visual", False), name
        assert info.reason.endswith("is not a map (h, w, c): its axes are not rows and columns")
    assert network.layer("joined").grid == TokenGrid(2, 3)


def test_tokens_that_become_a_map_again():
    image = keras.Input((8, 12, 3))
    tokens = layers.Reshape((6, 8))(layers.Conv2D(8, 4, strides=4)(image))
    network = network_of(image, layers.Conv2D(2, 1, name="conv")(layers.Reshape((2, 3, 8), name="maps")(tokens)))
    assert network.layer("maps").kind == network.layer("conv").kind == "map"


def test_layers_that_are_not_visual_have_a_reason():
    image, age = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="age")
    x = layers.Conv2D(4, 3, name="conv")(image)
    best = ops.argmax(x, axis=-1)
    held = layers.Dense(4, name="held")(age)
    strips = layers.Reshape((3, 2, 6, 4), name="strips")(x)
    total = ops.sum(x, axis=(1, 2, 3))
    both = layers.Add(name="both")([layers.GlobalAveragePooling2D()(x), held])
    network = Network(keras.Model([image, age], [both, best, strips, total]), InputForm(), input="image")
    reasons = {info.name: info.reason for info in network.layers if not info.is_visual}
    assert reasons.pop("age") == "it is held at zeros"
    assert reasons.pop("held") == "it does not depend on the image"
    assert reasons.pop("strips") == "its output (3, 2, 6, 4) has more axes than a map (h, w, c)"
    assert sorted(reasons.values()) == [
        "its output is int32, not float",
        "its output is one number with no channel axis",
    ]
    assert network.layer("both").dreamable


def test_a_layer_behind_an_operation_without_gradient_is_visual_and_not_dreamable():
    image = keras.Input((8, 8, 3))
    network = network_of(image, layers.Conv2D(2, 1, name="behind")(ops.round(image)))
    info = network.layer("behind")
    assert (info.kind, info.dreamable) == ("map", False)
    assert info.reason.startswith("no gradient passes round")


def test_a_single_channel_has_no_units():
    """Its columns are no units; the channels that are stacked again are."""
    image = keras.Input((8, 12, 3))
    network = network_of(image, ops.stack([image[..., i] for i in (2, 1, 0)], axis=-1))
    kinds = {info.type: (info.kind, info.reason) for info in network.layers}
    assert kinds["GetItem"] == ("not visual", "its output is a single channel, without a channel axis")
    assert kinds["Stack"] == ("map", "")


def test_tokens_in_reverse_order_stay_tokens():
    image = keras.Input((8, 8, 3))
    tokens = layers.Reshape((64, 3))(image)
    assert network_of(image, tokens[:, :, ::-1]).layers[-1].kind == "tokens"
