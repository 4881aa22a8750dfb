"""The networks of keras.applications, each with the preparation of pictures that it was trained with."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from dreamfilters.errors import ModelError, UnknownNameError, close_names
from dreamfilters.networks.inputs import InputForm

# module of keras.applications -> how its preprocess_input prepares 0..255 RGB (read in each module's source)
_CAFFE = ("resnet", "resnet50", "vgg16", "vgg19")  # BGR minus the means of ImageNet
_SIGNED = ("resnet_v2", "inception_v3", "inception_resnet_v2", "xception", "mobilenet", "mobilenet_v2", "nasnet")
_TORCH = ("densenet",)  # 0..1 minus mean over deviation
_INSIDE = ("efficientnet", "efficientnet_v2", "mobilenet_v3", "convnext")  # takes 0..255, prepares it itself


def constructors() -> dict[str, Any]:
    """Return every constructor of keras.applications by name."""
    return {
        name: value
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value) and name[0].isupper()
    }


def open_application(name: str, *, random: bool) -> tuple[keras.Model, InputForm, tuple[str, ...]]:
    """Return a network of keras.applications, its input form and its class names.

    Raises:
        UnknownNameError: no constructor of that name.
        ModelError: the ImageNet weights cannot be fetched.
    """
    known = constructors()
    if name not in known:
        raise UnknownNameError(f"applications:{name}: keras.applications has no such network. {close_names(name, known)}")
    try:
        model = known[name](weights=None if random else "imagenet")
    except Exception as error:
        if random:
            raise
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"applications:{name}: its ImageNet weights cannot be fetched ({cause[:120]}); offline, "
            f"applications:{name}:random opens it with random weights"
        ) from None
    module = known[name].__module__.rsplit(".", 1)[-1]
    return model, form_of(module, model.input_shape[1:3]), () if random else _imagenet_classes()


def form_of(module: str, size: tuple[int | None, int | None]) -> InputForm:
    """Return the input form of a module of keras.applications."""
    if module in _CAFFE:
        return InputForm(size, 3, 255.0, (103.939, 116.779, 123.68), (1.0,), "BGR")
    if module in _SIGNED:
        return InputForm(size, 3, 255.0, (127.5,), (127.5,))
    if module in _TORCH:
        return InputForm(size, 3, 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    if module in _INSIDE:
        return InputForm.from_range(0, 255, size=size)
    raise ModelError(f"keras.applications.{module}: its preparation of pictures is not known here; give --input FILE")


def _imagenet_classes() -> tuple[str, ...]:
    """Return the 1,000 names that Keras fetches; none where they cannot be fetched, numbers then stand in."""
    try:
        import numpy as np

        rows = keras.applications.imagenet_utils.decode_predictions(np.arange(1000.0)[None], top=1000)[0]
    except Exception:
        return ()
    return tuple(str(row[1]) for row in reversed(rows))
