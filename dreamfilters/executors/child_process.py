"""What the processes that this one starts have in common: no Ctrl-C of the terminal, and an end with this process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Block the signals of the terminal, for this thread and for all processes that it starts in the block.

    Ctrl-C reaches every process of the terminal, also one that has not yet executed its first line.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # which starting a process would do, and would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Ignore Ctrl-C in this process, and end it as soon as its parent has ended: a step of it may take minutes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
        threading.Thread(target=_end_with, args=(parent,), daemon=True, name="dreamfilters-parent").start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
