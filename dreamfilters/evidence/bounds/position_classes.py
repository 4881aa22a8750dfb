"""Classes of map positions with equal bounds: positions whose receptive fields overlap padding in the same way.

All positions of the input have the same box, so the bounds of two positions of a map differ only if their windows
overlap the zero padding differently. Rows and columns are independent, so each axis is labeled separately.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np

from dreamfilters.evidence.bounds.affine_layers import padding
from dreamfilters.evidence.bounds.affine_operators import ChannelScale, Linear, Rearrangement
from dreamfilters.evidence.bounds.interval_arithmetic import IntervalPropagation, Part
from dreamfilters.evidence.bounds.intervals import Interval, require_bounds
from dreamfilters.networks.activation_functions import is_pure
from dreamfilters.networks.graph import Slot, Step
from dreamfilters.networks.layers.pass_through import types_of

Labels: TypeAlias = tuple[int, ...]
AxisLabels: TypeAlias = tuple[Labels, Labels]  # of the rows and of the columns

IDENTITIES = types_of("identity")


def representatives(axes: AxisLabels) -> list[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """Return one position (row, column) of each class, with the rows and columns of the class, largest class first."""
    rows, columns = (np.asarray(labels) for labels in axes)
    classes = []
    for row in np.unique(rows):
        for column in np.unique(columns):
            down, across = np.flatnonzero(rows == row), np.flatnonzero(columns == column)
            classes.append(((int(down[len(down) // 2]), int(across[len(across) // 2])), down, across))
    return sorted(classes, key=lambda each: -len(each[1]) * len(each[2]))


def input_labels(shape: tuple[int, ...]) -> AxisLabels:
    """Return the labels of the input: one class."""
    return (0,) * shape[0], (0,) * shape[1]


def position_labels(step: Step, known: IntervalPropagation, axes: dict[int, AxisLabels]) -> AxisLabels:
    """Return the labels of a step's value before its activation; one class for tokens and vectors."""
    bounds = known.before[step.name]
    shape = bounds.low.shape if isinstance(bounds, Interval) else ()
    if len(shape) != 3:
        return (0,), (0,)
    sources = [axes[slot] for slot in step.inputs]
    if step.name in known.parts:
        labels = sources[0]
        for part in known.parts[step.name]:
            labels = _through(part, labels, shape)
        return labels
    if is_pure(step) or step.type in IDENTITIES:
        return sources[0]
    if step.type == "MaxPooling2D" and not step.channels_first:
        layer = step.operation
        size = require_bounds(known.slots[step.inputs[0]]).low.shape
        pads = [padding(layer.padding, size[a], layer.pool_size[a], layer.strides[a]) for a in (0, 1)]
        down, across = (
            _windows(sources[0][a], layer.pool_size[a], layer.strides[a], 1, pads[a], shape[a]) for a in (0, 1)
        )
        return down, across
    if step.type == "Cropping2D" and not step.channels_first:
        (top, _), (left, _) = step.operation.cropping
        rows, columns = sources[0]
        return rows[top : top + shape[0]], columns[left : left + shape[1]]
    no_arrays = all(isinstance(leaf, Slot) or _is_uniform(leaf) for leaf in keras.tree.flatten(step.arguments))
    same_size = all(len(rows) == shape[0] and len(columns) == shape[1] for rows, columns in sources)
    if step.type in _ELEMENTWISE and no_arrays and same_size and not step.channels_first:
        down, across = (_numbered(zip(*(source[a] for source in sources), strict=True)) for a in (0, 1))
        return down, across
    return _distinct(shape)


_ELEMENTWISE = frozenset(
    {"Add", "Subtract", "Average", "Maximum", "Minimum", "Concatenate", "Multiply", "Divide", "TrueDivide"}
)


def _is_uniform(constant: Any) -> bool:
    """Return whether a constant is the same at all positions: a number, or one for each channel."""
    shape = getattr(constant, "shape", (1, 1))
    return isinstance(constant, int | float) or all(side == 1 for side in shape[:-1])


def _through(part: Part, labels: AxisLabels, shape: tuple[int, ...]) -> AxisLabels:
    operator = part.operator
    if isinstance(operator, Linear | ChannelScale):
        return labels
    if isinstance(operator, Rearrangement):
        return _distinct(shape)
    kernel = operator.kernel.shape
    down, across = (
        _windows(labels[a], kernel[a], operator.strides[a], operator.dilation[a], operator.pads[a], None)
        for a in (0, 1)
    )
    return down, across


def _windows(labels: Labels, size: int, stride: int, dilation: int, pads: tuple[int, int], count: int | None) -> Labels:
    """Label the windows of an axis by the labels they cover; -1 is padding."""
    padded = (-1,) * pads[0] + labels + (-1,) * pads[1]
    reach = (size - 1) * dilation + 1
    firsts: Iterable[int] = range(0, len(padded) - reach + 1, stride)
    windows = [tuple(padded[first : first + reach : dilation]) for first in firsts]
    return _numbered(windows[:count])


def _numbered(keys: Iterable[Hashable]) -> Labels:
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(key, len(numbers)) for key in keys)


def _distinct(shape: Sequence[int]) -> AxisLabels:
    return tuple(range(shape[0])), tuple(range(shape[1]))
