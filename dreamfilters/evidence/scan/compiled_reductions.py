"""The reductions of maps as one compiled loop, where numba is installed: the same bytes as NumPy, sooner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.lanes import LANES, ROWS, groups

Floats: TypeAlias = NDArray[np.float32]

# Bytes of maps from which compiling pays: in the second or two that it takes, NumPy reduces about so many.
WORTH = 8 * 2**30
_BLOCK = LANES
_compiling = threading.Lock()


def compiled_reductions(amount: float) -> CompiledReductions | None:
    """Return the compiled loop for so many bytes of maps; None without numba, and for too few bytes.

    It is compiled once in a process. numba stores it only where NUMBA_CACHE_DIR in the environment names a folder.
    """
    if not find_spec("numba") or (amount < WORTH and not _compiled.cache_info().currsize):
        return None
    with _compiling:
        return _compiled()


class CompiledReductions:
    """The compiled loop. It holds no lock of Python, so that threads run it at the same time, each on its own maps."""

    def __init__(self, loop: Callable[..., None]) -> None:
        self._loop = loop

    def __call__(self, maps: Floats, numbers: Floats, position: NDArray[np.int32], first: int) -> None:
        """Reduce maps (n, h, w, units) into the columns from `first` on.

        Args:
            maps: as `reduce_maps` takes them.
            numbers: (5, n, columns): maximum, minimum, mean, mean square, and number of zeros.
            position: (n, columns) of the maximum, row * width + column; of equal values the first.
            first: the column of the first unit.
        """
        n, height, width, units = maps.shape
        values = np.ascontiguousarray(maps, np.float32).reshape(n, -1).view()
        values.flags.writeable = False  # as maps of TensorFlow are; numba compiles for each kind of array
        self._loop(values, height * width, units, groups(height * width, units), numbers, position, first)


@cache
def _compiled() -> CompiledReductions:
    import numba

    compile_loop = numba.njit(nogil=True, error_model="numpy", cache=bool(numba.config.CACHE_DIR))
    loop = CompiledReductions(compile_loop(reduce_all))
    one = np.zeros((1, 1, 1, 1), np.float32)
    loop(one, np.empty((5, 1, 1), np.float32), np.empty((1, 1), np.int32), 0)
    return loop


# The loops of numba are plain Python, and the lanes of a vector are units: nothing is added in another order than it is
# written. Without `fastmath` no product is fused with a sum, so that every processor rounds alike. For its speed, an
# inner loop has few arrays, so that the compiler proves them apart, reads them as slices, whose indices are never
# negative, and has no `and` and `or`, which would be branches that no processor can predict.
def reduce_all(
    values: Floats, positions: int, units: int, group: int, numbers: Floats, place: NDArray[np.int32], first: int
) -> None:
    """Reduce maps (n, positions * units), see `CompiledReductions` and `lanes`."""
    lanes, rows = group * units, positions // group
    one, none = np.float32(1), np.float32(0)
    high, low, zeros, at = (
        np.empty(lanes, np.float32),
        np.empty(lanes, np.float32),
        np.empty(lanes, np.float32),
        np.empty(lanes, np.int32),
    )
    total, squares = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
    top, bottom, empty, row_of = (
        np.empty(_BLOCK, np.float32),
        np.empty(_BLOCK, np.float32),
        np.empty(_BLOCK, np.float32),
        np.empty(_BLOCK, np.int32),
    )
    added, powers = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    for image in range(values.shape[0]):
        given = values[image]
        for start in range(0, lanes, _BLOCK):
            count = min(_BLOCK, lanes - start)
            v = given[start : start + count]
            for k in range(count):
                top[k] = bottom[k] = v[k]
                empty[k] = none
                row_of[k] = 0
            for begin in range(0, rows, ROWS):
                for k in range(count):
                    added[k] = powers[k] = none
                end = min(begin + ROWS, rows)
                fours = begin + (end - begin) // 4 * 4
                for row in range(begin, fours, 4):  # read and written once for four rows
                    i, here = row * lanes + start, np.int32(row)
                    v, w = given[i : i + count], given[i + lanes : i + lanes + count]
                    i += 2 * lanes
                    x, y = given[i : i + count], given[i + lanes : i + lanes + count]
                    for k in range(count):
                        best, best_row = top[k], row_of[k]
                        best_row, best = (here, v[k]) if v[k] > best else (best_row, best)
                        best_row, best = (here + np.int32(1), w[k]) if w[k] > best else (best_row, best)
                        best_row, best = (here + np.int32(2), x[k]) if x[k] > best else (best_row, best)
                        best_row, best = (here + np.int32(3), y[k]) if y[k] > best else (best_row, best)
                        top[k], row_of[k] = best, best_row
                    for k in range(count):
                        least, count_of_zeros = bottom[k], empty[k]
                        least = v[k] if v[k] < least else least
                        least = w[k] if w[k] < least else least
                        least = x[k] if x[k] < least else least
                        bottom[k] = y[k] if y[k] < least else least
                        count_of_zeros += one if v[k] == none else none
                        count_of_zeros += one if w[k] == none else none
                        count_of_zeros += one if x[k] == none else none
                        empty[k] = count_of_zeros + (one if y[k] == none else none)
                    for k in range(count):
                        added[k] = added[k] + v[k] + w[k] + x[k] + y[k]
                        powers[k] = powers[k] + v[k] * v[k] + w[k] * w[k] + x[k] * x[k] + y[k] * y[k]
                for row in range(fours, end):
                    v = given[row * lanes + start : row * lanes + start + count]
                    here = np.int32(row)
                    for k in range(count):
                        better = v[k] > top[k]
                        top[k] = v[k] if better else top[k]
                        row_of[k] = here if better else row_of[k]
                    for k in range(count):
                        bottom[k] = v[k] if v[k] < bottom[k] else bottom[k]
                        empty[k] += one if v[k] == none else none
                    for k in range(count):
                        added[k] += v[k]
                        powers[k] += v[k] * v[k]
                sums, square_sums = total[start : start + count], squares[start : start + count]
                for k in range(count):
                    sums[k] = added[k] if begin == 0 else sums[k] + added[k]
                    square_sums[k] = powers[k] if begin == 0 else square_sums[k] + powers[k]
            highs, lows, nones = high[start : start + count], low[start : start + count], zeros[start : start + count]
            for k in range(count):
                highs[k], lows[k], nones[k] = top[k], bottom[k], empty[k]
            for k in range(count):
                at[start + k] = row_of[k] * group
        for extra in range(positions - rows * group):  # positions that fill no row
            first_lane, here = extra * units, np.int32(rows * group)
            v = given[rows * lanes + first_lane : rows * lanes + first_lane + units]
            highs, ats, lows = high[first_lane:], at[first_lane:], low[first_lane:]
            for k in range(units):
                better = v[k] > highs[k]
                highs[k] = v[k] if better else highs[k]
                ats[k] = here if better else ats[k]
            nones, sums, square_sums = zeros[first_lane:], total[first_lane:], squares[first_lane:]
            for k in range(units):
                lows[k] = v[k] if v[k] < lows[k] else lows[k]
                nones[k] += one if v[k] == none else none
            for k in range(units):
                sums[k] += v[k]
                square_sums[k] += v[k] * v[k]
        for lane in range(1, group):
            ats = at[lane * units : lane * units + units]
            for k in range(units):
                ats[k] += lane
        left = group
        while left > 1:
            half = (left + 1) // 2
            other, count = half * units, (left - half) * units
            highs, ats, lows = high[other : other + count], at[other : other + count], low[other : other + count]
            nones, sums, square_sums = (
                zeros[other : other + count],
                total[other : other + count],
                squares[other : other + count],
            )
            for k in range(count):
                total[k] += sums[k]
                squares[k] += square_sums[k]
            for k in range(count):
                zeros[k] += nones[k]
                low[k] = lows[k] if lows[k] < low[k] else low[k]
            for k in range(count):
                better = (highs[k] > high[k]) | ((highs[k] == high[k]) & (ats[k] < at[k]))
                high[k] = highs[k] if better else high[k]
                at[k] = ats[k] if better else at[k]
            left = half
        size = np.float32(positions)
        columns = slice(first, first + units)
        highs, lows, nones = numbers[0, image, columns], numbers[1, image, columns], numbers[4, image, columns]
        sums, square_sums, ats = numbers[2, image, columns], numbers[3, image, columns], place[image, columns]
        for k in range(units):
            highs[k], lows[k], nones[k] = high[k], low[k], zeros[k]
        for k in range(units):
            sums[k], square_sums[k] = total[k] / size, squares[k] / size
        for k in range(units):
            ats[k] = at[k]
