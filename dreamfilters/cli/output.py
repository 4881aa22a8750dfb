"""Text out: tables, messages and progress, with nothing in them that could steer a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from dreamfilters.errors import printable
from dreamfilters.progress import OnProgress, Progress

SOME_FAILED = 3  # exit code: finished, but some images could not be read


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print columns, each as wide as its longest cell; other programs can read them too."""
    lines = [headings, *[tuple(map(printable, row)) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[OnProgress]:
    """Show a bar on stderr, if that is a terminal."""
    from rich import progress as rich_progress
    from rich.console import Console

    console = Console(stderr=True)
    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)

        def report(now: Progress) -> None:
            bar.update(task, completed=now.done, total=now.total or None, description=printable(now.note)[:40])

        yield report


def say(message: str) -> None:
    """Print a line on stderr, if there is anything to say."""
    if message:
        typer.echo(printable(message), err=True)
