"""The receptive field of tokens: that of their patch until something mixes them."""

import keras
import pytest
from keras import layers, ops

from dreamfilters.networks import InputForm, Network
from dreamfilters.networks.layers.layer_info import ReceptiveField
from tests.networks.vision_transformer import vision_transformer

PATCH = ReceptiveField((4, 4), (4, 4), (0, 0))


def fields_of(model):
    return {info.name: info.receptive_field for info in Network(model, InputForm()).layers}


def test_tokens_have_the_field_of_their_patch_until_the_first_attention():
    fields = fields_of(vision_transformer())
    own = {name for name, field in fields.items() if field == PATCH}
    assert own == {"patches", "tokens", "joined", "positions", "norm1a"}
    assert all(fields[name] is None for name in fields.keys() - own)


def patched(then):
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 4, strides=4, name="patches")(image)
    return keras.Model(image, then(layers.Reshape((16, 8), name="tokens")(x)))


@pytest.mark.parametrize(
    ("then", "field"),
    [
        (layers.Dense(5, activation="relu", name="last"), PATCH),
        (layers.LayerNormalization(name="last"), PATCH),
        (layers.Conv1D(5, 1, name="last"), PATCH),
        (layers.Reshape((4, 4, 8), name="last"), PATCH),  # a map again
        (layers.Conv1D(5, 3, padding="same", name="last"), None),
        (layers.LayerNormalization(axis=1, name="last"), None),
        (layers.LSTM(5, return_sequences=True, name="last"), None),
        (layers.Softmax(axis=1, name="last"), None),
        (lambda x: layers.Permute((2, 1), name="last")(x), None),
    ],
)
def test_a_step_keeps_the_patches_apart_or_mixes_them(then, field):
    assert fields_of(patched(then))["last"] == field


def test_a_sum_of_tokens_before_and_after_attention_sees_the_whole_image():
    def mixed(x):
        return layers.Add(name="last")([x, layers.MultiHeadAttention(2, 4)(x, x)])

    assert fields_of(patched(mixed))["last"] is None
    assert fields_of(patched(lambda x: layers.Add(name="last")([x, ops.relu(x)])))["last"] == PATCH
