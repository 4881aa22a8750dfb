"""Objectives of token layers: channels, single tokens and whole layers of vision transformers."""

import keras
import numpy as np
import pytest

from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.features import direction, diversity, match
from dreamfilters.dreams.objectives.units import channel, neuron
from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.networks import InputForm, Network
from tests.networks.vision_transformer import CHANNELS, PATCHES, vision_transformer
from tests.thorough import first

QUICK = Recipe(steps=4)
TOKENS = PATCHES + 1  # with the class token


@pytest.fixture(scope="module")
def vit():
    return Network(vision_transformer(), InputForm.from_range(-1, 1, size=(16, 16)), classes=tuple("abcd"), name="vit")


def tokens_of(network, layer, image):
    """Return the activations (t, c) of a layer on one image."""
    return np.asarray(network.watch(frozenset({layer}))(network.to_input(image[None]))[layer])[0]


def test_a_token_channel_is_scored_by_its_mean_over_all_tokens(vit):
    for one in dream(vit, "add1b:0-2", QUICK):
        values = tokens_of(vit, "add1b", one.image)
        assert values.shape == (TOKENS, CHANNELS)
        assert one.score == pytest.approx(values[:, int(one.name.split(":")[1])].mean(), rel=1e-4, abs=1e-6)
        assert one.activated


@pytest.mark.parametrize("token", first([5, 0]))
def test_one_token_is_scored_by_its_value(token, vit):
    one = dream(vit, f"mlp2:3@{token}", QUICK)[0]
    assert one.name == f"mlp2:3@{token}"
    assert one.activated
    assert one.score == pytest.approx(tokens_of(vit, "mlp2", one.image)[token, 3], rel=1e-4)


def test_a_layer_of_tokens_is_scored_by_its_mean_square(vit):
    one = dream(vit, "layer:add2b", QUICK)[0]
    assert one.activated
    assert one.score == pytest.approx(np.mean(tokens_of(vit, "add2b", one.image) ** 2), rel=1e-4)


@pytest.mark.parametrize("layer", first(["attention1", "tokens", "norm1a", "mlp1", "out2", "add2b"]))
def test_every_kind_of_token_layer_is_dreamed(layer, vit):
    assert dream(vit, f"{layer}:1", QUICK)[0].activated


def test_directions_matches_and_diversity_read_tokens(vit):
    along = dream(vit, direction("add1b", np.eye(CHANNELS)[:2], similarity="cosine"), QUICK)
    assert all(one.activated for one in along)
    given = tokens_of(vit, "add1b", np.full((16, 16, 3), 0.75, "float32"))
    assert dream(vit, match("add1b", given[None]), QUICK)[0].activated
    facets = dream(vit, channel("add1b", [2] * 3) + 2.0 * diversity("add1b", 3), QUICK)
    assert len({one.image.tobytes() for one in facets}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("target", first(["mlp1:0-4", "add2b:1-3", "attention2:0-2", "mlp2:1@3", "class:*"]))
def test_a_dream_of_tokens_is_the_same_alone_and_in_a_batch(target, vit):
    together = dream(vit, target, QUICK, seed=3)
    for one in dream(vit, target, QUICK, seed=3, batch=1):
        other = next(each for each in together if each.name == one.name)
        assert one.image.tobytes() == other.image.tobytes()
        assert one.score == other.score


@pytest.mark.thorough
@pytest.mark.slow
def test_a_transformer_is_given_other_canvases_at_its_own_size(vit):
    for goal in (channel("add1b", [0]), logit([1])):
        for size in (12, 24):
            one = dream(vit, goal, Recipe(Fourier(size), steps=4))[0]
            assert one.image.shape == (size, size, 3)
            assert one.activated


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ("mlp1:3@17", "mlp1:3@17: mlp1 has 17 tokens on this canvas, counted from 0"),
        ("mlp1:3@1,1", "mlp1:3@1,1: give mlp1:3@TOKEN"),
        ("mlp1:16", "mlp1 of vit has 16 channels, 0 to 15"),
        (neuron("mlp1", [(16, 0)]), "mlp1:16: mlp1 of vit has 16 channels, 0 to 15"),
    ],
)
def test_tokens_that_the_network_does_not_have_are_refused(goal, message, vit):
    with pytest.raises(TargetError, match=message):
        dream(vit, goal, QUICK)


def test_a_transformer_of_keras_hub_is_dreamed():
    keras_hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    network = Network(keras.Model(backbone.inputs, backbone.outputs), InputForm.from_range(-1, 1, size=(32, 32)))
    layer = next(info for info in reversed(network.layers) if info.kind == "tokens")
    assert layer.shape == (17, 16)
    channels, token = dream(network, f"{layer.name}:0-1", QUICK), dream(network, f"{layer.name}:3@5", QUICK)
    assert all(one.activated for one in (*channels, *token))


def test_one_number_is_a_channel_and_a_name_is_refused():
    assert channel("conv", 3).names == channel("conv", np.int64(3)).names == ("conv:3",)
    for wrong in ("3", ["STOP"], None, [None]):
        with pytest.raises(TargetError, match=r"channel .*: give numbers"):
            channel("conv", wrong)
