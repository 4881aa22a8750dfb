"""Warnings and log lines of image libraries on large sizes and odd metadata are not shown; relevant ones are errors."""

from __future__ import annotations

import logging
import threading
import warnings


class _Quiet:
    """Ignores warnings and what tifffile logs while at least one thread is inside.

    Warnings are a setting of the process: threads that each changed it and set it back would leave it changed.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._setting = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._setting = warnings.catch_warnings()
                self._setting.__enter__()
                warnings.simplefilter("ignore")
                _LOG.addFilter(_nothing)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _LOG.removeFilter(_nothing)
                self._setting.__exit__(None, None, None)


def _nothing(_: logging.LogRecord) -> bool:
    return False


_LOG = logging.getLogger("tifffile")
quiet = _Quiet()
