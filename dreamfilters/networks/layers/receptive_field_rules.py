"""The receptive field of every layer, read off the graph.

Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np

from dreamfilters.networks import activation_functions
from dreamfilters.networks.graph import Graph, Slot, Step
from dreamfilters.networks.layers.layer_info import Number, ReceptiveField, whole
from dreamfilters.networks.layers.layer_kinds import Output, map_shape, outputs_of
from dreamfilters.networks.layers.pass_through import way_of
from dreamfilters.networks.layers.token_places import reach_of


class Span(NamedTuple):
    """One axis: position i depends on the pixels from start + i * stride to start + i * stride + size."""

    size: Number = 1
    stride: Number = 1
    start: Number = 0


Pair: TypeAlias = tuple[Span, Span]  # down, across


def receptive_fields(graph: Graph) -> dict[str, ReceptiveField | None]:
    """Return the receptive field of each step, None for the whole image.

    Fields are exact for convolutions, pooling, padding, cropping, dilation and branches. After upsampling and
    transposed convolutions they can be too large by one pixel of that map. The 'same' padding of a strided layer
    depends on the input size: it is that of the size the model was built with, or of a multiple of the stride. A token
    has the field of its patch until a step mixes positions, such as attention, see `reach_of`.
    """
    spans: dict[int, Pair | None] = {0: (Span(), Span())}
    shapes: dict[int, tuple[int | None, ...]] = {0: graph.input_shape}
    fields: dict[str, ReceptiveField | None] = {}
    outputs, slots = outputs_of(graph), {0: Output(graph.input_shape, "map")}
    patches: set[int] = set()  # slots whose positions are tokens; those of a channel (h, w) are its rows and columns
    for step in graph.steps:
        output, before = outputs[step.name], {slot: slots[slot] for slot in step.inputs}
        pair = None
        if not patches.intersection(step.inputs):
            pair = span_after(step, [spans[slot] for slot in step.inputs], [shapes[slot] for slot in step.inputs])
        is_local = any(spans[slot] is not None for slot, one in before.items() if one.of_image)
        if pair is None and is_local and "tokens" in {one.kind for one in (output, *before.values())}:
            reach = reach_of(step, before, output)
            if reach == "nothing":  # a class token, which takes the tokens for their number only
                output = replace(output, of_image=False)
            elif reach == "patch":
                pair = _united([spans[slot] for slot, one in before.items() if one.of_image])
                patches.update(step.outputs if output.kind == "tokens" else ())
        slots.update(dict.fromkeys(step.outputs, output))
        origin = graph.origins.get(step.outputs[0])
        if origin is not None and shapes[origin] == step.shape:  # back in the shape of a map
            pair = spans[origin]
        spans.update(dict.fromkeys(step.outputs, pair))
        shapes.update(dict.fromkeys(step.outputs, map_shape(step)))
        fields[step.name] = None if pair is None else ReceptiveField(*zip(*pair, strict=True))
    return fields


def span_after(step: Step, before: list[Pair | None], shapes: list[tuple[int | None, ...]]) -> Pair | None:
    """Return the pixels that a position depends on behind a step, None for the whole image.

    Args:
        step: with the shape of its output.
        before: those of its inputs.
        shapes: of its inputs, channels last.
    """
    if len(step.shape) not in (2, 3) or any(pair is None for pair in before):
        return None
    if _is_pointwise(step, shapes) or _changes_channels_only(step, len(shapes[0])):
        return _united(before)
    if len(step.shape) == 2:  # any other step may mix the columns of a channel (h, w)
        return None
    axis_rule = _rule(step)
    if axis_rule is None or before[0] is None:
        return None
    return axis_rule(0, before[0][0], shapes[0][0]), axis_rule(1, before[0][1], shapes[0][1])


def _united(branches: list[Pair | None]) -> Pair | None:
    """Return the union of the fields of all branches; None where one is the whole image or their strides differ."""
    pairs = [pair for pair in branches if pair is not None]
    if len(pairs) < len(branches):
        return None
    spans = []
    for axis in (0, 1):
        branch = [pair[axis] for pair in pairs]
        if len({span.stride for span in branch}) != 1:
            return None
        start = min(span.start for span in branch)
        end = max(span.start + span.size for span in branch)
        spans.append(Span(end - start, branch[0].stride, start))
    return spans[0], spans[1]


_AxisRule: TypeAlias = Callable[[int, Span, "int | None"], Span]  # (axis, span before, length of the axis) -> span


def _rule(step: Step) -> _AxisRule | None:
    """Return how a step widens an axis, None for an operation that may depend on all positions."""
    layer: Any = step.operation
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return lambda axis, span, _: _transposed(layer, axis, span)
    if isinstance(layer, (*CONVOLUTIONS, *POOLING)):
        is_pooling = isinstance(layer, POOLING)
        window, dilation = (layer.pool_size, (1, 1)) if is_pooling else (layer.kernel_size, layer.dilation_rate)
        return lambda axis, span, length: _windowed(
            span, length, window[axis], layer.strides[axis], dilation[axis], layer.padding
        )
    if isinstance(layer, keras.layers.ZeroPadding2D):
        return lambda axis, span, _: span._replace(start=span.start - span.stride * layer.padding[axis][0])
    if isinstance(layer, keras.layers.Cropping2D):
        return lambda axis, span, _: span._replace(start=span.start + span.stride * layer.cropping[axis][0])
    if isinstance(layer, keras.layers.UpSampling2D):
        return lambda axis, span, _: _enlarged(span, layer.size[axis], layer.interpolation)
    return None


CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def _windowed(span: Span, length: int | None, window: int, stride: int, dilation: int, padding: str) -> Span:
    """Return the span after a window slides over the axis."""
    reach = (window - 1) * dilation + 1
    before = 0
    if padding == "same":  # TensorFlow's rule: an odd pixel is added at the end
        rest = (length % stride or stride) if length else stride
        before = max(reach - rest, 0) // 2
    return Span(span.size + (reach - 1) * span.stride, span.stride * stride, span.start - before * span.stride)


def _transposed(layer: Any, axis: int, span: Span) -> Span:
    """Position i of a transposed convolution depends on the inputs j with 0 <= i + cut - j * stride < reach."""
    stride = layer.strides[axis]
    reach = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
    cut = max(reach - stride, 0) // 2 if layer.padding == "same" else 0
    step = whole(Fraction(span.stride) / stride)
    return Span(whole(span.size + (reach - 1) * step), step, whole(span.start + (cut - reach + 1) * step))


def _enlarged(span: Span, factor: int, interpolation: str) -> Span:
    """Return the span after upsampling: position i shows position i // factor, or interpolates between two."""
    step = whole(Fraction(span.stride) / factor)
    size, start = span.size + (factor - 1) * step, span.start - (factor - 1) * step
    reach = {"nearest": 0, "bilinear": 1}.get(interpolation, 3) * span.stride
    return Span(whole(size + 2 * reach), step, whole(start - reach))


def _is_pointwise(step: Step, shapes: list[tuple[int | None, ...]]) -> bool:
    """Return whether each position of the output depends on the same position of the inputs only."""
    shape, layer = map_shape(step), step.operation
    if step.type in _ARITHMETIC:
        return all(len(each) == len(shape) and each[:2] == shape[:2] for each in shapes)
    if len(shape) != 3:
        return False
    if isinstance(layer, keras.layers.Concatenate) or step.type == "Concatenate":
        return bool(layer.axis in ((1, -3) if step.channels_first else (3, -1)))
    if isinstance(layer, keras.layers.LayerNormalization):
        return tuple(layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]) in ((-1,), (3,))
    if isinstance(layer, (keras.layers.Softmax, keras.layers.Normalization)):
        return True
    if activation_functions.is_pure(step) or way_of(step.type) == "identity":
        return True
    scalars = (Slot, int, float, str, type(None))
    return step.type in _POINTWISE and all(isinstance(leaf, scalars) for leaf in keras.tree.flatten(step.arguments))


_POINTWISE = frozenset({"Dense", "BatchNormalization", "UnitNormalization", "LayerScale", "StochasticDepth"})
# Of tensors and constants of any shape, as long as none of them adds rows or columns to another.
_ARITHMETIC = frozenset(
    {"Rescaling", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Average", "Maximum", "Minimum", "Absolute",
     "Negative", "Square", "Sqrt", "Exp", "Log", "Power", "Clip", "Cast", "Softsign", "Celu"}
)  # fmt: skip


def _changes_channels_only(step: Step, axes: int) -> bool:
    """Return whether an operation on inputs of this many axes, without the batch, only chooses or joins channels.

    Such operations reorder RGB to BGR in `preprocess_input`. A single channel has two axes, (h, w).
    """
    joins = step.type in ("Stack", "ExpandDims")
    if step.type == "GetItem":
        touched = _indexed_axes(step.arguments[0][-1], 1 + axes)
    elif joins or step.type in ("Split", "Unstack", "Flip"):
        touched = {axis % (1 + axes + joins) for axis in np.ravel(step.operation.axis) if axis is not None}
    else:
        return False
    return touched == {1 if step.channels_first else 3}


def _indexed_axes(key: Any, rank: int) -> set[int]:
    """Return the axes of a tensor of this rank, with the batch, from which an index chooses."""
    parts = list(key) if isinstance(key, (list, tuple)) else [key]
    if None in parts:  # adds an axis
        return set()
    start = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    after = parts[start + 1 :]
    places = [*range(start), *range(rank - len(after), rank)]
    return {place for place, part in zip(places, [*parts[:start], *after], strict=True) if part != slice(None)}
