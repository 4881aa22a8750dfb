"""The input form that a model's first layers and operations imply: those that rescale or normalize the image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.graph import Graph, Slot, Step, twin
from dreamfilters.networks.io.file_checks import SUFFIXES
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.preprocessing.form_origin import FormOrigin
from dreamfilters.networks.preprocessing.input_form import InputForm

_LARGEST = 2.0  # means and stds of values in 0..1 or -1..1 are at most 1, of values in 0..255 around 100
_SIDE = 32  # of a model that takes any size
_WHITE = 255.0
_TOLERANCE = 0.01  # relative; models in float16 have 3 digits


class ImpliedRange(NamedTuple):
    """The values of black and white that the first steps of a model imply, and the types of these steps."""

    low: float
    high: float
    steps: tuple[str, ...] = ()


def form_of(graph: Graph, name: str) -> tuple[InputForm, FormOrigin]:
    """Return the most likely input form of the model `name`, and where it comes from."""
    height, width, channels = graph.input_shape
    implied = implied_range(graph)
    low, high, steps = implied or ImpliedRange(0.0, 1.0)
    form = InputForm.from_range(low, high, size=(height, width), channels=channels or 3)
    if implied:
        return form, FormOrigin("model", f"read from the model: {', '.join(steps)}")
    file = f" or {Path(name).stem}.toml" if Path(name).suffix in SUFFIXES else ""
    return form, FormOrigin("assumed", f"assumed; --range LOW HIGH{file} sets another range")


def implied_range(graph: Graph) -> ImpliedRange | None:
    """Return the range of input values that the first layers and operations imply, None if they imply none.

    Images of one value pass through the steps that prepare an image. The line through what comes out gives the mean
    and the std for which these steps normalize.
    """
    values = {0: _uniform_images(graph)}
    implied: list[tuple[float, float]] = []
    steps: list[str] = []
    for step in graph.steps:
        known = [values[slot] for slot in step.inputs if slot in values]
        outputs = _prepared(step, values) if len(known) == len(step.inputs) else None
        if outputs is not None:
            values.update(zip(step.outputs, outputs, strict=True))
            steps += [step.type] if step.type not in _SAME_RANGE else []
        elif known and step.type != "HeldInput":
            before = [found for value in known if (found := _range_before(value))]
            trained = None if before else _range_of_training(step)
            steps += [step.type] if trained else []
            implied += before[:1] or ([trained] if trained else [])
    return ImpliedRange(*implied[0], tuple(dict.fromkeys(steps))) if len(set(implied)) == 1 else None


# Operations that compute each value from the values of the same pixel, move pixels or leave some out. `_range_before`
# drops what is not linear.
_SAME_RANGE = types_of("identity", "cast", "reshape", "reorder", "pad", "crop", "resize") | {"Resize"}
_PREPARING = _SAME_RANGE | {
    "Rescaling", "Normalization", "Lambda", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Clip",
    "GetItem", "Take", "Split", "Unstack", "Stack", "Concatenate", "Flip", "Swapaxes", "Moveaxis", "RGBToGrayscale",
}  # fmt: skip
# They keep the range of values; on images of one value they do something else.
_SPREADING = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization")


def _uniform_images(graph: Graph) -> Tensor:
    """Return a black, a gray and a white image in 0..255 as the model takes them."""
    height, width, channels = graph.input_shape
    shape = (3, height or _SIDE, width or _SIDE, channels or 3)
    images = np.broadcast_to(np.array([0, _WHITE / 2, _WHITE], np.float32).reshape(3, 1, 1, 1), shape)
    return ops.convert_to_tensor(np.moveaxis(images, -1, 1) if graph.channels_first else images)


def _prepared(step: Step, values: Mapping[int, Tensor]) -> list[Tensor] | None:
    """Return the outputs of a step that prepares an image, None for any other step."""
    if step.type in _SPREADING:
        return [values[step.inputs[0]]]
    if not _is_preparing(step.operation):
        return None
    args, kwargs = keras.tree.map_structure(
        lambda leaf: values[leaf.number] if isinstance(leaf, Slot) else leaf, step.arguments
    )
    if isinstance(step.operation, keras.layers.Layer):
        kwargs = {**kwargs, "training": False}
    try:
        return list(keras.tree.flatten(twin(step.operation)(*args, **kwargs)))
    except Exception:  # such as a Lambda that needs real images; layers raise errors of many types
        return None


def _is_preparing(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Pipeline):
        return all(map(_is_preparing, operation.layers))
    return type(operation).__name__ in _PREPARING


def _range_before(prepared: Tensor) -> tuple[float, float] | None:
    """Return the range that is normalized where black, gray and white became these values."""
    black, gray, white = np.asarray(ops.cast(prepared, "float32"), np.float64).reshape(3, -1)
    scale = (white - black) / _WHITE
    depends = np.abs(scale) > 0  # other values were padded
    if not depends.any() or not np.allclose(gray - black, (white - black) / 2, rtol=_TOLERANCE, atol=1e-6):
        return None
    mean, std = -black[depends] / scale[depends], 1 / np.abs(scale[depends])
    if np.allclose(mean, 0, atol=1e-3) and np.allclose(
        std, 1, rtol=1e-3
    ):  # unchanged, or by a normalization that was never adapted
        return None
    if max(mean.max(), std.max()) > _LARGEST:
        return 0.0, _WHITE
    return (-1.0, 1.0) if mean.min() < 0 else (0.0, 1.0)


def _range_of_training(step: Step) -> tuple[float, float] | None:
    """Return the range of the training images where a batch normalization reads them.

    Before training it implies nothing.
    """
    layer: Any = step.operation
    if isinstance(layer, keras.layers.BatchNormalization) and as_numpy(layer.moving_mean).max() > _LARGEST:
        return 0.0, _WHITE
    return None
