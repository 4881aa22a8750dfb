"""Which layers and units of two networks correspond: by their responses to the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Reals = NDArray[np.float64]

_TIE = 1e-6  # of a correlation: rounding of float32 responses


def linear_cka(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the linear CKA of two layers' responses, (images, units) each; 0 where one of them is constant.

    It is 1 for responses that are equal up to an orthogonal map and a factor (Kornblith, Norouzi, Lee, Hinton,
    "Similarity of neural network representations revisited", ICML 2019, equation 5), so also for permuted units.

    >>> linear_cka([[1.0, 0], [0, 1], [0, 0]], [[0.0, 2], [2, 0], [0, 0]])
    1.0
    """
    a, b = (_gram(values) for values in (first, second))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return round(float((a * b).sum()) / size, 12) if size > 0 else 0.0


def _gram(values: NDArray[Any]) -> Reals:
    """Return the products of the images' centered responses, (images, images)."""
    centered = np.asarray(values, np.float64)
    centered = centered - centered.mean(axis=0)
    return np.asarray(centered @ centered.T)


@dataclass(frozen=True, eq=False)
class UnitMatches:
    """The partners of a layer's units in another layer.

    Attributes:
        first, second: (pairs,) the units of the one and of the other layer.
        correlations: (pairs,) of their responses to the images that were not used to find the pairs.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    correlations: Reals


def match_units(first: NDArray[Any], second: NDArray[Any]) -> UnitMatches:
    """Return the best partner of each unit that varies, one to one, from responses (images, units) each.

    Every other image decides the pairs, whose correlations add up to the most that is possible; the correlation of a
    pair is measured on the others. A unit whose partner of the same number is as good as any other has that one.

    Example:
        >>> responses = np.random.default_rng(0).random((20, 3))
        >>> match_units(responses, responses[:, [2, 0, 1]]).second.tolist()
        [1, 2, 0]
    """
    a, b = (np.asarray(values, np.float64) for values in (first, second))
    chosen, held = np.arange(len(a)) % 2 == 0, np.arange(len(a)) % 2 == 1
    rows, columns = (np.flatnonzero(_varies(values)) for values in (a, b))
    table = _table(a[chosen][:, rows], b[chosen][:, columns])
    pairs = _same_number(table, rows, columns)
    taken = zip(*pairs, strict=True) if pairs else ((), ())
    left = [
        np.setdiff1d(np.arange(len(side)), np.array(used, np.intp))
        for side, used in zip((rows, columns), taken, strict=True)
    ]
    found = linear_sum_assignment(-table[np.ix_(*left)])
    pairs += list(zip(left[0][found[0]].tolist(), left[1][found[1]].tolist(), strict=True))
    order = sorted(pairs)
    one, other = (np.array([pair[side] for pair in order], np.intp) for side in (0, 1))
    return UnitMatches(rows[one], columns[other], _paired(a[held][:, rows[one]], b[held][:, columns[other]]))


def _varies(values: Reals) -> NDArray[np.bool_]:
    """Return which columns vary on either half of the images."""
    return np.asarray((np.ptp(values[::2], axis=0) > 0) & (np.ptp(values[1::2], axis=0) > 0))


def _table(first: Reals, second: Reals) -> Reals:
    """Return the correlation of each column with each other, (units, units)."""
    a, b = (_standardized(values) for values in (first, second))
    return np.asarray(a.T @ b)


def _paired(first: Reals, second: Reals) -> Reals:
    a, b = (_standardized(values) for values in (first, second))
    return np.asarray((a * b).sum(axis=0))


def _standardized(values: Reals) -> Reals:
    centered = values - values.mean(axis=0)
    return np.asarray(centered / np.linalg.norm(centered, axis=0))


def _same_number(table: Reals, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return the places of pairs of one number whose correlation no other partner of either exceeds."""
    place = {int(unit): number for number, unit in enumerate(columns)}
    if not table.size:
        return []
    best_of_row, best_of_column = table.max(axis=1), table.max(axis=0)
    return [
        (row, place[int(unit)])
        for row, unit in enumerate(rows)
        if int(unit) in place
        and table[row, place[int(unit)]] >= max(best_of_row[row], best_of_column[place[int(unit)]]) - _TIE
    ]


def match_layers(similarity: Reals, least: float) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns whose similarities add up to the most, one to one, from `least` on.

    >>> match_layers(np.array([[0.9, 0.2], [0.8, 0.1]]), 0.5)
    [(0, 0)]
    """
    rows, columns = linear_sum_assignment(-similarity)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if similarity[row, column] >= least]
