"""Commands that dream: `dream`, `again`, `recipes`."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.help import of_model, of_output, of_recipe
from dreamfilters.cli.options.given_files import readable_image
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import (
    at_least,
    existing_images,
    parse_sides,
    recipe_names,
    valid_size,
    valid_targets,
    valid_tries,
    writable_folder,
)
from dreamfilters.cli.output import exit_if_stopped, print_json, progress, say, table

if TYPE_CHECKING:
    from dreamfilters.dreams.default_recipes import DefaultRecipes
    from dreamfilters.dreams.priors import Prior
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.networks import Network
    from dreamfilters.runs.by_unit.dream_store import DreamEntry
    from dreamfilters.runs.storage.run_result import RunResult


@with_option_groups
def dream(
    model: options.Model,
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="Units, classes, layers: conv6:12  conv6:0-15,42  class:STOP  layer:conv4",
            callback=valid_targets,
        ),
    ],
    *,
    recipe_options: options.RecipeOptions,
    size: Annotated[
        str | None,
        of_recipe(
            metavar="N|HxW", help="Canvas size in pixels; default: the network's input size.", callback=valid_size
        ),
    ] = None,
    images: Annotated[
        Path | None,
        of_recipe(
            metavar="FOLDER",
            help="Real images: use their colors and spectrum, and the motions that the network tolerates on them.",
            callback=existing_images,
        ),
    ] = None,
    learned: options.Learned = None,
    start: Annotated[
        Path | None, of_recipe(metavar="IMAGE", help="Start from an image instead of noise.", callback=readable_image)
    ] = None,
    tries: Annotated[
        int,
        of_recipe(
            metavar="N",
            help="Keep the best of N seeds: predicted or activated first, then the robust score.",
            callback=valid_tries,
        ),
    ] = 1,
    seeds: Annotated[
        int,
        of_recipe(
            metavar="N",
            help="With --prior: also show what the prior hides, with dreams of N seeds; 0 for only the dreams.",
            callback=at_least(0),
        ),
    ] = 3,
    batch: Annotated[
        int | None,
        typer.Option(help="Batch size; default: measured. It changes dreams with JAX only.", callback=at_least(1)),
    ] = None,
    frames: Annotated[
        int, typer.Option(help="Also write an animated GIF with this number of frames.", callback=at_least(0))
    ] = 0,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Synthesize the images that activate filters or classes most.

    \b
    Examples:
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters dream signs 'class:"Vorfahrt achten"' --recipe natural --size 96
      dreamfilters dream net.keras "conv4:3 - 0.5*conv4:7" --range -1 1 --seed 7 --out outputs/mine
      dreamfilters dream signs --recipe deepdream --start image.jpg layer:conv4
      dreamfilters dream net.keras 'class:*' --recipe learned --prior images.npz --tries 4
      dreamfilters dream signs -- -conv6:3

    Each dream is a PNG that stores all its settings, beside a contact sheet and a manifest. The same command resumes an
    interrupted run.

    \b
    Next:
      dreamfilters compare signs conv6:0-15 images/
    """
    of_images = recipe_options.prior(learned, model)
    import_backend()
    from dreamfilters.images import read_image
    from dreamfilters.runs.by_unit.dream_run import DreamJob, run
    from dreamfilters.runs.by_unit.dream_store import KIND

    network = model_options.network(model)
    chosen = recipe_options.chosen(*_canvas_setting(size))
    network, prior = (
        (network, of_images) if images is None else _fitted_to(images, network, chosen, of_images, run_options.quiet)
    )
    first = None if start is None else read_image(start, channels=network.form.channels, bits=network.form.bits)
    with executor_options.executor() as executor:
        job = DreamJob(
            network, model, tuple(targets), chosen, recipe_options.seed, prior, first, frames, batch, tries, seeds,
            executor,
        )  # fmt: skip
        result = run_options.run(KIND, network, run, job)
    _print(result, run_options.as_json)


def again(
    image: Annotated[
        Path, typer.Argument(metavar="DREAM", help="PNG file that `dream` wrote.", callback=readable_image)
    ],
    out: Annotated[
        Path | None,
        of_output(
            metavar="DIR", help="Output directory; default: the new dream is not kept.", callback=writable_folder
        ),
    ] = None,
    model: Annotated[
        str | None, of_model(metavar="MODEL", help="The network, if it has moved; default: as stored in the PNG.")
    ] = None,
    trust: options.Trust = False,
    imports: options.Imports = None,
    quiet: options.Quiet = False,
) -> None:
    """Reproduce a dream and compare the bytes.

    \b
    Examples:
      dreamfilters again outputs/signs/dream/class-STOP-5f1c0a7be2.png
      dreamfilters again old.png --model moved/net.keras --out outputs/again

    The PNG stores all settings of the dream. Exit code 0: the new file has the same bytes; 1: the bytes are different.
    """
    import_backend()
    from dreamfilters.runs.by_unit.reproduction import job_of, reproduce

    job = job_of(image, model=model, trust=trust, imports=imports or ())
    say(job.network.describe_input())
    with progress("again", quiet) as report:
        reproduction = reproduce(image, job, out, progress=report)
    if out is not None:
        typer.echo(reproduction.entry.image)
    typer.echo("the same bytes" if reproduction.same else f"different bytes: {reproduction.why}")
    raise typer.Exit(0 if reproduction.same else 1)


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Recipe to print as TOML; default: list all.", autocompletion=recipe_names
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the recipes, or print one as TOML.

    \b
    Examples:
      dreamfilters recipes
      dreamfilters recipes standard > mine.toml

    \b
    Next:
      dreamfilters dream signs conv6:12 --recipe mine.toml
    """
    from dreamfilters.dreams import builtin_recipes

    described = {known: builtin_recipes.description(known) for known in builtin_recipes.names()}
    if as_json and name is None:
        print_json([{"recipe": known, "description": text} for known, text in described.items()])
    elif as_json:
        print_json(tomllib.loads(builtin_recipes.text(str(name))[0]))
    elif name is None:
        table(("recipe", "when to use it"), list(described.items()))
    else:
        typer.echo(builtin_recipes.text(name)[0], nl=False)


COMMANDS = (dream, again, recipes)


def _canvas_setting(size: str | None) -> list[str]:
    """Return the setting of the recipe that `--size` stands for."""
    if size is None:
        return []
    sides = parse_sides(size)
    return [f"parameterization.size={sides[0] if len(sides) == 1 else list(sides)}"]


def _fitted_to(
    folder: Path, network: Network, recipe: Recipe | DefaultRecipes, learned: LearnedPrior | None, quiet: bool
) -> tuple[Network, Prior | LearnedPrior]:
    """Return the network with its tolerance, measured where it is not known, and the prior of a folder of images.

    A learned prior stays.
    """
    from dreamfilters.dreams.calibration import calibrate
    from dreamfilters.dreams.priors.fitting import warning_of_other_images
    from dreamfilters.images import image_folder
    from dreamfilters.runs.by_unit.dream_run import measured_prior

    prior: Prior | LearnedPrior
    if learned is None:
        prior, failures = measured_prior(network, recipe, folder)
        for failure in failures:
            say(failure)
    else:
        prior = learned
        with progress("prior", quiet) as report:
            line = warning_of_other_images(learned, image_folder(folder, channels=learned.channels), progress=report)
        if line:
            say(line)
    if network.tolerance is not None or not network.is_classifier:
        return network, prior
    with progress("calibrate", quiet) as report:
        found = calibrate(network, image_folder(folder), progress=report)
    say(f"tolerated on {found.count} images: {found.tolerance.describe()}")
    return replace(network, tolerance=found.tolerance), prior


def _print(result: RunResult[tuple[DreamEntry, ...]], as_json: bool) -> None:
    """Print a line for each dream."""
    if as_json:
        rows = [
            {**each.summary, "image": str(each.image), "check": str(each.check) if each.check.exists() else None}
            for each in result.value
        ]
        print_json({"dreams": rows, "missing": result.missing})
    elif result.value:
        table(("target", "score", "robust", "steps", "seconds", ""), [_row(entry) for entry in result.value])
        typer.echo(result.folder / "contact-sheet.png")
        for check in [each.check for each in result.value if each.check.exists()]:
            typer.echo(f"{check}: what the prior hides")
    exit_if_stopped(result.stopped, result.done, result.total, "dreams")


def _row(entry: DreamEntry) -> tuple[str, ...]:
    record = entry.record
    numbers = ("nan" if record[key] is None else f"{record[key]:.4g}" for key in ("score", "robust"))
    seconds = "kept" if entry.seconds is None else f"{entry.seconds:.2f}"
    return (record["target"], *numbers, str(record["steps"]), seconds, entry.remark)
