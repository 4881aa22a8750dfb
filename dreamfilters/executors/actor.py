"""The worker of a Ray cluster: an actor with an inbox and an outbox, between which a thread computes."""

from __future__ import annotations

import logging
import pickle
import queue
import threading
import time
from contextlib import suppress
from typing import Any

from dreamfilters.executors.messages import Note, Ready, SharedPart
from dreamfilters.executors.worker import WorkerLoop

_TOGETHER = 0.1  # seconds within which notes are sent together: a dream has many steps in them, and each call costs


class WorkerActor:
    """The class of the actors; its methods are called by `cluster.ActorWorker`.

    Messages are pickled here and not by Ray, whose arrays cannot be written to.
    """

    def __init__(self) -> None:
        self._early: dict[int, Any] = {}  # messages that overtook another one
        self._next = 0
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[bool, bytes]] = queue.SimpleQueue()
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
            is_note, content = self._outbox.get(timeout=seconds)
            found.append(content)
            if is_note:
                time.sleep(_TOGETHER)
            while True:
                found.append(self._outbox.get_nowait()[1])
        return found

    def send(self, message: Any) -> None:
        """Take a message of the worker."""
        self._outbox.put((isinstance(message, Note), pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)))

    def _run(self) -> None:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        from dreamfilters.executors.machine import machine_facts  # imports TensorFlow, which takes seconds

        self.send(Ready(machine_facts()))
        WorkerLoop(self).run(self._inbox)
