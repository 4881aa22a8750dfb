"""Tables of the changes to stored configurations between versions of Keras; a file passes all tables after its version.

Sources: `keras/legacy/interfaces.py` of Keras 2.2.4 for what came from Keras 1, and for the rest the constructors and
`get_config` of Keras 1.2, 2.2 and 2.15. Nothing is dropped that is not named here, and most only at a value at which it
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Version: TypeAlias = tuple[int, ...]

ANY = object()  # every value is neutral: the setting affects training or speed only


@dataclass(frozen=True)
class KerasEra:
    """The changes for files written before the version `until`.

    Attributes:
        until: the first version that no longer needs it.
        classes: old name of a layer -> its name now.
        gathered: layers -> new setting -> the old settings whose values it lists.
        renamed: layers -> old setting -> its name now. Layers are written 'Conv1D Conv2D', or '*' for all.
        values: setting (as it is called now) -> old value -> its name now.
        dropped: layers -> setting -> the values at which dropping it changes no output, or `ANY`.
        implied: layers -> setting -> the default of that time, where Keras 3 has another one.
    """

    until: Version
    classes: Mapping[str, str] = field(default_factory=dict)
    gathered: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    dropped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    implied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_CONVOLUTIONS = "Conv1D Conv2D Conv3D SeparableConv2D Conv2DTranspose LocallyConnected1D LocallyConnected2D ConvLSTM2D"
_RECURRENT = "SimpleRNN LSTM GRU ConvLSTM1D ConvLSTM2D ConvLSTM3D RNN Bidirectional"
_CELLS = "SimpleRNNCell LSTMCell GRUCell"

_PENALTIES = {
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_RECURRENCE = {
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    **_PENALTIES,
}
# Settings of a superclass that the layer does not use.
_UNUSED = {"kernel_initializer": ANY, "kernel_regularizer": ANY, "kernel_constraint": ANY}

KERAS_1 = KerasEra(
    until=(2,),
    classes={
        **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
        **{f"{old}{n}D": f"Conv{n}D" for old in ("AtrousConvolution", "AtrousConv") for n in (1, 2)},
        "SeparableConvolution2D": "SeparableConv2D",
        "Deconvolution2D": "Conv2DTranspose",
        "Deconv2D": "Conv2DTranspose",
    },
    gathered={
        "*": {"kernel_size": ("nb_row", "nb_col")},
        "Conv3D": {"kernel_size": ("kernel_dim1", "kernel_dim2", "kernel_dim3")},
    },
    renamed={
        "*": {"input_dtype": "dtype", "dim_ordering": "data_format", "border_mode": "padding"},
        _CONVOLUTIONS: {
            "nb_filter": "filters",
            "filter_length": "kernel_size",
            "subsample": "strides",
            "subsample_length": "strides",
            "atrous_rate": "dilation_rate",
            **_RECURRENCE,
        },
        "Dense": {"output_dim": "units", "init": "kernel_initializer", **_PENALTIES},
        "SimpleRNN LSTM GRU": {"output_dim": "units", **_RECURRENCE},
        "Embedding": {
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
        "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
        "PReLU": {"init": "alpha_initializer"},
        "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout": {"p": "rate"},
        "GaussianNoise": {"sigma": "stddev"},
        "MaxPooling1D AveragePooling1D": {"pool_length": "pool_size", "stride": "strides"},
        "UpSampling1D": {"length": "size"},
    },
    values={"data_format": {"th": "channels_first", "tf": "channels_last"}},
    dropped={
        "Dense": {"input_dim": ANY},  # follows from the kernel
        "SimpleRNN LSTM GRU": {"input_dim": ANY, "input_length": ANY, "consume_less": ANY, "forget_bias_init": ANY},
        "ConvLSTM2D": {"forget_bias_init": ANY, "consume_less": ANY},
        "Conv1D": {"input_dim": ANY, "input_length": ANY},
        "Embedding": {"dropout": ANY},
        "BatchNormalization": {"mode": (0,)},
        "SeparableConv2D": _UNUSED,
        "PReLU": {"weights": (None,)},
    },
)

KERAS_2_0_TO_2_2 = KerasEra(
    until=(2, 3),
    implied={"GRU GRUCell": {"reset_after": False}},
    # bilinear interpolation used other sample positions
    dropped={"UpSampling2D": {"interpolation": ("nearest",)}},
)

KERAS_2 = KerasEra(
    until=(3,),
    classes={
        **dict.fromkeys(
            ("BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"), "BatchNormalization"
        ),
        "ThresholdedReLU": "ReLU",
        "FixedDropout": "Dropout",  # of the package efficientnet; acts in training only
        **dict.fromkeys(("RandomHeight", "RandomWidth"), "Identity"),  # both act in training only
        **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
        "Convolution2DTranspose": "Conv2DTranspose",
        **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
        "DepthwiseConvolution2D": "DepthwiseConv2D",
        **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
        **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
        "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "GlobalMaxPool2D": "GlobalMaxPooling2D",
    },
    renamed={
        "LeakyReLU": {"alpha": "negative_slope"},
        "ReLU": {"theta": "threshold"},  # formerly a ThresholdedReLU
    },
    dropped={
        "*": {"ragged": (False, None), "sparse": (False, None), "input_dtype": ANY, "experimental_autocast": ANY},
        "DepthwiseConv1D DepthwiseConv2D": {"groups": (1,), "filters": (None,), **_UNUSED},
        "SeparableConv1D SeparableConv2D": {"groups": (1,), **_UNUSED},
        "Conv1DTranspose Conv2DTranspose Conv3DTranspose": {"groups": (1,)},
        _RECURRENT: {"implementation": ANY, "time_major": (False, None)},
        _CELLS: {"implementation": ANY},
        "Embedding": {"input_length": ANY},
        "BatchNormalization": {"fused": ANY, "virtual_batch_size": (None,), "adjustment": (None,)},
        "Identity": {"factor": ANY, "interpolation": ANY, "seed": ANY, "rng_type": ANY},
        "RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast RandomCrop RandomBrightness": {
            "rng_type": ANY
        },
        "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout": {
            "rng_type": ANY
        },
        "SpatialDropout1D SpatialDropout2D SpatialDropout3D": {"noise_shape": ANY},
        "MultiHeadAttention": {
            **dict.fromkeys(("query_shape", "key_shape", "value_shape"), ANY),
            "softmax_robust_masking": (False,),
        },
        "Attention AdditiveAttention": {"causal": (False,)},
    },
)

ERAS = (KERAS_1, KERAS_2_0_TO_2_2, KERAS_2)

# Stored names of TensorFlow's activations.
ACTIVATIONS = {
    **{f"{name}_v2": name for name in ("softmax", "log_softmax", "relu", "leaky_relu", "gelu")},
    "swish_v2": "silu",
}


def entry_of(module: str, class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a layer or model of Keras 3 in a configuration."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


# Keras 2 computed clip(0.2 x + 0.5, 0, 1); Keras 3 computes clip(x / 6 + 0.5, 0, 1). A small model inside the layer
# keeps the old slope with layers of Keras 3.
HARD_SIGMOID = entry_of(
    "keras",
    "Sequential",
    {
        "name": "hard_sigmoid_of_keras_2",
        "layers": [
            entry_of("keras.layers", "Rescaling", {"scale": 0.2, "offset": 0.5}),
            entry_of("keras.layers", "ReLU", {"max_value": 1.0}),
        ],
    },
)

# Layers that are defined in the module of a network.
ELSEWHERE = {"LayerScale": "keras.src.applications.convnext", "StochasticDepth": "keras.src.applications.convnext"}

# Layers without a counterpart in Keras 3.
GONE = {
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D"), "Keras 3 has no locally connected layers"),
    **dict.fromkeys(("CuDNNLSTM", "CuDNNGRU"), "Keras 3 has no layers for cuDNN alone"),
    **dict.fromkeys(("MaxoutDense", "Highway", "SReLU", "ParametricSoftplus"), "Keras has had none since version 2"),
    "ModuleWrapper": "it wraps a layer of another Keras, whose code is not in the file",
    **dict.fromkeys(("ClassMethod", "InstanceMethod"), "its operation is a method of TensorFlow"),
    "InstanceProperty": "its operation is a property of TensorFlow's tensors",
    "RandomFourierFeatures": "Keras 3 has none",
    "DenseFeatures": "Keras 3 has no feature columns",
}


def version_of(text: str) -> Version:
    """Return a stored version as numbers; versions before Keras 1.2 did not store one.

    >>> version_of("2.14.0")
    (2, 14, 0)
    """
    if text == "2.2.4-tf":  # TensorFlow 1.14 to 2.1, which correspond to Keras 2.3
        return (2, 3)
    numbers = [part for part in text.partition("-")[0].split(".") if part.isdecimal()]
    return tuple(map(int, numbers)) or (1,)


def eras_after(version: Version) -> tuple[KerasEra, ...]:
    """Return the tables for a file of this version, in order."""
    return tuple(era for era in ERAS if version < era.until)
