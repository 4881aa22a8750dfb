"""Which places of a map are alike: those that see the same arrangement of interior and border.

All places of the input have the same box, so two places of a map can have different bounds only where their windows
meet the zeros around a map differently. Rows and columns are independent, so each axis is labeled on its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

import keras
import numpy as np

from dreamfilters.evidence.bounds.affine_operators import ChannelScale, Linear, Rearrangement, padding
from dreamfilters.evidence.bounds.interval_arithmetic import Interval, IntervalPropagation, Part, require_bounds
from dreamfilters.networks.activation_functions import is_pure
from dreamfilters.networks.graph import Slot, Step
from dreamfilters.networks.layers.pass_through import types_of

Labels: TypeAlias = tuple[int, ...]
AxisLabels: TypeAlias = tuple[Labels, Labels]  # of the rows and of the columns

IDENTITIES = types_of("identity")


def representatives(axes: AxisLabels) -> list[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """Return one place (row, column) of each kind with the rows and columns of all of them, the most common first."""
    rows, columns = (np.asarray(labels) for labels in axes)
    found = []
    for row in np.unique(rows):
        for column in np.unique(columns):
            like, across = np.flatnonzero(rows == row), np.flatnonzero(columns == column)
            found.append(((int(like[len(like) // 2]), int(across[len(across) // 2])), like, across))
    return sorted(found, key=lambda kind: -len(kind[1]) * len(kind[2]))


def input_labels(shape: tuple[int, ...]) -> AxisLabels:
    """Return the labels of the input: all places alike."""
    return (0,) * shape[0], (0,) * shape[1]


def position_labels(step: Step, known: IntervalPropagation, axes: dict[int, AxisLabels]) -> AxisLabels:
    """Return the labels of what a step computes before its activation."""
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
    plain = all(isinstance(leaf, Slot | int | float) for leaf in keras.tree.flatten(step.arguments))
    same = all(len(rows) == shape[0] and len(columns) == shape[1] for rows, columns in sources)
    if step.type in _TOGETHER and plain and same and not step.channels_first:
        down, across = (_numbered(zip(*(source[a] for source in sources), strict=True)) for a in (0, 1))
        return down, across
    return _apart(shape)


_TOGETHER = frozenset({"Add", "Subtract", "Average", "Maximum", "Minimum", "Concatenate", "Multiply"})


def _through(part: Part, labels: AxisLabels, shape: tuple[int, ...]) -> AxisLabels:
    operator = part.operator
    if isinstance(operator, Linear | ChannelScale):
        return labels
    if isinstance(operator, Rearrangement):
        return _apart(shape)
    kernel = operator.kernel.shape
    down, across = (
        _windows(labels[a], kernel[a], operator.strides[a], operator.dilation[a], operator.pads[a], None)
        for a in (0, 1)
    )
    return down, across


def _windows(labels: Labels, size: int, stride: int, dilation: int, pads: tuple[int, int], count: int | None) -> Labels:
    """Label the windows of an axis by what they see; -1 is a zero beyond the edge."""
    padded = (-1,) * pads[0] + labels + (-1,) * pads[1]
    reach = (size - 1) * dilation + 1
    firsts: Iterable[int] = range(0, len(padded) - reach + 1, stride)
    seen = [tuple(padded[first : first + reach : dilation]) for first in firsts]
    return _numbered(seen[:count])


def _numbered(kinds: Iterable[Hashable]) -> Labels:
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(kind, len(numbers)) for kind in kinds)


def _apart(shape: Sequence[int]) -> AxisLabels:
    return tuple(range(shape[0])), tuple(range(shape[1]))
