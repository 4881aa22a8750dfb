"""Tables, messages, JSON, progress bars and exit codes of the commands.

Text is printed without characters that could control a terminal.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from dreamfilters.errors import printable
from dreamfilters.progress import OnProgress, Progress

SOME_FAILED = 3  # exit code: finished, but some images could not be read
INTERRUPTED = 130  # exit code: stopped by Ctrl-C
_LISTED = 20  # failures that are printed
_NOTE = 40  # characters beside a progress bar


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print columns, each as wide as its longest cell; a column that is empty in every row is left out."""
    cells = [tuple(map(printable, row)) for row in rows]
    used = [not cells or any(column) for column in zip(*cells, strict=True)] or [True] * len(headings)
    lines = [tuple(itertools.compress(line, used)) for line in (headings, *cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_json(values: Any) -> None:
    """Print values as JSON."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False))


@contextmanager
def status(doing: str) -> Iterator[None]:
    """Show what is being done on stderr, if that is a terminal, until the block ends."""
    text = f"{printable(doing)} ..." if sys.stderr.isatty() else ""
    _write(text)
    try:
        yield
    finally:
        _write(f"\r{' ' * len(text)}\r" if text else "")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


@contextmanager
def progress(title: str, quiet: bool) -> Iterator[OnProgress]:
    """Show a progress bar on stderr if that is a terminal; yield the callback that moves it."""
    from rich import progress as rich_progress
    from rich.console import Console

    console = Console(stderr=True)
    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.fields[count]}"),
        rich_progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None, count="")

        def report(now: Progress) -> None:
            what, total = f"{title} {printable(now.note)}"[:_NOTE], now.total or None
            bar.update(task, completed=now.done, total=total, description=what, count=count_of(now))

        yield report


def count_of(now: Progress) -> str:
    """Return how much is done: a count of a total, or a share if the total is one thing; "" if it is unknown.

    >>> count_of(Progress(3, 40, "stop.png")), count_of(Progress(0.25, 1, "scanning")), count_of(Progress(3, 0, ""))
    ('3 of 40', '25 %', '')
    """
    if not now.total:
        return ""
    return f"{int(now.done)} of {int(now.total)}" if now.total > 1 else f"{int(100 * now.share)} %"


def say(message: str) -> None:
    """Print a line on stderr, unless it is empty."""
    if message:
        typer.echo(printable(message), err=True)


def exit_if_stopped(stopped: bool, done: int, total: int, items: str = "images") -> None:
    """Exit with `INTERRUPTED` and say how to resume, if a run was stopped."""
    if stopped:
        say(f"stopped after {done} of {total} {items}; run the same command again to resume")
        raise typer.Exit(INTERRUPTED)


def failure_values(failures: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Return the images that cannot be read as JSON values."""
    return [{"image": name, "reason": reason} for name, reason in failures]


def exit_if_failed(failures: Sequence[tuple[str, str]], file: str | Path, *, count: int) -> None:
    """Name the images that cannot be read, of `count`, and exit with `SOME_FAILED` if there are any.

    Args:
        failures: name and reason of each image.
        file: the file that lists all of them.
        count: number of images in all.
    """
    for name, reason in failures[:_LISTED]:
        say(f"{name}: {reason}")
    if failures:
        more = f"; the first {_LISTED} are listed above, all in {file}" if len(failures) > _LISTED else ""
        say(f"{len(failures)} of {count} images could not be read{more}")
        raise typer.Exit(SOME_FAILED)
