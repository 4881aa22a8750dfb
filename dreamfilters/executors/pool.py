"""What all executors of worker processes share: which worker gets which item, and what happens when one is lost."""

from __future__ import annotations

import abc
import itertools
import math
import pickle
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from dreamfilters.errors import UsageError, WorkerError
from dreamfilters.executors.executor import Item, OnNote, Result, Task, ignore
from dreamfilters.executors.machine import difference, machine_facts
from dreamfilters.executors.messages import Compute, Computed, Note, OutOfMemory, Ready, SharedPart, StartTask
from dreamfilters.images.file_copies import contents_of

TRIES = 3  # of an item, before the run ends
_SILENCE = 600.0  # seconds without a message after which a worker that computes counts as hanging
_START = 600.0  # seconds within which a worker has to start
_AHEAD = 2  # items that a worker has at a time: the next one waits when it has finished one
_UNORDERED = 4  # results that wait for an earlier one, for each item that the workers can have


@dataclass(frozen=True)
class Lost:
    """In place of a message: the worker has ended."""

    cause: str


@dataclass(eq=False)
class PoolWorker(abc.ABC):
    """A worker, and the items that it has."""

    heard: float = field(default_factory=time.monotonic, init=False)
    is_ready: bool = field(default=False, init=False)
    task: int = field(default=0, init=False)
    parts: set[int] = field(default_factory=set, init=False)
    assigned: list[int] = field(default_factory=list, init=False)

    def begin(self, part: SharedPart, task: StartTask) -> None:
        """Start a task, unless it runs."""
        if self.task == task.number:
            return
        if part.number not in self.parts:
            self.send(part)
            self.parts.add(part.number)
        self.send(task)
        self.task = task.number

    def give(self, item: Compute) -> None:
        """Give an item of the task."""
        if not self.assigned:
            self.heard = time.monotonic()
        self.assigned.append(item.number)
        self.send(item)

    def left(self, silence: float) -> float:
        """Return the seconds until this worker counts as hanging."""
        if self.is_ready and not self.assigned:
            return math.inf
        return (silence if self.is_ready else _START) - (time.monotonic() - self.heard)

    @abc.abstractmethod
    def send(self, message: Any) -> None:
        """Send a message without waiting, also if the worker is stopped."""

    @abc.abstractmethod
    def end(self) -> None:
        """End the worker; nothing of it has to be kept."""

    @abc.abstractmethod
    def join(self) -> None:
        """Wait until it has ended."""


W = TypeVar("W", bound=PoolWorker)


class WorkerPool(abc.ABC, Generic[W]):
    """An executor of workers; a context manager, at whose end they end.

    A worker that ends, is silent or out of memory is replaced, and its items are computed again by others, up to
    `TRIES` times. Each worker opens the network once and is kept for later tasks.

    Attributes:
        start_hint: what to say of workers that do not start.
    """

    start_hint = ""

    def __init__(
        self, count: int, *, silence: float = _SILENCE, allow_unlike: bool = False, ships_images: bool = False
    ) -> None:
        """Describe `count` workers, which are started when the first item is given.

        Args:
            count: number of workers.
            silence: seconds without a message after which a worker that computes counts as hanging.
            allow_unlike: whether a worker may have other versions or instructions; its bytes may then differ.
            ships_images: whether workers are sent the files of their items.

        Raises:
            UsageError: `count` is below 1.
        """
        if count < 1:
            raise UsageError(f"workers={count}: must be 1 or more")
        self._count = count
        self._silence = silence
        self._allow_unlike = allow_unlike
        self._ships_images = ships_images
        self._workers: list[W] = []
        self._shared: dict[int, tuple[Any, SharedPart]] = {}  # id of a shared part -> itself and its message
        self._tasks = itertools.count(1)

    @property
    def count(self) -> int:
        """See `Executor`."""
        return self._count

    @property
    def ships_images(self) -> bool:
        """See `Executor`."""
        return self._ships_images

    def close(self) -> None:
        """End all workers and wait until they have ended."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join()
        self._workers.clear()

    @abc.abstractmethod
    def _started(self) -> W:
        """Start a worker."""

    @abc.abstractmethod
    def _messages(self, workers: Sequence[W], seconds: float) -> list[tuple[W, Any]]:
        """Wait for messages at most so long; return each with its worker, `Lost` for one that has ended."""

    @abc.abstractmethod
    def _part(self, number: int, content: bytes) -> SharedPart:
        """Return the message of a shared part."""

    def map(self, task: Task[Item, Result], items: Iterable[Item], on_note: OnNote = ignore) -> Iterator[Result]:
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
        files_of = task.files if self._ships_images else None
        for worker in self._workers:
            worker.assigned.clear()  # the rest of a task whose caller has stopped
        while True:
            self._assign(run, messages, files_of)
            yield from run.finished()
            if run.is_done:
                return
            if not run.has_results:
                self._receive(run, on_note)

    def _messages_of(self, task: Task[Any, Any]) -> tuple[SharedPart, StartTask]:
        """Return the messages that start a task; its shared part is pickled once."""
        if id(task.shared) not in self._shared:
            part = self._part(len(self._shared), _pickled(task.shared, "the network"))
            self._shared[id(task.shared)] = task.shared, part  # the reference keeps the id from being used again
        part = self._shared[id(task.shared)][1]
        return part, StartTask(next(self._tasks), part.number, _pickled((task.start, task.settings), "the task"))

    def _assign(self, run: _Run, messages: tuple[SharedPart, StartTask], files_of: Any) -> None:
        """Give each worker that is ready the next items, and start those that are missing."""
        while len(self._workers) < self.count:
            self._workers.append(self._started())
        for _ in range(_AHEAD):  # all workers get an item before one gets a second
            for worker in self._workers:
                if worker.is_ready and (number := run.next_for(worker.assigned)) is not None:
                    worker.begin(*messages)
                    item = run.items[number]
                    worker.give(Compute(run.task, number, item, contents_of(files_of(item)) if files_of else {}))

    def _receive(self, run: _Run, on_note: OnNote) -> None:
        """Handle the messages of the workers; wait for the first one."""
        left = min((worker.left(self._silence) for worker in self._workers), default=0.0)
        for worker, message in self._messages(self._workers, max(0.0, left)):
            if isinstance(message, Lost):
                self._lose(worker, run, message.cause)
            elif worker in self._workers:
                self._handle(worker, run, message, on_note)
        for worker in list(self._workers):
            if worker.left(self._silence) <= 0:
                seconds = self._silence if worker.is_ready else _START
                self._lose(worker, run, f"was silent for {seconds:g} seconds")

    def _handle(self, worker: W, run: _Run, message: Any, on_note: OnNote) -> None:
        worker.heard = time.monotonic()
        if isinstance(message, Ready):
            differs = difference(machine_facts(), message.facts)
            if differs and not self._allow_unlike:
                raise WorkerError(
                    f"workers: would not compute the same bytes: {differs}; --allow-unlike-machines computes other ones"
                )
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

    def _lose(self, worker: W, run: _Run, cause: str) -> None:
        """End a worker; its items go to others, unless one has failed too often."""
        self._workers.remove(worker)
        worker.end()
        worker.join()
        if worker.is_ready:
            run.failed(worker.assigned, cause)
        else:
            run.not_started(cause, self.start_hint)


@dataclass
class _Run:
    """The items of one task: which are computed, wait or are computed again."""

    task: int
    source: Iterator[tuple[int, Any]]
    limit: int  # of items that are taken and not yet yielded
    items: dict[int, Any] = field(default_factory=dict)
    results: dict[int, Computed] = field(default_factory=dict)
    again: deque[int] = field(default_factory=deque)
    retried: set[int] = field(default_factory=set)  # the items that a worker had which was lost
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

    def next_for(self, assigned: Sequence[int]) -> int | None:
        """Return the number of the next item for a worker that has these, None if it gets none now.

        An item that is computed again is its worker's only one, so that it is certain which item ends a worker.
        """
        if len(assigned) >= _AHEAD or not self.retried.isdisjoint(assigned):
            return None
        if self.again:
            return None if assigned else self.again.popleft()
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
        """Queue the items of a worker that was lost again; it computed the first of them.

        It may have computed the second one, if it ended before it sent the result of the first.
        """
        self.retried.update(numbers)
        self.tries.update(numbers[:1])
        if any(self.tries[number] == TRIES for number in numbers[:1]):
            raise WorkerError(f"workers: one {cause}; the same work has failed {TRIES} times")
        self.again.extendleft(reversed(numbers))

    def not_started(self, cause: str, hint: str) -> None:
        """Count a worker that ended before it was ready."""
        self.starts += 1
        if self.starts == TRIES:
            raise WorkerError(f"workers: one {cause} while it started, {TRIES} times; {hint}")


def _pickled(value: Any, what: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise WorkerError(f"workers: {what} cannot be sent to another process ({error}); run without them") from error
