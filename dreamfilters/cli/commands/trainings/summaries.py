"""The command `summaries`: a stored run as TensorBoard shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.values import at_least, writable_folder
from dreamfilters.cli.output import print_json


def _existing_run(run: Path) -> Path:
    """Return the folder of a run; `write_run_summaries` checks which command wrote it, with TensorFlow."""
    from dreamfilters.runs.storage.manifest import manifest_in

    manifest_in(run)
    return run


def summaries(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Folder that a command such as dream or scan, a film of checkpoints, or TrainingMonitor wrote.",
            callback=_existing_run,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder that `tensorboard --logdir` is given; may hold event files.",
            callback=writable_folder,
        ),
    ],
    step: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Step of the result; default: 0. A training and a film have their own.",
            callback=at_least(0, 2**63 - 1),
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a stored run as an event file for TensorBoard.

    \b
    Examples:
      dreamfilters summaries outputs/net/scan --out logs
      dreamfilters summaries outputs/epoch3/evaluate --out logs --step 3
      dreamfilters summaries outputs/net/training --out logs/training

    Writes the numbers of the run as scalars, its dreams, maps and contact sheets as images, and the responses of each
    layer as histograms. Every command that writes a run folder has summaries. Results of several networks become
    curves by their step. A run whose event file is there already is not written again.

    \b
    Next:
      tensorboard --logdir logs
    """
    import_backend()
    from dreamfilters.training.summaries.stored_runs import write_run_summaries

    path = write_run_summaries(run, out, step=step)
    if as_json:
        print_json({"file": str(path)})
        return
    typer.echo(path)


COMMANDS = (summaries,)
