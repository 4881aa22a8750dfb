"""Places of points in a grid without overlap: near points get near cells."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

_MOST = 800  # points that are assigned at once: the time grows with the third power


def grid_shape(count: int) -> tuple[int, int]:
    """Return the (rows, columns) of a nearly square grid with at least so many cells.

    >>> grid_shape(1), grid_shape(12), grid_shape(12630)
    ((1, 1), (3, 4), (112, 113))
    """
    columns = math.isqrt(max(0, count - 1)) + 1
    return -(-count // columns), columns


def grid_places(positions: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the (row, column) of each of n positions (n, 2) in a grid of `grid_shape(n)`, no two the same.

    Positions are scaled to the grid, the first axis to the right and the second one upwards. Up to 800 points get the
    cells with the least sum of squared distances (a linear assignment). More points are divided at their medians, with
    the grid, until a part has few enough, as in DGrid (Hilasaca et al., "A Grid-based Method for Removing Overlaps of
    Dimensionality Reduction Scatterplot Layouts", 2019).

    Example:
        >>> grid_places(np.array([[0.0, 0.0], [1.0, 0.1], [0.1, 1.0], [0.9, 0.9]])).tolist()
        [[1, 0], [1, 1], [0, 0], [0, 1]]
    """
    rows, columns = grid_shape(len(positions))
    low, high = positions.min(axis=0), positions.max(axis=0)
    share = (positions - low) / np.where(high > low, high - low, 1)
    at = np.stack([(1 - share[:, 1]) * (rows - 1), share[:, 0] * (columns - 1)], axis=1)  # in cells, row first
    places = np.empty((len(positions), 2), np.intp)
    _place(np.arange(len(positions)), (0, 0), (rows, columns), at, places)
    return places


def _place(
    points: NDArray[np.intp],
    corner: tuple[int, int],
    sides: tuple[int, int],
    at: NDArray[np.float64],
    places: NDArray[np.intp],
) -> None:
    """Write the places of points, which fit into the cells of a rectangle of the grid."""
    if len(points) <= _MOST:
        cells = np.stack(np.unravel_index(np.arange(math.prod(sides)), sides), axis=1) + corner
        cost = ((_within(at[points], corner, sides)[:, None] - cells) ** 2).sum(axis=2)
        chosen = linear_sum_assignment(cost)[1]
        places[points] = cells[chosen]
        return
    axis = 0 if sides[0] > sides[1] else 1
    half = sides[axis] // 2
    first, second = ((size, sides[1]) if axis == 0 else (sides[0], size) for size in (half, sides[axis] - half))
    count = min(max(round(len(points) * half / sides[axis]), len(points) - math.prod(second)), math.prod(first))
    ordered = points[np.argsort(at[points, axis], kind="stable")]
    _place(ordered[:count], corner, first, at, places)
    beyond = (corner[0] + half, corner[1]) if axis == 0 else (corner[0], corner[1] + half)
    _place(ordered[count:], beyond, second, at, places)


def _within(at: NDArray[np.float64], corner: tuple[int, int], sides: tuple[int, int]) -> NDArray[np.float64]:
    """Return positions scaled to a rectangle of cells."""
    low, high = at.min(axis=0), at.max(axis=0)
    return np.asarray(corner + (at - low) / np.where(high > low, high - low, 1) * (np.array(sides) - 1))
