"""A function in a thread of its own that is stopped when it uses more CPU time or memory than it may.

This is the last defense for what no check foresees: Keras builds a graph in loops of Python, which an exception from
outside ends. Work inside one call of a library is stopped when the call returns.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from dreamfilters.errors import ModelError

T = TypeVar("T")

_PERIOD = 0.05  # seconds between two checks
_REPEAT = 0.5  # seconds until a thread that goes on is stopped again
_PATIENCE = 5.0  # seconds for a thread to end
_STATM = Path("/proc/self/statm")  # of Linux; elsewhere, memory is not limited


class _Stopped(BaseException):
    """Raised inside the thread; not an `Exception`, which Keras would catch and turn into another."""


def run_guarded(function: Callable[[], T], *, seconds: float = inf, memory: float = inf) -> T:
    """Return what a function returns, after it ran in a new thread.

    Args:
        function: what is called.
        seconds: CPU time that the process may use while it runs.
        memory: bytes by which the process may grow.

    Raises:
        ModelError: the function used more.
        Exception: what the function raises.

    Example:
        >>> run_guarded(lambda: 6 * 7)
        42
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=work, name="guarded", daemon=True)
    started, before = time.process_time(), _memory()
    try:
        thread.start()  # an interrupt may come before it returns
        while thread.is_alive():
            thread.join(_PERIOD)
            if time.process_time() - started > seconds:
                raise ModelError(f"its graph takes more than {seconds:g} s of CPU time to build{_WAY}")
            if _memory() - before > memory:
                raise ModelError(f"its graph takes more than {memory / 1e9:.1f} GB of memory to build{_WAY}")
    except BaseException:
        _stop(thread, outcome)
        raise
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]  # type: ignore[no-any-return]


_WAY = "; use --trust (trust=True) if you trust the file"


def _stop(thread: threading.Thread, outcome: Mapping[str, Any]) -> None:
    """Raise `_Stopped` in a thread until its function ends; code may catch the first ones."""
    until = time.monotonic() + _PATIENCE
    with _quiet():
        while thread.is_alive() and not outcome and time.monotonic() < until:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stopped))
            thread.join(_REPEAT)
        thread.join(_PERIOD)


@contextmanager
def _quiet() -> Iterator[None]:
    """Print nothing where `_Stopped` is raised in a callback of the garbage collector, which goes on after it."""
    before = sys.unraisablehook

    def report(found: Any) -> None:
        if not issubclass(found.exc_type, _Stopped):
            before(found)

    sys.unraisablehook = report
    try:
        yield
    finally:
        sys.unraisablehook = before


def _memory() -> int:
    """Return the resident bytes of this process, 0 where they are not known."""
    with suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
