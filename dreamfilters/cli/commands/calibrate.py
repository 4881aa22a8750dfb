"""The command `calibrate`: how strongly images may be transformed before a network changes its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import existing_images
from dreamfilters.cli.output import print_json, progress, say, table
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.dreams.calibration import Calibration

_NAMES = {  # transform -> its name, its strength in words, and the factor of the number in them
    "rotate": ("rotation", "{:g} degrees", 1),
    "scale": ("scaling", "{:.3g} %", 100),
    "shift": ("shift", "{:.3g} % of the side", 100),
    "crop": ("crop", "to {:.3g} % of the side", 100),
    "noise": ("noise", "std {:g}", 1),
    "blur": ("blur", "sigma {:.3g} % of the side", 100),
}


@with_option_groups
def calibrate(
    model: options.Model,
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="Folder of real images; 100 are used.", callback=existing_images)
    ],
    save: Annotated[
        bool, typer.Option("--save", help="Save the tolerance in model.toml beside the model, where dreams use it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the tolerance in model.toml.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    *,
    model_options: options.ModelOptions,
) -> None:
    """Measure which transforms of images a network tolerates.

    \b
    Examples:
      dreamfilters calibrate net.h5 images/
      dreamfilters calibrate net.h5 images/ --save

    Finds the strongest rotations, scalings, shifts, crops, noise and blur under which the network predicts the same
    class for nine of ten real images. The images need no labels. After --save, the motions of the recipes natural,
    standard and fast are no stronger; `--set calibrated=false` restores them. `dream --images` measures the same for
    one run.

    \b
    Next:
      dreamfilters dream net.h5 'class:*'
    """
    target = _file_to_complete(model, force=force) if save else None
    import_backend()
    from dreamfilters.dreams.calibration import calibrate as measured
    from dreamfilters.images import image_folder
    from dreamfilters.networks.preprocessing.settings_file import with_tolerance
    from dreamfilters.writing.single_files import write_file

    network = model_options.network(model)
    say(network.describe_input())
    folder = image_folder(images)
    with progress("calibrate", quiet) as report:
        found = measured(network, folder, progress=report)
    for path, reason in folder.failures:
        say(f"{path}: {reason}")
    _print(found, as_json)
    if target is not None:
        write_file(target, with_tolerance(target, found.tolerance, force=force).encode())
        typer.echo(target)


COMMANDS = (calibrate,)


def _file_to_complete(model: str, *, force: bool) -> Path:
    """Return the settings file of a model, or raise the error of one that a tolerance cannot be added to."""
    from dreamfilters.networks.preprocessing.form_sources import saved_settings_file
    from dreamfilters.networks.preprocessing.settings_file import with_tolerance
    from dreamfilters.networks.preprocessing.tolerance import Tolerance

    target = saved_settings_file(model)
    with_tolerance(target, Tolerance(), force=force)
    return target


def _print(found: Calibration, as_json: bool) -> None:

    if as_json:
        print_json({"images": found.count, "keep": found.share, "tolerance": found.rows()})
        return
    table(("transform", "tolerated", "predictions kept", "the next strength", "then kept"), [*map(_row, found.rows())])
    say(f"tolerated: at least {percent(found.share)} of the predictions on {found.count} images stay the same")


def _row(row: dict[str, Any]) -> tuple[str, ...]:

    name, words, factor = _NAMES[row["transform"]]
    next_one = ("not tried", "")
    if "stronger" in row:
        next_one = (words.format(factor * row["stronger"]), percent(row["stronger_kept"]))
    return (name, words.format(factor * row["tolerated"]), percent(row["kept"]), *next_one)
