"""Which part of a picture a place of a map can see, computed from the graph.

For one axis a step that reads `kernel` numbers every `stride` turns (size, stride, offset) of its input into
(size + (kernel - 1) * stride, stride * step, offset + start * stride) (Araujo, Norris and Sim, "Computing receptive
fields of convolutional neural networks", Distill 2019). Branches are joined by the smallest box that holds both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import layers

from dreamfilters.networks.graph import Graph, Step, channels_first


@dataclass(frozen=True)
class Axis:
    """What place p of a map sees along one axis: the pixels from `offset + p * stride`, `size` of them."""

    size: int
    stride: int
    offset: int

    def through(self, kernel: int, step: int, padding: int) -> Axis:
        """Return what is seen through a window of `kernel` numbers, moved by `step`, after `padding` zeros."""
        return Axis(self.size + (kernel - 1) * self.stride, self.stride * step, self.offset - padding * self.stride)

    def with_other(self, other: Axis) -> Axis | None:
        """Return the box that holds both, None where the strides differ and no box holds both at every place."""
        if self.stride != other.stride:
            return None
        start = min(self.offset, other.offset)
        end = max(self.offset + self.size, other.offset + other.size)
        return Axis(end - start, self.stride, start)


@dataclass(frozen=True)
class ReceptiveField:
    """What a place of a map sees; the box may reach beyond the picture, where there is padding."""

    rows: Axis
    columns: Axis

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        return self.rows.size, self.columns.size

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return (top, left, bottom, right) in pixels, bottom and right not included.

        Example:
            >>> field = ReceptiveField(Axis(3, 1, -1), Axis(3, 1, -1))  # one 3x3 convolution, padded
            >>> field.box(0, 5)
            (-1, 4, 2, 7)
        """
        top = self.rows.offset + row * self.rows.stride
        left = self.columns.offset + column * self.columns.stride
        return top, left, top + self.rows.size, left + self.columns.size


WHOLE = None  # a place that sees the whole picture, such as one after global pooling or a dense layer


def receptive_fields(graph: Graph, height: int | None, width: int | None) -> tuple[ReceptiveField | None, ...]:
    """Return the receptive field of each step's places for an input of this size; None means the whole picture.

    "same" padding with strides depends on the size; with an unknown size an even one is assumed, as is usual.
    """
    pixel = Axis(1, 1, 0)
    fields: list[ReceptiveField | None] = []
    sizes: list[tuple[int | None, int | None]] = []
    for number, step in enumerate(graph.steps):
        inputs = [ref[0] for ref in step.inputs]
        before = [fields[i] if i >= 0 else ReceptiveField(pixel, pixel) for i in inputs]
        spatial = _spatial(step.shape, first=channels_first(graph, number))
        size_before = (sizes[inputs[0]] if inputs[0] >= 0 else (height, width)) if inputs else (None, None)
        fields.append(_field(step, before, size_before) if spatial is not None else WHOLE)
        sizes.append(spatial or (None, None))
    return tuple(fields)


def _spatial(shape: tuple[int | None, ...], *, first: bool) -> tuple[int | None, int | None] | None:
    if len(shape) != 4:
        return None
    return (shape[2], shape[3]) if first else (shape[1], shape[2])


def _field(
    step: Step, before: list[ReceptiveField | None], size: tuple[int | None, int | None]
) -> ReceptiveField | None:
    if not before or any(field is None for field in before):
        return WHOLE
    joined = before[0]
    for other in before[1:]:
        joined = _join(joined, other)
    if joined is None:
        return WHOLE
    windows = _windows(step.operation, size)
    if windows is None:
        return WHOLE
    return ReceptiveField(joined.rows.through(*windows[0]), joined.columns.through(*windows[1]))


def _join(left: ReceptiveField | None, right: ReceptiveField | None) -> ReceptiveField | None:
    if left is None or right is None:
        return WHOLE
    rows, columns = left.rows.with_other(right.rows), left.columns.with_other(right.columns)
    return ReceptiveField(rows, columns) if rows and columns else WHOLE


_POOLS = (layers.MaxPooling2D, layers.AveragePooling2D)
_CONVS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_GLOBAL = (
    layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten, layers.Reshape, layers.Permute,
    layers.Resizing, layers.LayerNormalization, layers.GroupNormalization, layers.MultiHeadAttention,
    layers.Conv2DTranspose, layers.UpSampling2D,
)  # fmt: skip


def _windows(
    operation: Any, size: tuple[int | None, int | None]
) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Return (kernel, stride, padding before) for rows and columns; None where a place sees everything."""
    if isinstance(operation, (*_CONVS, *_POOLS)) and not isinstance(operation, layers.Conv2DTranspose):
        kernel = operation.pool_size if isinstance(operation, _POOLS) else operation.kernel_size
        dilation = getattr(operation, "dilation_rate", (1, 1))
        both = []
        for axis in range(2):
            reach = (_pair(kernel)[axis] - 1) * _pair(dilation)[axis] + 1
            stride = _pair(operation.strides)[axis]
            padding = _same_padding(reach, stride, size[axis]) if operation.padding == "same" else 0
            both.append((reach, stride, padding))
        return both[0], both[1]
    if isinstance(operation, layers.ZeroPadding2D):
        (top, _), (left, _) = operation.padding
        return (1, 1, top), (1, 1, left)
    if isinstance(operation, layers.Cropping2D):
        (top, _), (left, _) = operation.cropping
        return (1, 1, -top), (1, 1, -left)
    if isinstance(operation, _GLOBAL) or type(operation).__name__ in ("Mean", "Max", "Sum", "Matmul", "Reshape", "Einsum"):
        return WHOLE
    return (1, 1, 0), (1, 1, 0)  # elementwise: activations, batch norm, dropout, additions, concatenation


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _same_padding(reach: int, stride: int, size: int | None) -> int:
    """Return the zeros before: TensorFlow pads to ceil(size / stride) windows and puts the odd one behind."""
    size = size if size is not None else stride  # any multiple of the stride gives the same
    windows = -(-size // stride)
    return max((windows - 1) * stride + reach - size, 0) // 2
