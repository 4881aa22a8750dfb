"""Tasks that worker processes import: they compute, fail, end their process, or hang."""

import os
import signal
import time
from pathlib import Path

_MOST = 8  # gigabytes


def scaled(shared, settings, note):
    """Multiply by the shared factor; even items take longer than odd ones, so that they finish out of order."""

    def work(item):
        note(item)
        time.sleep(0.02 * (item % 2 == 0))
        return shared * item, os.getpid()

    return work


def ending(shared, settings, note):
    """End the process at item 3, the first `times` times it is computed."""
    folder, times = settings

    def work(item):
        if item == 3 and len(list(Path(folder).iterdir())) < times:
            (Path(folder) / str(time.monotonic_ns())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    return work


def hanging(shared, settings, note):
    """Hang at item 1 until the file `settings` exists, as a worker that is stopped does."""

    def work(item):
        if item == 1 and not Path(settings).exists():
            Path(settings).touch()
            time.sleep(100)
        return item

    return work


def filling(shared, settings, note):
    """Take a gigabyte after the other at item 3, the first `times` times it is computed, until the process is ended."""
    folder, times = settings

    def work(item):
        if item == 3 and len(list(Path(folder).iterdir())) < times:
            (Path(folder) / str(time.monotonic_ns())).touch()
            taken = []
            while len(taken) < _MOST:
                taken.append(b"1" * 2**30)
                time.sleep(0.2)
        return item

    return work


def failing(shared, settings, note):
    """Raise `settings` at item 2."""

    def work(item):
        if item == 2:
            raise settings
        return item

    return work


def unstartable(shared, settings, note):
    """Raise `settings` instead of starting."""
    raise settings


def slow(shared, settings, note):
    """Return each item after a while, with the node of the cluster that computed it."""
    import ray

    node = ray.get_runtime_context().get_node_id()

    def work(item):
        time.sleep(0.3)
        return item, node

    return work
