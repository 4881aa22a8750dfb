"""The result of a run: the same for every command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class RunResult(Generic[Value]):
    """The result of a run.

    Attributes:
        folder: the run folder.
        value: what the command computed: finished dreams or maps, a scan, an audit, or rows of a table.
        done: number of images or units that are finished.
        total: number of images or units in all.
        failures: name and reason of each image that cannot be read.
        missing: names of what an interrupted run has not finished.
        stopped: whether Ctrl-C ended the run early; the same call resumes it.
        kept: whether an earlier run had already finished everything.
    """

    folder: Path
    value: Value
    done: int
    total: int
    failures: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    stopped: bool = False
    kept: bool = False
