"""How many rows of the batch one image takes at every step: more than one where windows are folded into the batch.

Swin transformers reshape a map (n, h, w, c) to windows (n * k, m, m, c). Row i of such an output is not image i.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import keras

from dreamfilters.networks.graph import Graph, Slot, Step, twin

# Images in the trace: a number that is rarely a side, a number of channels or of windows.
_IMAGES = 7


def rows_per_image(graph: Graph) -> dict[str, Fraction]:
    """Return the length of the first axis of each step's output, for each image: 1 where it is the batch.

    Layers of Keras keep the batch. Operations of `keras.ops` and other layers are traced on seven images. No value is
    computed. A length that depends on the size of the image is taken to be the batch.
    """
    *sides, channels = graph.input_shape
    shape = (channels, *sides) if graph.channels_first else graph.input_shape
    traced: dict[int, Any] = {0: keras.KerasTensor((_IMAGES, *shape), "float32")}
    rows = {}
    for step in graph.steps:
        outputs = _traced(step, traced)
        traced.update(zip(step.outputs, outputs, strict=True))
        rows[step.name] = Fraction(_rows(outputs[0]) or _IMAGES, _IMAGES)
    return rows


def _traced(step: Step, traced: dict[int, Any]) -> list[Any]:
    """Return symbolic outputs of a step with their first axis."""
    before = [_rows(traced[slot]) for slot in step.inputs]
    if not (_keeps_batch(step) and len(set(before)) == 1):
        args, kwargs = keras.tree.map_structure(
            lambda leaf: traced[leaf.number] if isinstance(leaf, Slot) else leaf, step.arguments
        )
        try:
            return list(keras.tree.flatten(twin(step.operation).compute_output_spec(*args, **kwargs)))
        except Exception:  # a layer that cannot be traced on this size is named when it is run
            pass
    return [keras.KerasTensor((before[0] if before else _IMAGES, *step.shape), step.dtype) for _ in step.outputs]


def _rows(tensor: Any) -> int | None:
    """Return the length of the first axis; a single number has one row for all images."""
    return tensor.shape[0] if tensor.shape else 1


def _keeps_batch(step: Step) -> bool:
    """Return whether a step is a layer of Keras with one output, which keeps the batch."""
    layer = step.operation
    is_built_in = isinstance(layer, keras.layers.Layer) and type(layer).__module__.startswith("keras.src.layers.")
    return is_built_in and not isinstance(layer, keras.layers.Lambda) and len(step.outputs) == 1
