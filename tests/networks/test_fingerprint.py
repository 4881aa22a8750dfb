import keras
import numpy as np
from keras import layers

from dreamfilters.networks.fingerprint import fingerprint_of
from dreamfilters.networks.graph import flatten


def test_the_fingerprint_survives_saving_and_depends_on_weights(awkward, save):
    first = fingerprint_of(flatten(awkward))
    again = keras.models.load_model(save(awkward, "model.keras"))
    assert fingerprint_of(flatten(again)) == first
    kernel = again.get_layer("out").kernel
    kernel.assign(kernel + np.eye(*kernel.shape, dtype="float32") * 1e-3)
    assert fingerprint_of(flatten(again)) != first


def test_the_fingerprint_depends_on_settings_and_constants():
    def fingerprint(factor, pool, function):
        x = keras.Input((8, 8, 3))
        y = pool(2)(x)
        return fingerprint_of(flatten(keras.Model(x, keras.ops.relu(y * factor) if function else y)))

    variants = [
        fingerprint(2.0, layers.MaxPooling2D, True),
        fingerprint(3.0, layers.MaxPooling2D, True),
        fingerprint(2.0, layers.AveragePooling2D, True),
        fingerprint(2.0, layers.MaxPooling2D, False),
    ]
    assert len(set(variants)) == 4
    assert fingerprint(2.0, layers.MaxPooling2D, True) == variants[0]
