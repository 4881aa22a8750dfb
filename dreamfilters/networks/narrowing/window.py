"""The part of the input that one position of a map depends on, as a window of one size for all positions.

The network computes on a window what it computes on the whole input, up to rounding, at the position that the window is
for:

- A window begins at a multiple of the stride of every step, and its sides are those of the input less a multiple of
  it, so that each step divides it into the same windows and pads it by the same numbers.
- It holds the receptive field as far as that lies inside the input, and never exceeds the input. Where the field
  reaches over an edge of the input, the window ends there too, and each step pads it as it pads the input.
- Its other edges are padded as well, but what this changes lies outside the receptive field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.networks.graph import Graph, Shape, Slot, Step
from dreamfilters.networks.layers.receptive_field_rules import CONVOLUTIONS, POOLING, Pair, Span, span_after


@dataclass(frozen=True)
class FieldWindow:
    """The windows of the positions of one map on an input of one size; each attribute is (down, right).

    Attributes:
        size: of a window in pixels.
        room: the largest number of the first row and column of a window.
        grid: every window begins at a multiple of these.
        stride: pixels from the receptive field of one position to that of the next.
        offset: first row and column of the receptive field of position (0, 0), negative where there is padding.
    """

    size: tuple[int, int]
    room: tuple[int, int]
    grid: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]

    @property
    def share(self) -> float:
        """The share of the input's pixels that a window has."""
        return math.prod(side / (side + room) for side, room in zip(self.size, self.room, strict=True))

    def starts(self, position: tuple[Tensor, Tensor]) -> Tensor:
        """Return the first (row, column) of the window of each (row, column) of the map: two (n,) -> (n, 2)."""
        sides = zip(position, self.offset, self.stride, self.grid, self.room, strict=True)
        firsts = [
            ops.clip((place * stride + offset) // grid * grid, 0, room) for place, offset, stride, grid, room in sides
        ]
        return ops.stack(firsts, axis=1)

    def cut(self, x: Tensor, starts: Tensor) -> Tensor:
        """Return the windows of inputs (n, h, w, c) that begin at `starts`; the gradient is exact."""
        return backend.roll(x, -starts)[:, : self.size[0], : self.size[1]]

    def places(self, position: tuple[Tensor, Tensor], starts: Tensor) -> tuple[Tensor, ...]:
        """Return the position in the map of the window, for a position in the map of the whole input."""
        return tuple(place - starts[:, axis] // self.stride[axis] for axis, place in enumerate(position))


def position_of(maps: Tensor, position: tuple[Tensor, ...]) -> Tensor:
    """Return the channels at one (row, column), each (n,), of each map: (n, h, w, c) -> (n, 1, 1, c)."""
    _, height, width, channels = maps.shape
    flat = ops.reshape(maps, (-1, height * width, channels))
    index = ops.reshape(position[0] * width + position[1], (-1, 1, 1))
    return ops.take_along_axis(flat, index, axis=1)[:, :, None]


def window_of(graph: Graph, layer: str, size: tuple[int, int]) -> FieldWindow | None:
    """Return the windows for the map of a layer on inputs of this size (h, w).

    None if a position depends on the whole input, or on the way to it are steps other than convolutions, pooling,
    padding with zeros and those that keep every position. Then, too, if a window would be as large as the input.
    """
    channels = graph.input_shape[2]
    shapes: dict[int, Shape] = {0: (*size, channels)}
    pairs: dict[int, Pair | None] = {0: (Span(), Span())}
    grid = [1, 1]
    last = graph.by_name[layer].outputs[0]
    for step in graph.needed({last}):
        shape = _shape_after(step, [shapes[slot] for slot in step.inputs])
        if shape is None or not _is_same_everywhere(step):
            return None
        sized = replace(step, shape=(shape[2], *shape[:2]) if step.channels_first else shape)
        pair = span_after(sized, [pairs[slot] for slot in step.inputs], [shapes[slot] for slot in step.inputs])
        if pair is None:
            return None
        grid = [math.lcm(side, int(span.stride)) for side, span in zip(grid, pair, strict=True)]
        pairs.update(dict.fromkeys(step.outputs, pair))
        shapes.update(dict.fromkeys(step.outputs, shape))
    pair = pairs[last]
    if pair is None:
        return None
    sides = [_side(length, int(span.size), by) for length, span, by in zip(size, pair, grid, strict=True)]
    if sides == list(size):
        return None
    return FieldWindow(
        size=(sides[0], sides[1]),
        room=(size[0] - sides[0], size[1] - sides[1]),
        grid=(grid[0], grid[1]),
        stride=(int(pair[0].stride), int(pair[1].stride)),
        offset=(int(pair[0].start), int(pair[1].start)),
    )


def _side(length: int, field: int, grid: int) -> int:
    """Return the side of a window: the field and up to `grid` - 1 pixels before it, and `length` less a multiple."""
    least = field + grid - 1
    return length - max(0, (length - least) // grid) * grid


def _shape_after(step: Step, before: list[Shape]) -> Shape | None:
    """Return the shape (h, w, c) of a step's map, None for a step whose shape or padding follows another rule."""
    layer: Any = step.operation
    channels = (step.shape[0] if step.channels_first else step.shape[-1]) if len(step.shape) == 3 else None
    if isinstance(layer, (*CONVOLUTIONS, *POOLING)):
        windows = layer.pool_size if isinstance(layer, POOLING) else layer.kernel_size
        dilations = (1, 1) if isinstance(layer, POOLING) else layer.dilation_rate
        sides = []
        for length, window, stride, dilation in zip(before[0][:2], windows, layer.strides, dilations, strict=True):
            reach = (window - 1) * dilation + 1
            room = (length or 0) - (reach if layer.padding == "valid" else 1)
            sides.append(max(0, room // stride + 1))
        return (*sides, channels)
    if isinstance(layer, keras.layers.ZeroPadding2D):
        rows, columns = (sum(pad) for pad in layer.padding)
        return ((before[0][0] or 0) + rows, (before[0][1] or 0) + columns, channels)
    if isinstance(layer, (keras.layers.Cropping2D, keras.layers.UpSampling2D, keras.layers.Conv2DTranspose)):
        return None
    maps = [shape for shape in before if len(shape) == len(step.shape)]
    rows, columns = (max((shape[axis] or 0 for shape in maps), default=0) for axis in (0, 1))
    return (rows, columns, channels) if maps else None


def _is_same_everywhere(step: Step) -> bool:
    """Return whether a step computes the same at each position; arrays with rows or columns of their own do not."""
    layer, channel_axes = step.operation, (1,) if step.channels_first else (-1, 3)
    if step.type in ("PReLU", "UnitNormalization"):  # their arrays and sums can be over positions
        return False
    if step.type in ("BatchNormalization", "Normalization"):
        return set(np.ravel(layer.axis).tolist()) <= set(channel_axes)
    arrays = [leaf for leaf in step.tensors if not isinstance(leaf, Slot)]
    arrays += [layer.scale, layer.offset] if step.type == "Rescaling" else []
    last = 0 if step.channels_first else 1
    return all(math.prod(shape[: len(shape) - last]) == 1 for shape in map(np.shape, arrays))
