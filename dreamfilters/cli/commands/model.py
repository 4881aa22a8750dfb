"""Commands about a network and its file: `layers`, `inputs`, `convert`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.given_files import writable_file
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, existing_images, known_file
from dreamfilters.cli.output import exit_if_failed, print_json, progress, say, table

if TYPE_CHECKING:
    from dreamfilters.networks import LayerInfo
    from dreamfilters.networks.preprocessing.search.result import FormRanking
    from dreamfilters.networks.preprocessing.search.saving import FormUpdate
    from dreamfilters.networks.preprocessing.search.trial import Trial


@with_option_groups
def layers(
    model: options.Model,
    as_json: options.AsJson = False,
    *,
    model_options: options.ModelOptions,
) -> None:
    """List the layers of a network.

    \b
    Examples:
      dreamfilters layers signs
      dreamfilters layers applications:MobileNetV2:random --json

    Shows type, kind (map, tokens, vector, or not visual with the reason), output shape, number of units, activation,
    receptive field in pixels, and whether the layer can be dreamed. A token has the receptive field of its patch until
    a layer mixes the tokens.

    \b
    Next:
      dreamfilters dream signs conv6:12
    """
    import_backend()
    network = model_options.network(model)
    say(network.describe_input())
    rows = [_layer_values(info) for info in network.layers]
    if as_json:
        print_json(rows)
        return
    headings = ("name", "type", "kind", "output", "units", "activation", "receptive field", "dreamable")
    table(headings, [_layer_row(row) for row in rows])


@with_option_groups
def inputs(
    model: options.Model,
    images: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES", help="Folder of images, with a subfolder for each class.", callback=existing_images
        ),
    ],
    labels: options.Labels = None,
    per_class: Annotated[int, typer.Option(help="Number of images of each class to use.", callback=at_least(1))] = 10,
    top: Annotated[int, typer.Option(help="Number of input forms to print.", callback=at_least(1))] = 5,
    save: Annotated[
        bool, typer.Option("--save", help="Save what is certain of the best input form as model.toml beside the model.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Save a form that does not fit or nearly ties, and replace model.toml.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    *,
    model_options: options.ModelOptions,
) -> None:
    """Find the input form of a network from labeled images.

    \b
    Examples:
      dreamfilters inputs net.h5 images/
      dreamfilters inputs net.h5 images/ --save

    Tries the common value ranges, channel orders, resize rules and class orders, and ranks them by accuracy, then by
    log-loss. Of forms that nearly tie, the one that the model's first layers imply is the best, then 0 to 1, then RGB.
    --save writes what is certain: where forms nearly tie, the settings that they share. A model.toml that agrees is
    completed; one that does not is kept. Exit code 1: --save did not save the whole form. Exit code 3: some images
    could not be read.

    \b
    Next:
      dreamfilters layers net.h5
    """
    target = None
    if save:
        from dreamfilters.networks.preprocessing.form_sources import saved_settings_file

        target = saved_settings_file(model)
    import_backend()
    from dreamfilters.images import image_folder
    from dreamfilters.networks.preprocessing.search.ranking import rank_forms
    from dreamfilters.networks.preprocessing.search.saving import form_update

    network = model_options.network(model)
    say(network.describe_input())
    folder = image_folder(images, labels=labels)
    with progress("inputs", quiet) as report:
        ranking = rank_forms(network, folder, per_class=per_class, progress=report)
    _print_ranking(ranking, top, as_json)
    if target is not None:
        _save_form(target, form_update(target, network, ranking, inputs=model_options.held(), force=force))
    exit_if_failed(tuple((str(path), reason) for path, reason in ranking.failures), images, count=len(folder))


def convert(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Old .h5, .hdf5 or .keras file or SavedModel.", callback=known_file)
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="New .keras file, or .json for the architecture only.", callback=writable_file
        ),
    ],
    architecture: options.Architecture = None,
    trust: options.Trust = False,
    imports: options.Imports = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    verbose: options.Verbose = False,
) -> None:
    """Convert a model file of an older Keras to Keras 3.

    \b
    Examples:
      dreamfilters convert keras_model.h5 model.keras -v
      dreamfilters convert weights.h5 model.keras --architecture model.json
      dreamfilters convert old.h5 layers.json

    The weights do not change. Code in the file is not run unless --trust is given. A model with custom layers
    (--import) keeps them.

    \b
    Next:
      dreamfilters inputs model.keras images/ --save
    """
    from dreamfilters.networks.io.file_checks import check_converted

    check_converted(out, force=force)
    import_backend()
    from dreamfilters.networks.io.model_file import convert as convert_file

    changes = convert_file(model, out, trust=trust, imports=imports or (), architecture=architecture, force=force)
    if verbose:
        say("; ".join(changes) or "nothing was changed")
    typer.echo(out)


COMMANDS = (layers, inputs, convert)


def _layer_values(info: LayerInfo) -> dict[str, Any]:
    field = info.receptive_field
    return {
        "name": info.name,
        "type": info.type,
        "kind": info.kind,
        "output": list(info.shape),
        "units": info.units,
        "activation": info.activation,
        "receptive_field": None if field is None else list(field.size),
        "dreamable": info.dreamable,
        "reason": info.reason,
    }


def _layer_row(values: Mapping[str, Any]) -> tuple[str, ...]:
    output = "x".join("?" if side is None else str(side) for side in values["output"])
    field = "x".join(map(str, values["receptive_field"])) if values["receptive_field"] else "whole image"
    kind, dreamable = values["kind"], "yes"
    if kind == "not visual":
        kind, dreamable = f"not visual: {values['reason']}", "no"
    elif not values["dreamable"]:
        dreamable = f"no: {values['reason']}"
    return (values["name"], values["type"], kind, output, str(values["units"]), values["activation"], field, dreamable)


def _print_ranking(ranking: FormRanking, top: int, as_json: bool) -> None:
    if as_json:
        rows = [trial.as_values() for trial in ranking.ranked]
        count, rivals = len(ranking.best.right), len(ranking.rivals)
        print_json({"images": count, "trials": rows, "rivals": rivals, "open": ranking.open, "fits": ranking.fits})
    else:
        table(
            ("accuracy", "log-loss", "input form", "resize", "classes"),
            [_trial_row(trial) for trial in ranking.ranked[:top]],
        )
    for remark in (*ranking.remarks, ranking.describe_used()):
        say(remark)


def _trial_row(trial: Trial) -> tuple[str, ...]:
    numbers = f"{trial.accuracy:.3f}", f"{trial.log_loss:.3f}"
    return (*numbers, trial.form.describe(), trial.form.resize, trial.order.name)


def _save_form(path: Path, update: FormUpdate) -> None:
    """Write the file and say what it lacks; exit with code 1 if it lacks something."""
    from dreamfilters.writing.single_files import write_file

    if update.text is not None:
        write_file(path, update.text.encode())
        typer.echo(path)
    say(update.message)
    if not update.is_complete:
        raise typer.Exit(1)
