"""The command `convert`: saves a network of an older Keras in the format of Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamfilters.cli.options import Architecture, Trust, Verbose, import_tensorflow
from dreamfilters.cli.output import say


def convert(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Old .h5, .hdf5 or .keras file or SavedModel.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New .keras file, or .json for the architecture only.")],
    architecture: Architecture = None,
    trust: Trust = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    verbose: Verbose = False,
) -> None:
    """Convert a model file of an older Keras to Keras 3.

    \b
    Examples:
      dreamfilters convert keras_model.h5 model.keras -v
      dreamfilters convert weights.h5 model.keras --architecture model.json
      dreamfilters convert old.h5 layers.json

    The weights do not change. Code in the file is not run unless --trust is given.

    \b
    Next:
      dreamfilters inputs model.keras images/ --save
    """
    import_tensorflow()
    from dreamfilters.networks.io.model_file import convert as convert_file

    changes = convert_file(model, out, trust=trust, architecture=architecture, force=force)
    if verbose:
        say("; ".join(changes) or "nothing was changed")
    typer.echo(out)


COMMANDS = (convert,)
