"""Loops of plain Python that numba compiles, where it is installed: NumPy computes the same bytes, later.

Nothing is added in another order than the loops say: the lanes of a vector are units. Without `fastmath` no product is
fused with a sum, so that every processor rounds alike. An inner loop has few arrays, so that the compiler proves them
apart, takes them as slices, whose indices are never negative, and has no `and` and `or`, which would be branches.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeAlias

Loop: TypeAlias = Callable[..., None]

_compiled: dict[Loop, Loop] = {}


def compiled(loop: Loop, *, pays: bool) -> Loop | None:
    """Return the loop for numba to compile when it is called; None without numba, and if compiling does not pay.

    It is compiled once in a process, and returned from then on. It holds no lock of Python, so that threads run it at
    the same time. numba stores it only where NUMBA_CACHE_DIR in the environment names a folder.

    Args:
        loop: a function of this package, with arrays and numbers as arguments.
        pays: whether the caller has so much work that compiling takes less time than it saves.
    """
    if loop not in _compiled and pays and find_spec("numba"):
        import numba

        _compiled[loop] = numba.njit(nogil=True, error_model="numpy", cache=bool(numba.config.CACHE_DIR))(loop)
    return _compiled.get(loop)
