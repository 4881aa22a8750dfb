"""The command that finds out how a network wants its images: `inputs`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli.options import AsJson, Model, ModelOptions, Quiet, import_tensorflow, with_model_options
from dreamfilters.cli.output import SOME_FAILED, progress, say, table
from dreamfilters.errors import OutputError

if TYPE_CHECKING:
    from dreamfilters.networks.preprocessing.search.ranking import FormRanking
    from dreamfilters.networks.preprocessing.search.trial import Trial

_NAMED = 20  # failures that are printed


@with_model_options
def inputs(
    model: Model,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Labeled images, a folder for each class.")],
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and class of each image; the folders' names by itself.")
    ] = None,
    per_class: Annotated[int, typer.Option(help="Images of each class that are shown.")] = 10,
    top: Annotated[int, typer.Option(help="How many of the forms are printed.")] = 5,
    save: Annotated[bool, typer.Option("--save", help="Write the best as model.toml beside the model.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model.toml that is there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Find out how a network wants its images.

    Labeled images are shown in every range of values, order of channels and rule of resizing that is usual, and the
    outputs are read in every usual order of the classes; ranked by how many images are recognized, then by log-loss.

    \b
    Examples:
      dreamfilters inputs net.h5 images/
      dreamfilters inputs net.h5 images/ --save
    """
    import_tensorflow()
    from dreamfilters.images import image_folder
    from dreamfilters.networks.loading import settings_file
    from dreamfilters.networks.preprocessing.search.ranking import rank_forms

    target = settings_file(model)
    if save and target is None:
        raise OutputError(f"{model}: is no file that a TOML could lie beside")
    if save and target is not None and target.exists() and not force:
        raise OutputError(f"{target}: is there already; --force replaces it")
    network = opening.network(model)
    with progress("images", quiet) as report:
        trials = rank_forms(network, image_folder(images, labels=labels), per_class=per_class, progress=report)
    _report(trials, top, as_json)
    if save and target is not None:
        _write(target, trials.best)
    if trials.failures:
        raise typer.Exit(SOME_FAILED)


COMMANDS = (inputs,)


def _report(trials: FormRanking, top: int, as_json: bool) -> None:
    if as_json:
        rows = [_values(trial) for trial in trials.ranked]
        values = {"images": len(trials.best.right), "trials": rows, "rivals": len(trials.rivals)}
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        table(("accuracy", "log-loss", "input", "resized", "classes"), [_row(trial) for trial in trials.ranked[:top]])
    for path, reason in trials.failures[:_NAMED]:
        say(f"{path}: {reason}")
    if trials.rivals:
        say(f"near tie: {trials.describe_rivals()}; give more images")
    if not trials.fits:
        say(f"none fits well: the best recognizes {trials.best.accuracy:.0%}; other classes, or another preparation?")


def _values(trial: Trial) -> dict[str, Any]:
    form = trial.form
    return {
        "accuracy": trial.accuracy, "log_loss": trial.log_loss, "input": form.describe(), "resize": form.resize,
        "classes": trial.order.name,
    }  # fmt: skip


def _row(trial: Trial) -> tuple[str, ...]:
    numbers = f"{trial.accuracy:.3f}", f"{trial.log_loss:.3f}"
    return (*numbers, trial.form.describe(), trial.form.resize, trial.order.name)


def _write(path: Path, trial: Trial) -> None:
    from dreamfilters.networks.preprocessing.settings_file import form_as_toml
    from dreamfilters.runs.storage.atomic_files import write_whole

    classes = trial.order.classes
    said = None if classes == tuple(map(str, range(len(classes)))) else classes
    write_whole(path, form_as_toml(trial.form, said).encode())
    typer.echo(path)
