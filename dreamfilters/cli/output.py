"""Text out: tables, messages and progress, with nothing in them that could steer a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import typer

from dreamfilters.errors import printable

SOME_FAILED = 3  # exit code: finished, but some images could not be read

Shower: TypeAlias = Callable[[float, float, str], None]  # done, of how much (0: not known), what


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print columns, each as wide as its longest cell; other programs can read them too."""
    lines = [headings, *[tuple(map(printable, row)) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[Shower]:
    """Show a bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False)
    bar = Progress(
        text,
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)

        def watcher(done: float, total: float, now: str) -> None:
            bar.update(task, completed=done, total=total or None, description=printable(now)[:40])

        yield watcher


def say(message: str) -> None:
    """Print a line on stderr, if there is anything to say."""
    if message:
        typer.echo(printable(message), err=True)
