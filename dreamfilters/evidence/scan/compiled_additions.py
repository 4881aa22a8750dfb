"""The additions to the statistics of a scan as compiled loops, where numba is installed: the same bytes as NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.numba_loops import Loop, compiled

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int32]
Doubles: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

# Statistics (images times units) from which compiling pays: in the seconds that it takes, NumPy adds about so many.
WORTH = 2**25


@dataclass(frozen=True)
class CompiledAdditions:
    """The compiled loops of `sum_rows`, `rank_rows` and `bin_rows`."""

    sum: Loop
    rank: Loop
    bin: Loop


def compiled_additions(amount: float) -> CompiledAdditions | None:
    """Return the compiled loops for so many images times units; None without numba, and for too few."""
    found = [compiled(loop, pays=amount >= WORTH) for loop in (sum_rows, rank_rows, bin_rows)]
    loops = [loop for loop in found if loop is not None]
    return CompiledAdditions(*loops) if len(loops) == len(found) else None


def sum_rows(
    scores: Floats,
    power: Floats,
    labels: Counts,
    total: Doubles,
    squares: Doubles,
    class_count: Counts,
    class_total: Doubles,
    class_squares: Doubles,
) -> None:
    """Add the maxima and means (n, 2 * units) and powers (n, units) of images to `Accumulators.sums`."""
    n, units = power.shape
    for image in range(n):
        means, label = scores[image, units:], labels[image]
        if label >= 0:
            class_count[label] += 1
        for part in range(2):
            columns = slice(part * units, part * units + units)
            values, sums, square_sums = scores[image, columns], total[columns], squares[columns]
            for unit in range(units):
                value = np.float64(values[unit]) if means[unit] == means[unit] else 0.0
                sums[unit] += value
                square_sums[unit] += value * value
            if label >= 0:
                sums, square_sums = class_total[label, columns], class_squares[columns]
                for unit in range(units):
                    value = np.float64(values[unit]) if means[unit] == means[unit] else 0.0
                    sums[unit] += value
                    square_sums[unit] += value * value
        values, sums = power[image], total[2 * units :]
        for unit in range(units):
            sums[unit] += np.float64(values[unit]) if means[unit] == means[unit] else 0.0


def rank_rows(
    indices: Counts, scores: Floats, position: Integers, best: Floats, index: Integers, place: Integers
) -> None:
    """Insert images into `TopK.arrays`; scores (n, 2 * units) are also ranked by their negative."""
    n, columns = scores.shape
    units, last = position.shape[1], len(best) - 1
    for image in range(n):
        values = scores[image]
        for sign in range(2):
            least = best[last, sign * columns : (sign + 1) * columns]
            for column in range(columns):
                score = -values[column] if sign else values[column]
                if score > least[column]:
                    rank, into = last, sign * columns + column
                    while rank and best[rank - 1, into] < score:
                        best[rank, into] = best[rank - 1, into]
                        index[rank, into], place[rank, into] = index[rank - 1, into], place[rank - 1, into]
                        rank -= 1
                    best[rank, into], index[rank, into] = score, indices[image]
                    place[rank, into] = position[image, column % units]


def bin_rows(values: Floats, scale: Doubles, first: Counts, counts: NDArray[np.uint32]) -> None:
    """Count values (n, units) in the bins of `Histograms`, which hold them; those that are not finite are left out."""
    n, units = values.shape
    for image in range(n):
        for unit in range(units):
            value = np.float64(values[image, unit])
            if np.isfinite(value):
                counts[unit, np.int64(np.floor(value * scale[unit])) - first[unit]] += np.uint32(1)
