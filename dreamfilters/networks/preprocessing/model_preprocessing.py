"""The input form that a model's first layers imply: preprocessing layers that rescale or normalize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.io.model_file import SUFFIXES
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.preprocessing.input_form import InputForm

_BYTE_SCALE = 0.1  # smaller factors expect 0..255: 1/255 and 1/127.5 are usual; 1 to 2 expect 0..1
_BYTE_MEAN = 2.0  # means and stds of values in 0..1 or -1..1 are at most 1


def form_of(graph: Graph, name: str) -> tuple[InputForm, str]:
    """Return the most likely input form, and a line on what was assumed of the model `name`.

    The line is '' if the model's layers imply the range.
    """
    height, width, channels = graph.input_shape
    implied = _implied_range(graph)
    form = InputForm.from_range(*(implied or (0.0, 1.0)), size=(height, width), channels=channels or 3)
    if implied:
        return form, ""
    file = f", or {Path(name).stem}.toml next to it" if Path(name).suffix in SUFFIXES else ""
    what = f"{form.channels} channels" if form.order == "channels" else form.order
    return form, f"assumed that {name} takes {what} in 0..1 (give --range LOW HIGH{file})"


def _implied_range(graph: Graph) -> tuple[float, float] | None:
    """Return the range that the first layers imply, None if they imply none."""
    readers = graph.readers(0)
    while len(readers) == 1:
        (step,) = readers
        implied = _range_of(step)
        if implied or step.type not in _SAME_RANGE:
            return implied
        readers = graph.readers(step.outputs[0])
    return None


# Layers that keep the range of values.
_SAME_RANGE = types_of("identity", "reorder", "pad", "crop", "resize")


def _range_of(step: Step) -> tuple[float, float] | None:
    layer: Any = step.operation
    if isinstance(layer, keras.layers.Rescaling):
        return (0.0, 255.0) if np.max(np.abs(layer.scale)) < _BYTE_SCALE else (0.0, 1.0)
    if isinstance(layer, keras.layers.Normalization):
        mean, spread = as_numpy(layer.mean), np.sqrt(as_numpy(layer.variance))
        if np.all(mean == 0) and np.all(spread == 1):  # never adapted
            return None
        if max(mean.max(), spread.max()) > _BYTE_MEAN:
            return (0.0, 255.0)
        return (-1.0, 1.0) if mean.min() < 0 else (0.0, 1.0)
    # Its running mean is that of the training images; before training it implies nothing.
    if isinstance(layer, keras.layers.BatchNormalization) and as_numpy(layer.moving_mean).max() > _BYTE_MEAN:
        return 0.0, 255.0
    return None
