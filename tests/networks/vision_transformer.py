"""A small vision transformer written with the layers of Keras: 16x16 RGB, patches of 4x4, one class token."""

import keras
from keras import layers, ops

PATCHES, CHANNELS, HEADS = 16, 8, 2


@keras.saving.register_keras_serializable("tests")
class ClassToken(layers.Layer):
    """One learned token of every image, (n, t, c) -> (n, 1, c)."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")

    def call(self, x):
        return ops.broadcast_to(self.token, (ops.shape(x)[0], 1, self.token.shape[-1]))


@keras.saving.register_keras_serializable("tests")
class Positions(layers.Layer):
    """Adds a learned embedding of the positions."""

    def build(self, shape):
        self.embedding = self.add_weight(shape=(1, *shape[1:]), initializer="random_normal", name="embedding")

    def call(self, x):
        return x + self.embedding


def block(x, number):
    """Return a transformer block's output, normalized first as in ViT."""
    y = layers.LayerNormalization(name=f"norm{number}a")(x)
    y = layers.MultiHeadAttention(HEADS, CHANNELS // HEADS, name=f"attention{number}")(y, y)
    x = layers.Add(name=f"add{number}a")([x, y])
    y = layers.LayerNormalization(name=f"norm{number}b")(x)
    y = layers.Dense(2 * CHANNELS, activation="gelu", name=f"mlp{number}")(y)
    return layers.Add(name=f"add{number}b")([x, layers.Dense(CHANNELS, name=f"out{number}")(y)])


def vision_transformer(size=(16, 16), seed=0):
    """Return a model with two blocks and four classes, read off the class token."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((*size, 3), name="image")
    x = layers.Conv2D(CHANNELS, 4, strides=4, name="patches")(image)
    x = layers.Reshape((-1, CHANNELS), name="tokens")(x)
    x = layers.Concatenate(axis=1, name="joined")([ClassToken(name="token")(x), x])
    x = Positions(name="positions")(x)
    for number in (1, 2):
        x = block(x, number)
    x = layers.LayerNormalization(name="norm")(x)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="classes")(x[:, 0]), name="vit")
