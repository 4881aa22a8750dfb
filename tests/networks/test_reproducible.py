"""An image's tokens and gradients have the same bytes alone and in any batch."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.networks import LOGITS, InputForm, Network
from tests.batch_independence import any_batch_size, needs_avx512
from tests.networks.vision_transformer import vision_transformer
from tests.thorough import first


def reader():
    """A text recognizer: columns of a map, a recurrent layer both ways, a softmax of 7 letters."""
    image = keras.Input((8, 9, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.Reshape((9, 32), name="columns")(layers.Permute((2, 1, 3))(x))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(x)
    return keras.Model(image, layers.Dense(7, activation="softmax", name="letters")(x))


@any_batch_size
@needs_avx512
@pytest.mark.parametrize(
    ("model", "layer"),
    first(
        [
            (vision_transformer, LOGITS),
            (vision_transformer, "norm2a"),
            (vision_transformer, "mlp2"),
            (reader, "letters"),
        ]
    ),
)
def test_an_image_alone_and_in_a_batch(model, layer):
    network = Network(model(), InputForm())
    images = np.random.default_rng(0).random((40, *network.graph.input_shape), "float32")
    watch = network.watch(frozenset({layer}))

    def score(x):
        values = watch(x)[layer]
        return ops.sum(ops.square(values[..., 1])), values

    run = backend.compile(backend.value_and_gradient(score))
    (_, together), gradients = run(backend.tensor(images))
    for count in (1, 2, 5, 16, 17):
        (_, values), gradient = run(backend.tensor(images[:count]))
        assert np.asarray(values).tobytes() == np.asarray(together)[:count].tobytes(), count
        assert np.asarray(gradient).tobytes() == np.asarray(gradients)[:count].tobytes(), count
