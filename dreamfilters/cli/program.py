"""The program `dreamfilters`: its commands and its one error handler."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import dreamfilters
from dreamfilters.cli.commands import (
    audit,
    calibrate,
    compare,
    dream,
    embedding,
    evaluate,
    maps,
    model,
    prior,
    samples,
    scan,
    serve,
)
from dreamfilters.cli.commands.attribution import ablate, attribute, circuit
from dreamfilters.cli.commands.techniques import facets, fool, invert, segment, style, texture, unit
from dreamfilters.cli.commands.trainings import diff, film, summaries
from dreamfilters.cli.help import SectionedCommand, SectionedGroup
from dreamfilters.cli.options.defaults_file import read_defaults
from dreamfilters.cli.output import say
from dreamfilters.errors import DreamfiltersError

app = typer.Typer(
    name="dreamfilters",
    help="""Show what an image network has learned.

    \b
    Examples:
      dreamfilters demo
      dreamfilters layers net.keras
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters maps signs image.jpg
    """,
    cls=SectionedGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug keeps its Python traceback
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_SECTIONS = {  # of the help
    "Networks": (serve, model, calibrate),
    "Dreams": (dream, prior),
    "Real images": (maps, attribute, scan, evaluate, embedding, ablate, circuit),
    "Dreams and real images": (audit, compare, unit, facets),
    "From given images": (fool, invert, texture, style, segment),
    "Trainings and versions": (film, diff, summaries),
    "The built-in network": (samples,),
}
for title, modules in _SECTIONS.items():
    for command in [command for module in modules for command in module.COMMANDS]:
        app.command(cls=SectionedCommand, rich_help_panel=title)(command)


def main() -> None:
    """Run the command line; a `DreamfiltersError` becomes one line on stderr and exit code 2."""
    try:
        app()
    except DreamfiltersError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(dreamfilters.__version__)
        raise typer.Exit
    group: Any = context.command
    defaults = read_defaults(Path.cwd(), group.commands)
    context.obj = defaults  # the error of a wrong value names the file
    context.default_map = {name: dict(values) for name, values in defaults.options.items()}
    say(defaults.describe(context.invoked_subcommand or ""))
