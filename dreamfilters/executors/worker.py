"""The worker process: it starts tasks and computes their items, one after the other, until its executor ends."""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol

from dreamfilters.errors import DreamfiltersError, WorkerError, reason
from dreamfilters.executors.child_process import end_with_parent
from dreamfilters.executors.messages import Compute, Computed, Note, OutOfMemory, Ready, SharedPart, StartTask
from dreamfilters.executors.sender import Sender
from dreamfilters.images.file_copies import copied

_EXHAUSTED = "ResourceExhaustedError"  # TensorFlow's MemoryError


def run_worker(connection: Connection) -> None:
    """Handle the messages of a connection until its other end is closed.

    TensorFlow has as many threads as in the executor's process: without oneDNN, how its convolutions round depends on
    their number.
    """
    end_with_parent()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from dreamfilters.executors.machine import machine_facts  # imports TensorFlow, which takes seconds

    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive_all, args=(connection, inbox), daemon=True, name="dreamfilters-inbox").start()
    sender = Sender(connection)  # the next item is computed while the executor is busy with another worker's result
    sender.send(Ready(machine_facts()))
    WorkerLoop(sender).run(inbox)


class Outbox(Protocol):
    """What a worker sends its messages with."""

    def send(self, message: Any, /) -> None:
        """Send a message to the executor."""


class WorkerLoop:
    """The shared parts that were sent, and the task that runs."""

    def __init__(self, connection: Outbox) -> None:
        self._connection = connection
        self._shared: dict[int, bytes | Any] = {}
        self._opened: dict[int, Any] = {}
        self._work: Callable[[Any], Any] | None = None
        self._failure: Exception | None = None

    def run(self, inbox: queue.SimpleQueue[Any]) -> None:
        """Handle messages until there is None."""
        while (message := inbox.get()) is not None:
            if isinstance(message, SharedPart):
                self._shared[message.number] = message.content
            elif isinstance(message, StartTask):
                self._start(message)
            else:
                self._connection.send(self._computed(message))

    def _start(self, message: StartTask) -> None:
        """Start a task; an error is that of each of its items."""
        self._work = self._failure = None
        try:
            start, settings = pickle.loads(message.content)
            self._work = start(self._part(message.shared), settings, lambda note: self._note(message.number, note))
        except Exception as error:
            self._failure = _portable(error)

    def _part(self, number: int) -> Any:
        if number not in self._opened:
            content = self._shared.pop(number)
            try:
                self._opened[number] = pickle.loads(content)
            except Exception as error:
                raise WorkerError(
                    f"workers: the network cannot be opened in another process ({reason(error)}); run without workers"
                ) from error
        return self._opened[number]

    def _note(self, task: int, value: Any) -> None:
        self._connection.send(Note(task, value))

    def _computed(self, message: Compute) -> Computed | OutOfMemory:
        if self._failure is not None:
            return Computed(message.task, message.number, error=self._failure)
        assert self._work is not None  # a task was started
        try:
            with copied(message.files):
                return Computed(message.task, message.number, self._work(message.item))
        except MemoryError:
            return OutOfMemory(message.task, message.number)
        except Exception as error:
            if type(error).__name__ == _EXHAUSTED:  # outside of a compiled program
                return OutOfMemory(message.task, message.number)
            return Computed(message.task, message.number, error=_portable(error))


def _portable(error: Exception) -> Exception:
    """Return an error that the executor can unpickle: those of this package as they are, others as their text."""
    if isinstance(error, DreamfiltersError):
        return type(error)(str(error))
    return RuntimeError(f"{type(error).__name__} in a worker: {error}")


def _receive_all(connection: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    """Queue messages until the other end is closed, so that the executor never waits for a worker that computes."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        inbox.put(None)
