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
# written. Without `fastmath` no product is fused with a sum, so that every processor rounds alike. The inner loops have
# few arrays each, so that the compiler proves them apart.
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
            for k in range(count):
                top[k] = bottom[k] = given[start + k]
                empty[k] = none
                row_of[k] = 0
            for begin in range(0, rows, ROWS):
                for k in range(count):
                    added[k] = powers[k] = none
                for row in range(begin, min(begin + ROWS, rows)):
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
                for k in range(count):
                    total[start + k] = added[k] if begin == 0 else total[start + k] + added[k]
                for k in range(count):
                    squares[start + k] = powers[k] if begin == 0 else squares[start + k] + powers[k]
            for k in range(count):
                high[start + k], low[start + k], zeros[start + k] = top[k], bottom[k], empty[k]
                at[start + k] = row_of[k] * group + (start + k) // units
        for k in range(rows * lanes, positions * units):  # positions that fill no row
            v_k, lane = given[k], k - rows * lanes
            if v_k > high[lane]:
                high[lane] = v_k
                at[lane] = k // units
            low[lane] = v_k if v_k < low[lane] else low[lane]
            zeros[lane] += one if v_k == none else none
            total[lane] += v_k
            squares[lane] += v_k * v_k
        left = group
        while left > 1:
            half = (left + 1) // 2
            other, count = half * units, (left - half) * units
            for k in range(count):
                total[k] += total[k + other]
                squares[k] += squares[k + other]
                zeros[k] += zeros[k + other]
            for k in range(count):
                low[k] = low[k + other] if low[k + other] < low[k] else low[k]
            for k in range(count):
                better = high[k + other] > high[k] or (high[k + other] == high[k] and at[k + other] < at[k])
                high[k] = high[k + other] if better else high[k]
                at[k] = at[k + other] if better else at[k]
            left = half
        size = np.float32(positions)
        for k in range(units):
            numbers[0, image, first + k] = high[k]
            numbers[1, image, first + k] = low[k]
            numbers[2, image, first + k] = total[k] / size
            numbers[3, image, first + k] = squares[k] / size
            numbers[4, image, first + k] = zeros[k]
            place[image, first + k] = at[k]
