"""The networks of `keras.applications`, with the input form of their `preprocess_input`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from dreamfilters.errors import ModelError, UnknownNameError, close_names, reason
from dreamfilters.networks.preprocessing.input_form import InputForm

_CLASSES_URL = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_CLASSES_MD5 = "c2c37ea517e94d9795004a39431a14cb"  # from Keras' imagenet_utils

_BYTES = InputForm.from_range(0, 255)
_SIGNED = InputForm.from_range(-1, 1)
_CAFFE = InputForm(scale=255.0, mean=(103.939, 116.779, 123.68), order="BGR")
_MOBILENET_V3 = InputForm.from_range(0, 255, size=(224, 224))  # Keras builds it without a size
_TORCH = InputForm(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

# Module of keras.applications -> the input form of its preprocess_input. The last ones rescale inside the model.
_FORMS = {
    "vgg16": _CAFFE, "vgg19": _CAFFE, "resnet": _CAFFE,
    "resnet_v2": _SIGNED, "inception_v3": _SIGNED, "inception_resnet_v2": _SIGNED, "xception": _SIGNED,
    "mobilenet": _SIGNED, "mobilenet_v2": _SIGNED, "nasnet": _SIGNED,
    "densenet": _TORCH,
    "efficientnet": _BYTES, "efficientnet_v2": _BYTES, "mobilenet_v3": _MOBILENET_V3, "convnext": _BYTES,
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names that can follow 'applications:', such as 'VGG16'."""
    return tuple(sorted(name for name in vars(keras.applications) if name[0].isupper()))


def constructor(name: str) -> Callable[..., keras.Model]:
    """Return the function that builds a network.

    Raises:
        UnknownNameError: Keras has no network of this name.
    """
    if name not in names():
        raise UnknownNameError(f"applications:{name}: Keras has no such network. {close_names(name, names())}")
    return getattr(keras.applications, name)  # type: ignore[no-any-return]


def form(name: str) -> InputForm:
    """Return the input form of a network's `preprocess_input`, with a size where Keras builds the network for any."""
    return _FORMS[constructor(name).__module__.rpartition(".")[2]]


def open_application(name: str, *, random: bool = False) -> keras.Model:
    """Return a network with its ImageNet weights, or with random weights and no download.

    Raises:
        UnknownNameError: Keras has no network of this name.
        ModelError: the weights cannot be downloaded.
    """
    build, size = constructor(name), form(name).size
    shape = {} if None in size else {"input_shape": (*size, 3)}
    if random:
        return build(weights=None, **shape)
    try:
        return build(weights="imagenet", **shape)
    except Exception as error:  # urllib, a proxy and a broken file raise different types
        raise ModelError(
            f"applications:{name}: its weights cannot be downloaded ({reason(error)}); "
            f"applications:{name}:random needs no download"
        ) from error


def imagenet_classes() -> tuple[str, ...]:
    """Return the 1000 class names, downloaded once to Keras' cache; () if the download fails."""
    try:
        path = keras.utils.get_file(
            "imagenet_class_index.json", _CLASSES_URL, cache_subdir="models", file_hash=_CLASSES_MD5
        )
        content: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
        return tuple(str(content[str(number)][1]) for number in range(len(content)))
    except Exception:  # offline: numbers serve as names
        return ()
