"""The messages between an executor and its worker processes. Both ends are this program; no file is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SharedPart:
    """The pickled large part of tasks, which a worker keeps under a number."""

    number: int
    content: bytes


@dataclass(frozen=True)
class StartTask:
    """A task to start: pickled (start, settings), and the number of its shared part."""

    number: int
    shared: int
    content: bytes


@dataclass(frozen=True)
class Compute:
    """An item of the task that was started last."""

    task: int
    number: int
    item: Any
    files: Mapping[Path, bytes] = field(default_factory=dict)  # that it is computed from, if they are sent


@dataclass(frozen=True)
class Ready:
    """A worker has started on a machine with these facts."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """What a worker sends while it computes an item."""

    task: int
    value: Any


@dataclass(frozen=True)
class Computed:
    """The result of an item, or the error of the task."""

    task: int
    number: int
    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class OutOfMemory:
    """A worker could not compute an item in its memory."""

    task: int
    number: int
