"""Layers that forward values do what the table says."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.networks.layers.pass_through import types_of, way_of

SETTINGS = {
    "RandomRotation": (0.1,), "RandomZoom": (0.1,), "RandomTranslation": (0.1, 0.1), "RandomContrast": (0.1,),
    "RandomBrightness": (0.1,), "Dropout": (0.5,), "GaussianDropout": (0.5,), "GaussianNoise": (0.5,),
    "AlphaDropout": (0.5,), "SpatialDropout2D": (0.5,), "RandomFlip": (), "ActivityRegularization": (), "Identity": (),
    "RandomShear": (0.1,), "RandomGrayscale": (), "RandomInvert": (), "RandomErasing": (), "RandomHue": (0.1,),
    "RandomSaturation": (0.1,), "RandomSharpness": (0.1,), "RandomPosterization": (4,), "RandomGaussianBlur": (),
    "RandomColorJitter": (), "RandomColorDegeneration": (0.1,), "RandomPerspective": (), "RandomElasticTransform": (),
    "AugMix": (), "CutMix": (), "Equalization": (), "MaxNumBoundingBoxes": (3,), "MixUp": (), "RandAugment": (),
    "Solarization": (),
}  # fmt: skip


def test_a_layer_forwards_in_one_way():
    ways = ("identity", "cast", "reshape", "reorder", "pad", "crop", "resize", "pool", "activation")
    assert len(types_of(*ways)) == sum(len(types_of(way)) for way in ways)
    assert way_of("Conv2D") is None


def test_every_augmentation_of_keras_is_in_the_table():
    """Such layers choose a random transformation; the three others also change the size outside training."""
    chooses = [
        name
        for name, layer in vars(layers).items()
        if "get_random_transformation" in getattr(layer, "__dict__", {}) and not name.startswith("Base")
    ]
    assert len(chooses) > 20
    others = {name: way_of(name) for name in chooses if way_of(name) != "identity"}
    assert others == {"RandomCrop": "resize", "CenterCrop": "crop", "Resizing": "resize"}


@pytest.mark.filterwarnings("ignore")
def test_an_identity_changes_nothing_outside_training():
    image = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    untested = {"InputLayer", "SpatialDropout1D", "SpatialDropout3D"}  # not of images
    assert types_of("identity") - untested == set(SETTINGS)
    for name, settings in SETTINGS.items():
        layer = getattr(layers, name)(*settings)
        np.testing.assert_array_equal(layer(keras.ops.convert_to_tensor(image), training=False), image, err_msg=name)
