"""The values of the inputs that do not take the image: a number, an array, or an image in the network's input form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import InputFormError, UnknownNameError, close_names
from dreamfilters.images.arrays import is_array_file, read_array
from dreamfilters.images.decoding import read_image
from dreamfilters.networks.endpoints import SAME, HeldInput, Shape
from dreamfilters.networks.graph import Graph
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.preprocessing.settings_file import THE_IMAGE

Held: TypeAlias = Mapping[str, ArrayLike | str | Path]


def held_values(graph: Graph, given: Held, form: InputForm) -> dict[str, NDArray[np.float32]]:
    """Return the values of a network's other inputs, as the model takes them.

    Args:
        graph: the flattened model, with its other inputs held at zeros.
        given: by the name of the input: a number that fills it; an array or the name of a .npy file, with values as the
            model takes them; the name of an image file, which passes the input form; or 'image', which gives it the
            same image and is an empty array.
        form: the input form of the image.

    Raises:
        UnknownNameError: the model has no other input of a name.
        InputFormError: a value does not have the input's shape.
        ImageError: a file cannot be read.
    """
    unknown = next((name for name in given if name not in graph.held), None)
    if unknown is not None:
        others = f"has no other input {unknown!r}. {close_names(unknown, graph.held)}"
        raise UnknownNameError(f"--input {unknown}: the network {others if graph.held else 'has one input'}")
    return {name: _value(name, value, graph.by_name[name].operation, form) for name, value in given.items()}


def describe_held(graph: Graph, given: Held) -> str:
    """Return what the inputs that do not take the image are held at, or ''.

    Values come first: 'age is held at 0.5; held at zeros: right'.
    """
    values = [
        f"{name} takes the same image" if _is_same(given[name]) else f"{name} is held at {_described(given[name])}"
        for name in graph.held
        if name in given
    ]
    zeros = [name for name in graph.held if name not in given]
    return "; ".join([*values, *([f"held at zeros: {', '.join(zeros)}"] if zeros else [])])


def _described(value: ArrayLike | str | Path) -> str:
    if isinstance(value, (str, Path)):
        return Path(value).name
    return f"{value:g}" if isinstance(value, (int, float)) else f"an array {np.shape(value)}"


def _is_same(value: ArrayLike | str | Path) -> bool:
    return value == THE_IMAGE if isinstance(value, str) else isinstance(value, np.ndarray) and not value.size


def _value(name: str, value: ArrayLike | str | Path, layer: HeldInput, form: InputForm) -> NDArray[np.float32]:
    if _is_same(value):
        return SAME
    if isinstance(value, (int, float)):
        return np.full(layer.held, value, np.float32)
    if isinstance(value, (str, Path)) and not is_array_file(value):
        array = _image(name, Path(value), layer.shape, form)
    else:
        array = np.asarray(read_array(value) if isinstance(value, (str, Path)) else value, np.float32)
    if len(array.shape) != len(layer.shape) or any(
        side not in (None, length) for side, length in zip(layer.shape, array.shape, strict=True)
    ):
        raise InputFormError(f"--input {name}: the value has the shape {array.shape}, the input {layer.shape}")
    return array


def _image(name: str, path: Path, shape: Shape, form: InputForm) -> NDArray[np.float32]:
    """Return an image file as this input takes it, resized and with values as the input form says."""
    where, channels = f"--input {name}={path.name}", shape[-1] if len(shape) == 3 else None
    if channels is None:
        raise InputFormError(f"{where}: the input {shape} takes no image; give a number or a .npy file")
    if channels != form.channels and max(len(form.mean), len(form.std)) > 1:
        raise InputFormError(f"{where}: the input form has {form.channels} channels, not {channels}; give a .npy file")
    if channels != form.channels:
        form = replace(form, channels=channels, order=InputForm.from_range(0, 1, channels=channels).order)
    form = replace(form, size=(shape[0], shape[1]))
    image = form.fit(read_image(path, channels=form.channels, bits=form.bits))
    return np.asarray(form.to_input(image[None])[0], np.float32)
