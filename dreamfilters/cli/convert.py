"""The command that writes a network anew: `convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamfilters.cli.options import Architecture, Trust, Verbose, import_tensorflow
from dreamfilters.cli.output import say


def convert(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An old .h5, .hdf5 or .keras file, or a SavedModel.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .keras file, or .json for the layers alone.")],
    architecture: Architecture = None,
    trust: Trust = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it is there.")] = False,
    verbose: Verbose = False,
) -> None:
    """Write a network that an older Keras saved as Keras 3 does.

    The weights stay as they are; nothing in the file is run.

    \b
    Examples:
      dreamfilters convert keras_model.h5 model.keras -v
      dreamfilters convert weights.h5 model.keras --architecture model.json
      dreamfilters convert old.h5 layers.json
    """
    import_tensorflow()
    from dreamfilters.networks.io.conversion import convert as written

    done = written(model, out, trust=trust, architecture=architecture, force=force)
    if verbose:
        say("; ".join(done.changes) or "nothing had to be changed")
    typer.echo(done.path)


COMMANDS = (convert,)
