"""The executor of `--workers`: processes of this machine that are started once and kept for all tasks."""

from __future__ import annotations

import contextlib
import itertools
import math
import multiprocessing
import pickle
import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from dreamfilters.errors import UsageError, WorkerError
from dreamfilters.executors.child_process import signals_blocked
from dreamfilters.executors.executor import Item, OnNote, Result, Task, _ignore
from dreamfilters.executors.machine import difference, machine_facts
from dreamfilters.executors.messages import (
    Compute,
    Computed,
    Note,
    OutOfMemory,
    Ready,
    SharedPart,
    StartTask,
)
from dreamfilters.executors.worker import run_worker

TRIES = 3  # of an item, before the run ends
_SILENCE = 600.0  # seconds without a message after which a worker that computes counts as hanging
_START = 600.0  # seconds within which a worker has to start
_AHEAD = 2  # items that a worker has at a time: the next one waits when it has finished one
_UNORDERED = 4  # results that wait for an earlier one, for each item that the workers can have
_ENDING = 2.0  # seconds within which a process that is terminated ends


class ProcessExecutor:
    """An executor of worker processes; a context manager, at whose end they end.

    A worker that ends, is silent or out of memory is replaced, and its items are computed again by others, up to
    `TRIES` times. Each worker opens the network once and is kept for later tasks.
    """

    def __init__(self, count: int, *, silence: float = _SILENCE) -> None:
        """Describe `count` workers, which are started when the first task is given.

        Args:
            count: number of processes.
            silence: seconds without a message after which a worker that computes counts as hanging.

        Raises:
            UsageError: `count` is below 1.
        """
        if count < 1:
            raise UsageError(f"workers={count}: must be 1 or more")
        self.count = count
        self._silence = silence
        self._workers: list[_Worker] = []
        self._shared: dict[int, tuple[Any, SharedPart]] = {}  # id of a shared part -> itself and its message
        self._tasks = itertools.count(1)

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers and wait until they have ended."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join()
        self._workers.clear()

    @property
    def processes(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        return tuple(worker.process.pid for worker in self._workers)

    def map(self, task: Task[Item, Result], items: Iterable[Item], on_note: OnNote = _ignore) -> Iterator[Result]:
        """See `Executor`.

        Raises:
            WorkerError: an item failed `TRIES` times because its worker ended, was silent or out of memory; or a
                worker has other versions than this process.
        """
        numbered = enumerate(items)
        first = next(numbered, None)
        if first is None:
            return  # without starting a worker
        messages = self._messages_of(task)
        run = _Run(messages[1].number, itertools.chain([first], numbered), limit=_AHEAD * self.count * _UNORDERED)
        for worker in self._workers:
            worker.assigned.clear()  # the rest of a task whose caller has stopped
        while True:
            self._assign(run, messages)
            yield from run.finished()
            if run.is_done:
                return
            if not run.has_results:
                self._receive(run, on_note)

    def _messages_of(self, task: Task[Any, Any]) -> tuple[SharedPart, StartTask]:
        """Return the messages that start a task; its shared part is pickled once."""
        if id(task.shared) not in self._shared:
            part = SharedPart(len(self._shared), _pickled(task.shared, "the network"))
            self._shared[id(task.shared)] = task.shared, part  # the reference keeps the id from being used again
        part = self._shared[id(task.shared)][1]
        return part, StartTask(next(self._tasks), part.number, _pickled((task.start, task.settings), "the task"))

    def _assign(self, run: _Run, messages: tuple[SharedPart, StartTask]) -> None:
        """Give each worker that is ready the next items, and start those that are missing."""
        while len(self._workers) < self.count:
            self._workers.append(_Worker.started())
        for _ in range(_AHEAD):  # all workers get an item before one gets a second
            for worker in self._workers:
                if worker.is_ready and len(worker.assigned) < _AHEAD and (number := run.next_number()) is not None:
                    worker.begin(*messages)
                    worker.give(Compute(run.task, number, run.items[number]))

    def _receive(self, run: _Run, on_note: OnNote) -> None:
        """Handle the messages of the workers; wait for the first one."""
        left = min((worker.left(self._silence) for worker in self._workers), default=0.0)
        ready = wait([worker.connection for worker in self._workers], max(0.0, left))
        for worker in list(self._workers):
            if worker.connection in ready:
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):
                    self._lose(worker, run, worker.ending())
                    continue
                self._handle(worker, run, message, on_note)
            elif worker.left(self._silence) <= 0:
                seconds = self._silence if worker.is_ready else _START
                self._lose(worker, run, f"was silent for {seconds:g} seconds")

    def _handle(self, worker: _Worker, run: _Run, message: Any, on_note: OnNote) -> None:
        worker.heard = time.monotonic()
        if isinstance(message, Ready):
            if differs := difference(machine_facts(), message.facts):
                raise WorkerError(f"workers: would not compute the same bytes: {differs}")
            worker.is_ready = True
        elif message.task != run.task:
            return  # of a task whose caller has stopped
        elif isinstance(message, Note):
            on_note(message.value)
        elif isinstance(message, OutOfMemory):
            self._lose(worker, run, "was out of memory; use fewer workers or a smaller --batch")
        elif isinstance(message, Computed):
            worker.assigned.remove(message.number)
            run.results[message.number] = message

    def _lose(self, worker: _Worker, run: _Run, cause: str) -> None:
        """End a worker; its items go to others, unless one has failed too often."""
        self._workers.remove(worker)
        worker.end()
        worker.join()
        if worker.is_ready:
            run.failed(worker.assigned, cause)
        else:
            run.not_started(cause)


@dataclass
class _Run:
    """The items of one task: which are computed, wait or are computed again."""

    task: int
    source: Iterator[tuple[int, Any]]
    limit: int  # of items that are taken and not yet yielded
    items: dict[int, Any] = field(default_factory=dict)
    results: dict[int, Computed] = field(default_factory=dict)
    again: deque[int] = field(default_factory=deque)
    tries: Counter[int] = field(default_factory=Counter)
    starts: int = 0  # of workers that ended before they were ready
    first: int = 0  # number of the item whose result is yielded next
    is_exhausted: bool = False

    @property
    def is_done(self) -> bool:
        return self.is_exhausted and not self.items

    @property
    def has_results(self) -> bool:
        return self.first in self.results

    def next_number(self) -> int | None:
        """Return the number of the next item to compute, None if there is none now."""
        if self.again:
            return self.again.popleft()
        if self.is_exhausted or len(self.items) >= self.limit:
            return None
        try:
            number, item = next(self.source)
        except StopIteration:
            self.is_exhausted = True
            return None
        self.items[number] = item
        return number

    def finished(self) -> Iterator[Any]:
        """Yield the results that are next in order; raise the error of one."""
        while self.first in self.results:
            result = self.results.pop(self.first)
            del self.items[self.first]
            self.first += 1
            if result.error is not None:
                raise result.error
            yield result.value

    def failed(self, numbers: list[int], cause: str) -> None:
        """Queue the items of a worker that was lost again; it computed the first of them."""
        self.tries.update(numbers[:1])
        if any(self.tries[number] == TRIES for number in numbers[:1]):
            raise WorkerError(f"workers: one {cause}; the same work has failed {TRIES} times")
        self.again.extendleft(reversed(numbers))

    def not_started(self, cause: str) -> None:
        self.starts += 1
        if self.starts == TRIES:
            raise WorkerError(
                f"workers: one {cause} while it started, {TRIES} times; a script has to do its work under "
                "if __name__ == '__main__'"
            )


@dataclass(eq=False)
class _Worker:
    """A process, and the items that it has."""

    process: Any
    connection: Connection
    outbox: queue.SimpleQueue[Any]
    heard: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    task: int = 0
    parts: set[int] = field(default_factory=set)
    assigned: list[int] = field(default_factory=list)

    @classmethod
    def started(cls) -> _Worker:
        """Start a process."""
        connection, other = Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=run_worker, args=(other,), daemon=True, name="dreamfilters-worker"
        )
        with signals_blocked():
            process.start()
        other.close()  # otherwise this process would keep the worker's end open
        outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=_send_all, args=(connection, outbox), daemon=True, name="dreamfilters-outbox").start()
        return cls(process, connection, outbox)

    def begin(self, part: SharedPart, task: StartTask) -> None:
        """Start a task, unless it runs."""
        if self.task == task.number:
            return
        if part.number not in self.parts:
            self.outbox.put(part)
            self.parts.add(part.number)
        self.outbox.put(task)
        self.task = task.number

    def give(self, item: Compute) -> None:
        """Give an item of the task."""
        if not self.assigned:
            self.heard = time.monotonic()
        self.assigned.append(item.number)
        self.outbox.put(item)

    def left(self, silence: float) -> float:
        """Return the seconds until this worker counts as hanging."""
        if self.is_ready and not self.assigned:
            return math.inf
        return (silence if self.is_ready else _START) - (time.monotonic() - self.heard)

    def ending(self) -> str:
        """Return how the process ended."""
        self.process.join(_ENDING)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        hint = " (the system may be out of memory)" if -code == signal.SIGKILL else ""
        return f"was ended by {signal.Signals(-code).name}{hint}"

    def end(self) -> None:
        """End the process; nothing of it has to be kept."""
        self.outbox.put(None)
        self.process.kill()

    def join(self) -> None:
        """Wait until the process has ended."""
        self.process.join(_ENDING)
        self.connection.close()


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Any]) -> None:
    """Send messages from a thread, because a worker that is stopped takes none."""
    with contextlib.suppress(OSError, ValueError):  # the worker has ended, which its connection says
        while (message := outbox.get()) is not None:
            connection.send(message)


def _pickled(value: Any, what: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise WorkerError(f"workers: {what} cannot be sent to another process ({error}); run without them") from error
