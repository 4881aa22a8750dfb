"""The command `inputs`: finds the input form of a network whose preprocessing is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli.options import AsJson, Labels, Model, ModelOptions, Quiet, import_tensorflow, with_model_options
from dreamfilters.cli.output import print_json, progress, say, table, tell_failures
from dreamfilters.errors import OutputError

if TYPE_CHECKING:
    from dreamfilters.networks.preprocessing.search.ranking import FormRanking
    from dreamfilters.networks.preprocessing.search.trial import Trial


@with_model_options
def inputs(
    model: Model,
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="Folder of images, with a subfolder for each class.")
    ],
    labels: Labels = None,
    per_class: Annotated[int, typer.Option(help="Number of images of each class to use.")] = 10,
    top: Annotated[int, typer.Option(help="Number of input forms to print.")] = 5,
    save: Annotated[
        bool, typer.Option("--save", help="Save the best input form as model.toml beside the model.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing model.toml.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    model_options: ModelOptions,
) -> None:
    """Find the input form of a network from labeled images.

    \b
    Examples:
      dreamfilters inputs net.h5 images/
      dreamfilters inputs net.h5 images/ --save

    Tries the common value ranges, channel orders, resize rules and class orders, and ranks them by accuracy, then by
    log-loss. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters layers net.h5
    """
    import_tensorflow()
    from dreamfilters.images import image_folder
    from dreamfilters.networks.loading import settings_file
    from dreamfilters.networks.preprocessing.search.ranking import rank_forms

    target = settings_file(model)
    if save and target is None:
        raise OutputError(f"{model}: is not a file, so no model.toml can be saved beside it")
    if save and target is not None and target.exists() and not force:
        raise OutputError(f"{target}: already exists; add --force to replace it")
    network = model_options.network(model)
    folder = image_folder(images, labels=labels)
    with progress("inputs", quiet) as report:
        ranking = rank_forms(network, folder, per_class=per_class, progress=report)
    _print(ranking, top, as_json)
    if save and target is not None:
        _write(target, ranking.best)
    tell_failures(tuple((str(path), reason) for path, reason in ranking.failures), images, count=len(folder))


COMMANDS = (inputs,)


def _print(ranking: FormRanking, top: int, as_json: bool) -> None:
    if as_json:
        rows = [_values(trial) for trial in ranking.ranked]
        values = {"images": len(ranking.best.right), "trials": rows, "rivals": len(ranking.rivals)}
        print_json(values)
    else:
        table(
            ("accuracy", "log-loss", "input form", "resize", "classes"), [_row(trial) for trial in ranking.ranked[:top]]
        )
    if ranking.rivals:
        say(f"near tie: {ranking.describe_rivals()}; give more images")
    if not ranking.fits:
        say(f"no input form fits well: the best accuracy is {ranking.best.accuracy:.0%}; check classes and images")


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
    from dreamfilters.runs.storage.atomic_files import write_atomic

    classes = trial.order.classes
    named = None if classes == tuple(map(str, range(len(classes)))) else classes
    write_atomic(path, form_as_toml(trial.form, named).encode())
    typer.echo(path)
