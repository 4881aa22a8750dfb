"""Signals that end the viewer: the first one is noted, further ones change nothing, and none raises an exception."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, kill, and a terminal that is closed; Windows has no SIGHUP


class StopSignals:
    """Ctrl-C and the other signals, noted from `handle` on.

    Attributes:
        noted: whether one has arrived. (A `threading.Event` could not be set: the handler may interrupt its `wait`.)
    """

    def __init__(self) -> None:
        self.noted = False
        self._before: dict[int, Any] = {}

    def handle(self) -> StopSignals:
        """Note the signals from now on, and return this object.

        A signal that is ignored, as Ctrl-C in the background and the hangup under `nohup`, stays ignored. Only the main
        thread can handle signals; in another one, nothing is noted.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def restore(self) -> None:
        """Give the signals their handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: Any) -> None:
        self.noted = True


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Note the signals until the block ends."""
    signals = StopSignals().handle()
    try:
        yield signals
    finally:
        signals.restore()


@contextmanager
def stop_signals_until_the_end() -> Iterator[StopSignals]:
    """Note the signals until this process ends, whose own end they must not interrupt, unless the block raises."""
    signals = StopSignals().handle()
    try:
        yield signals
    except BaseException:
        signals.restore()
        raise
