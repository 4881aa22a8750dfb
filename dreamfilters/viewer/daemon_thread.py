"""Slow work in daemon threads: at exit, Python waits for the threads of an executor, but not for these."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

_POLL = 0.02  # seconds

Result = TypeVar("Result")


def run_in_daemon_thread(work: Callable[[], Result]) -> Future[Result]:
    """Start work in a daemon thread and return the future of its result, which cannot be canceled."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # the waiting thread gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="dreamfilters-background").start()
    return future


def until_done(future: Future[Any]) -> Iterator[None]:
    """Yield at short intervals until a future is done."""
    while not future.done():
        wait([future], _POLL)
        yield
