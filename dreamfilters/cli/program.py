"""The program: its commands, and how an error made on purpose ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import dreamfilters
from dreamfilters.cli import atlas, audit, compare, convert, dream, inputs, layers, maps, samples, scan, serve
from dreamfilters.errors import DreamfiltersError

app = typer.Typer(
    name="dreamfilters",
    help="""Shows what an image network has learned: dreams of its filters and classes, and real images.

    \b
    Examples:
      dreamfilters demo
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters maps signs image.jpg
      dreamfilters layers net.keras
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug keeps Python's own traceback
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (dream, maps, scan, audit, compare, atlas, serve, layers, inputs, convert, samples):
    for command in room.COMMANDS:
        app.command()(command)


def main() -> None:
    """Run the command line; every error made on purpose becomes one line."""
    try:
        app()
    except DreamfiltersError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(dreamfilters.__version__)
        raise typer.Exit
