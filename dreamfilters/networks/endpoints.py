"""The input that takes the image, the zeros that other inputs are held at, and the output that holds the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters.errors import ModelError, UnknownNameError, close_names

Shape: TypeAlias = tuple[int | None, ...]


class HeldInput(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """Zeros in place of an input, one row for each image; a side of unknown length gets length 1."""

    def __init__(self, shape: Shape, dtype: str) -> None:
        super().__init__()
        self.held, self.held_dtype = tuple(side or 1 for side in shape), dtype

    def call(self, image: Any) -> Any:
        """Return zeros for as many images as are given."""
        return ops.zeros((ops.shape(image)[0], *self.held), self.held_dtype)


def name_of(tensor: Any) -> str:
    """Return the name of the input that a symbolic tensor represents."""
    return str(tensor._keras_history.operation.name)


def image_input(model: str, inputs: Sequence[Any], wanted: str | None) -> int:
    """Return the index of the input that takes the image: the one of this name, or the only one that can take it."""
    names = [name_of(tensor) for tensor in inputs]
    images = [name for name, tensor in zip(names, inputs, strict=True) if len(tensor.shape) == 4]
    if wanted is not None and wanted not in names:
        raise UnknownNameError(f"{model}: has no input {wanted!r}. {close_names(wanted, names)}")
    if not images or (wanted is not None and wanted not in images):
        shape = tuple(inputs[names.index(wanted) if wanted else 0].shape[1:])
        what = f"its input {wanted}" if wanted else "its input"
        raise ModelError(f"{model}: has no image input: {what} is {shape}, an image is (height, width, channels)")
    if wanted is None and len(images) > 1:
        raise ModelError(
            f"{model}: has {len(images)} inputs for an image ({', '.join(images)}); choose one with --input NAME"
        )
    return names.index(wanted or images[0])


def class_output(model: str, names: Sequence[str], wanted: str | None) -> int:
    """Return the index of the output that holds the classes: the one of this name, or the first."""
    if wanted is None:
        return 0
    if wanted not in names:
        raise UnknownNameError(f"{model}: has no output {wanted!r}. {close_names(wanted, names)}")
    return list(names).index(wanted)
