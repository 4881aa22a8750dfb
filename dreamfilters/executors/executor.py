"""The protocol `Executor`, the task that it is given, and the executor of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from dreamfilters.images.prefetch import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")
OnNote: TypeAlias = Callable[[Any], None]


def ignore(note: Any) -> None:
    """Take a note that no caller waits for."""


@dataclass(frozen=True, eq=False)
class Task(Generic[Item, Result]):
    """What a worker does.

    Attributes:
        start: called once in each worker, with `shared`, `settings` and a function that sends notes to the caller of
            `map`; returns the function of an item. A function of a module, because other processes import it.
        shared: the large part, such as the network, which each worker gets once, also if several tasks have it.
        settings: the rest of the arguments. Both have to be picklable.
        threads: number of threads of this process that compute ahead of the caller; 0 for the caller's thread.
        files: returns the image files that an item is computed from, for workers that are sent them.
    """

    start: Callable[[Any, Any, OnNote], Callable[[Item], Result]]
    shared: Any
    settings: Any
    threads: int = 0
    files: Callable[[Item], Iterable[Path]] | None = None


class Executor(Protocol):
    """What assigns the items of a task to workers."""

    @property
    def count(self) -> int:
        """Number of processes that compute at a time."""

    @property
    def ships_images(self) -> bool:
        """Whether workers are sent the files of their items, because they cannot read them."""

    def map(self, task: Task[Item, Result], items: Iterable[Item], on_note: OnNote = ignore) -> Iterator[Result]:
        """Yield the result of each item, in order.

        Items are taken in the caller's thread, a few before their results are yielded. An item may be computed
        again, so a result has to depend on the item alone. An error of the task is raised in place of its result.

        Args:
            task: what to compute.
            items: what to compute it of.
            on_note: called in the caller's thread with what a worker sends while it computes.
        """


@dataclass(frozen=True)
class LocalExecutor:
    """The executor of this process.

    >>> list(LocalExecutor().map(Task(lambda shared, factor, note: lambda item: factor * item, None, 2), [1, 2, 3]))
    [2, 4, 6]
    """

    @property
    def count(self) -> int:
        """See `Executor`."""
        return 1

    @property
    def ships_images(self) -> bool:
        """See `Executor`."""
        return False

    def map(self, task: Task[Item, Result], items: Iterable[Item], on_note: OnNote = ignore) -> Iterator[Result]:
        """See `Executor`."""
        work = task.start(task.shared, task.settings, on_note)
        return in_order(work, items, threads=task.threads) if task.threads else map(work, items)


LOCAL = LocalExecutor()
