"""Layers and operations that forward the values of the layer before them, and what each changes about them.

The only table of them. Which ways count depends on the question: a scan leaves out layers whose units repeat those of
the layer before, a receptive field passes those that keep every position, an input form those that keep the range.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Way: TypeAlias = Literal["identity", "cast", "reshape", "reorder", "pad", "crop", "resize", "pool", "activation"]

_TYPES: dict[Way, tuple[str, ...]] = {
    "identity": (  # outside training
        "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "Equalization", "GaussianDropout",
        "GaussianNoise", "Identity", "InputLayer", "MaxNumBoundingBoxes", "MixUp", "RandAugment", "RandomBrightness",
        "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing",
        "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
        "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
        "RandomTranslation", "RandomZoom", "Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    ),
    "cast": ("Cast", "StopGradient"),  # the same values, perhaps rounded or without a gradient
    "reshape": ("ExpandDims", "Flatten", "Reshape", "Squeeze"),
    "reorder": ("Permute", "Transpose"),
    "pad": ("Pad", "ZeroPadding1D", "ZeroPadding2D"),
    "crop": ("CenterCrop", "Cropping1D", "Cropping2D"),
    "resize": ("RandomCrop", "Resizing"),
    "pool": (
        "AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
        "GlobalMaxPooling1D", "GlobalMaxPooling2D", "MaxPooling1D", "MaxPooling2D",
    ),
    "activation": ("Activation", "LogSoftmax", "ReLU", "Relu", "Sigmoid", "Softmax"),
}  # fmt: skip

_WAYS: dict[str, Way] = {name: way for way, names in _TYPES.items() for name in names}


# Layers and operations that compute each value of one tensor from the same value, and from constants.
ELEMENTWISE = frozenset(_TYPES["identity"]) | frozenset(_TYPES["cast"]) | {
    "Add", "BatchNormalization", "Divide", "Multiply", "Normalization", "Rescaling", "Subtract", "TrueDivide",
}  # fmt: skip


def way_of(type_name: str) -> Way | None:
    """Return what a type of layer changes about the values that it forwards, None where it computes new ones.

    >>> way_of("Dropout"), way_of("Flatten"), way_of("Conv2D")
    ('identity', 'reshape', None)
    """
    return _WAYS.get(type_name)


def types_of(*ways: Way) -> frozenset[str]:
    """Return the types of layers that forward values in these ways.

    >>> sorted(types_of("reorder", "cast"))
    ['Cast', 'Permute', 'StopGradient', 'Transpose']
    """
    return frozenset(name for way in ways for name in _TYPES[way])
