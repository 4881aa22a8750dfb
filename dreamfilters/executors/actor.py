"""The worker of a Ray cluster: an actor with an inbox and an outbox, between which a thread computes."""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from contextlib import suppress
from typing import Any

from dreamfilters.executors.messages import Ready, SharedPart
from dreamfilters.executors.worker import WorkerLoop


class WorkerActor:
    """The class of the actors; its methods are called by `cluster.ActorWorker`.

    Messages are pickled here and not by Ray, whose arrays cannot be written to.
    """

    def __init__(self) -> None:
        self._early: dict[int, Any] = {}  # messages that overtook another one
        self._next = 0
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="dreamfilters-worker").start()

    def put(self, number: int, part: int | None, content: bytes) -> None:
        """Take a message: that with this number, which is a shared part if `part` is its number."""
        self._early[number] = pickle.loads(content) if part is None else SharedPart(part, content)
        while self._next in self._early:
            self._inbox.put(self._early.pop(self._next))
            self._next += 1

    def take(self, seconds: float) -> list[bytes]:
        """Return the messages of the worker; wait at most so long for the first one."""
        found: list[bytes] = []
        with suppress(queue.Empty):
            found.append(self._outbox.get(timeout=seconds))
            while True:
                found.append(self._outbox.get_nowait())
        return found

    def send(self, message: Any) -> None:
        """Take a message of the worker."""
        self._outbox.put(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))

    def _run(self) -> None:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        from dreamfilters.executors.machine import machine_facts  # imports TensorFlow, which takes seconds

        self.send(Ready(machine_facts()))
        WorkerLoop(self).run(self._inbox)
