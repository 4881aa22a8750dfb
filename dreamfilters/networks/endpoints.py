"""The input that takes the image and its shape, the values of other inputs, and the output that holds the classes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.errors import InputFormError, ModelError, UnknownNameError, close_names
from dreamfilters.networks.layers.pass_through import ELEMENTWISE, types_of

Shape: TypeAlias = tuple[int | None, ...]


# The array of `THE_IMAGE`: an empty one, which is stored as other values are.
SAME: NDArray[np.float32] = np.empty(0, np.float32)


class HeldInput(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """A value in place of an input, the same for each image; default: zeros, and a side of unknown length gets 1."""

    def __init__(self, shape: Shape, dtype: str, value: NDArray[Any] | None = None) -> None:
        super().__init__()
        self.shape, self.value, self.held_dtype = shape, value, dtype
        self.held = tuple(side or 1 for side in shape) if value is None else value.shape

    def call(self, image: Any) -> Any:
        """Return the value once for each image."""
        count = ops.shape(image)[0]
        if self.value is None:
            return ops.zeros((count, *self.held), self.held_dtype)
        value = ops.cast(ops.convert_to_tensor(self.value), self.held_dtype)
        return ops.broadcast_to(value, (count, *self.held))

    def get_config(self) -> dict[str, Any]:
        """Return shape and value, which are part of the network's fingerprint."""
        value = None if self.value is None else hashlib.sha256(np.ascontiguousarray(self.value).tobytes()).hexdigest()
        return {"shape": list(self.shape)} | ({"value": value} if value else {})


def name_of(tensor: Any) -> str:
    """Return the name of the input that a symbolic tensor represents."""
    return str(tensor._keras_history.operation.name)


def input_index(
    model: str, inputs: Sequence[Any], wanted: str | None, held: Collection[str] = (), frames: Collection[str] = ()
) -> int:
    """Return the index of the input that takes the image: the one of this name, or the only one that can take it.

    `held` are the names of inputs that have a value. `frames` are names of layers that apply a network to each frame;
    the error for a video names them.
    """
    names = [name_of(tensor) for tensor in inputs]
    shapes = [tuple(tensor.shape[1:]) for tensor in inputs]
    if wanted is not None and wanted not in names:
        raise UnknownNameError(f"{model}: has no input {wanted!r}. {close_names(wanted, [*names, *frames])}")
    if wanted is None:
        # a flattened image only where no input is an image
        free = [(place, shape) for place, shape in enumerate(shapes) if names[place] not in held]
        images = [place for place, shape in free if len(shape) == 3]
        images = images or [place for place, shape in free if len(shape) < 3]
        if len(images) > 1:
            listed = ", ".join(names[place] for place in images)
            raise ModelError(f"{model}: has {len(images)} inputs for an image ({listed}); choose one with --input NAME")
        chosen = images[0] if images else 0
    else:
        chosen = names.index(wanted)
    if len(shapes[chosen]) > 3:
        hints = [f"--input {name} opens the network that {name} applies to each frame" for name in frames]
        one = "a model of one slice or frame, built of its layers, has one"
        raise _no_image(model, shapes[chosen], "a volume or a video", *(hints or [one]))
    return chosen


def flat_shape(model: str, shape: Shape, size: Shape, readers: Sequence[tuple[str, Shape]]) -> tuple[Shape, bool]:
    """Return the shape of the image that an input of one or two axes takes, and whether it is declared.

    A declared shape is (h, w, c); one that the model's layers imply has the model's order of channels.

    Args:
        model: its name.
        shape: of the input, without the batch.
        size: (height, width), as declared; None for a side that is not.
        readers: type and output shape of each step from the input on.

    Raises:
        InputFormError: the input does not have a whole number of channels at this size.
        ModelError: no size is declared, and the layers do not imply one.
    """
    height, width = size
    if height and width and None not in shape:
        count = math.prod(filter(None, shape))
        if count % (height * width):
            raise InputFormError(
                f"size={list(size)}: {model} takes {shape}, which is not {height} * {width} * channels"
            )
        return (height, width, count // (height * width)), True
    for type_name, output in readers:
        if type_name in ELEMENTWISE and output == shape:
            continue
        is_channel = type_name == "GetItem" and output == (*shape, 1)  # x[..., None]
        if (type_name in types_of("reshape") or is_channel) and None not in output:
            if len(output) == 3:
                return output, False
            if len(shape) == 2 and len(output) == 1:
                return (*shape, 1), True
        break
    if len(shape) == 2:
        raise _no_image(model, shape, "a one-dimensional signal", _DECLARE)
    raise _no_image(model, shape, "a list of numbers", _DECLARE)


_DECLARE = "if the values are pixels, give their height and width: --input-size HxW or size=(height, width)"


def _no_image(model: str, shape: Shape, what: str, *hints: str) -> ModelError:
    parts = [f"its input is {shape}, {what}; an image is (height, width, channels)", *hints]
    return ModelError(f"{model}: has no image input: {'; '.join(parts)}")


def output_index(model: str, names: Sequence[str], keys: Sequence[str], wanted: str | None) -> int:
    """Return the index of the output that holds the classes: the one of this name or key, or the first."""
    if wanted is None:
        return 0
    for known in (names, keys):
        if wanted in known:
            return list(known).index(wanted)
    raise UnknownNameError(f"{model}: has no output {wanted!r}. {close_names(wanted, [*names, *keys])}")
