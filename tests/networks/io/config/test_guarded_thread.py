import os
import signal
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.config.guarded_thread import run_guarded


def forever():
    """Work in Python that catches every error, as Keras does."""
    while True:
        with suppress(Exception):
            sum(range(1000))


def guarded():
    return [thread for thread in threading.enumerate() if thread.name == "guarded" and thread.is_alive()]


def test_the_value_and_the_error_of_a_function_are_passed_on():
    assert run_guarded(threading.current_thread).name == "guarded"
    with pytest.raises(ZeroDivisionError):
        run_guarded(lambda: 1 / 0)


def test_endless_work_is_stopped():
    start = time.process_time()
    with pytest.raises(ModelError, match=r"takes more than 0\.2 s of CPU time to build; use --trust"):
        run_guarded(forever, seconds=0.2)
    assert time.process_time() - start < 2
    assert guarded() == []


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is limited on Linux only")  # noqa: PTH110
def test_growing_memory_is_stopped():
    def grow():
        held = []
        while True:
            held.append(np.ones(2**20))  # 8 MB
            time.sleep(0.001)

    with pytest.raises(ModelError, match=r"takes more than 0\.2 GB of memory to build"):
        run_guarded(grow, memory=2e8)
    assert guarded() == []


def test_an_interrupt_while_the_thread_starts_ends_the_work(monkeypatch):
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_guarded(forever)
    assert guarded() == []


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_an_interrupt_ends_the_work():
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_guarded(forever)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert guarded() == []
