"""The only changes to stored weights: the layouts of Keras 1, and the kernels of Theano, which it flipped.

Source: `preprocess_weights_for_loading` and `convert_kernel` of Keras 2.2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dreamfilters.errors import ModelError


@dataclass(frozen=True)
class LayoutSource:
    """The program that wrote the weights: whether Keras 1, and whether on Theano."""

    keras_1: bool = False
    theano: bool = False


def upgraded(layer: Any, arrays: list[np.ndarray], source: LayoutSource) -> list[np.ndarray]:
    """Return the arrays of one layer, or of a nested model, in the layout of Keras 3.

    Raises:
        ModelError: a layer whose old layout is not known.
    """
    if not (source.keras_1 or source.theano) or not arrays:
        return arrays
    if isinstance(layer, keras.layers.Bidirectional):
        half = len(arrays) // 2
        first, second = (upgraded(layer.forward_layer, part, source) for part in (arrays[:half], arrays[half:]))
        return first + second
    if isinstance(layer, keras.layers.TimeDistributed):
        return upgraded(layer.layer, arrays, source)
    if isinstance(layer, keras.Model):
        return _model(layer, arrays, source)
    if source.keras_1:
        arrays = _from_keras_1(layer, list(arrays))
    return _from_theano(layer, arrays) if source.theano else arrays


def _model(model: Any, arrays: Sequence[np.ndarray], source: LayoutSource) -> list[np.ndarray]:
    """Upgrade the arrays of a nested model: the trainable ones of all layers, then the others."""
    left, done = list(arrays), []
    for attribute in ("trainable_weights", "non_trainable_weights"):
        for layer in model.layers:
            count = len(getattr(layer, attribute))
            done += upgraded(layer, left[:count], source)
            left = left[count:]
    return done


def _from_keras_1(layer: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    class_name, first = type(layer).__name__, getattr(layer, "data_format", None) == "channels_first"
    if class_name == "Conv1D":
        kernel = arrays[0]
        if kernel.shape[:2] != (layer.kernel_size[0], 1) or kernel.shape[3] != layer.filters:
            kernel = np.transpose(kernel, (2, 3, 1, 0))  # (filters, channels, length, 1)
        return [kernel[:, 0], *arrays[1:]]
    if class_name == "Conv2D" and first:  # (filters, channels, rows, columns)
        return [np.transpose(arrays[0], (2, 3, 1, 0)), *arrays[1:]]
    if class_name == "Conv2DTranspose":
        return [np.transpose(arrays[0], (2, 3, 0, 1) if first else (0, 1, 3, 2)), *arrays[1:]]
    if class_name == "Conv3D" and first:
        return [np.transpose(arrays[0], (2, 3, 4, 1, 0)), *arrays[1:]]
    if class_name == "GRU" and len(arrays) == 9:
        return [np.concatenate(arrays[start::3], axis=-1) for start in range(3)]
    if class_name == "LSTM" and len(arrays) == 12:  # input, cell, forget, output; now input, forget, cell, output
        return [np.concatenate([arrays[start + gate] for gate in (0, 6, 3, 9)], axis=-1) for start in range(3)]
    if class_name in ("SeparableConv2D", "ConvLSTM2D") and (first or class_name == "ConvLSTM2D"):
        raise ModelError(f"its layer {layer.name} is a {class_name} of Keras 1, whose weight layout is unknown")
    return arrays


def _pads_alike(layer: Any) -> bool:
    """Return whether Theano's 'same' padding, half a kernel before each axis, equals TensorFlow's for this layer."""
    shape = layer.input.shape[2:] if layer.data_format == "channels_first" else layer.input.shape[1:-1]
    for size, kernel, stride in zip(shape, layer.kernel_size, layer.strides, strict=True):
        if stride == 1:
            missing = kernel - 1
        elif size is None:
            return False
        else:
            missing = max(kernel - (size % stride or stride), 0)
        if missing // 2 != kernel // 2:
            return False
    return True


_FLIPPED = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")


def _from_theano(layer: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Flip the kernels: Theano convolves, TensorFlow correlates."""
    if type(layer).__name__ not in _FLIPPED:
        return arrays
    if getattr(layer, "padding", "valid") == "same" and not _pads_alike(layer):
        raise ModelError(f"its layer {layer.name} was padded by Theano in another way; its maps would be shifted")
    count = 2 if type(layer).__name__ == "ConvLSTM2D" else 1
    axes = tuple(range(arrays[0].ndim - 2))
    return [np.flip(kernel, axes) for kernel in arrays[:count]] + arrays[count:]
