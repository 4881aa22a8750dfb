"""Commands that dream: `dream`, `again`, `recipes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli.options import (
    AsJson,
    Model,
    ModelOptions,
    Quiet,
    Trust,
    folder_for,
    import_tensorflow,
    sides_of,
    with_model_options,
)
from dreamfilters.cli.output import progress, say, table

if TYPE_CHECKING:
    from dreamfilters.networks import Network
    from dreamfilters.runs.dream_run import DreamJob
    from dreamfilters.runs.dream_store import DreamEntry
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def dream(
    model: Model,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET", help="conv6:12  conv6:0-15,42  conv6  class:STOP  layer:conv4")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model> by itself.")] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="How; see `dreamfilters recipes`.")] = "standard",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance; the same seed gives the same images.")] = 0,
    batch: Annotated[int | None, typer.Option(help="Images at a time; measured by itself.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Canvas in pixels; the network's own by itself.")
    ] = None,
    prior_from: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Take colors and spectrum of these images.")
    ] = None,
    start: Annotated[Path | None, typer.Option(metavar="PHOTO", help="Start from an image instead of noise.")] = None,
    frames: Annotated[int, typer.Option(help="Also write an animated GIF of so many frames.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another run in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Dream the images that excite filters or classes most.

    Each becomes a PNG that tells how it was made, beside a contact sheet and a manifest. A run that was stopped goes on
    when the same command is given again.

    \b
    Examples:
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters dream signs 'class:"Vorfahrt achten"' --recipe natural --size 96
      dreamfilters dream net.keras "conv4:3 - 0.5*conv4:7" --range -1 1 --seed 7 --out outputs/mine
      dreamfilters dream signs --recipe deepdream --start image.jpg layer:conv4
      dreamfilters dream signs -- -conv6:3
    """
    import_tensorflow()
    from dreamfilters.runs.dream_run import run

    network = opening.network(model)
    asked = [*(settings or []), *([_size(size)] if size else [])]
    job = _job(
        network,
        model,
        targets,
        (recipe, asked),
        seed=seed,
        batch=batch,
        prior_from=prior_from,
        start=start,
        frames=frames,
    )
    with progress("images", quiet) as report:
        finished = run(job, out or folder_for(network), force=force, progress=report)
    say(network.assumed)
    _report(finished, as_json)


def again(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A PNG that `dream` wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the new image here.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Where the network lies now, if it has moved.")
    ] = None,
    trust: Trust = False,
    quiet: Quiet = False,
) -> None:
    """Make an image again and say if it is the same.

    An image of `dream` holds all settings that made it. Exit code 0 if the new one has the same bytes, 1 if not.

    \b
    Examples:
      dreamfilters again outputs/signs/class-STOP-5f1c0a7be2.png
      dreamfilters again old.png --model moved/net.keras --out outputs/again
    """
    import_tensorflow()
    from dreamfilters.runs.reproduction import job_of, reproduce

    job = job_of(image, model=model, trust=trust)
    with progress("image", quiet) as report:
        repetition = reproduce(image, job, out, progress=report)
    if out is not None:
        typer.echo(repetition.entry.image)
    typer.echo("the same bytes" if repetition.same else f"other bytes: {repetition.why}")
    raise typer.Exit(0 if repetition.same else 1)


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this one as TOML.")] = None,
) -> None:
    """List the recipes, or print one to copy and change.

    \b
    Examples:
      dreamfilters recipes
      dreamfilters recipes standard > mine.toml
    """
    from dreamfilters.dreams import builtin_recipes

    if name is None:
        table(
            ("recipe", "when to use it"),
            [(known, builtin_recipes.description(known)) for known in builtin_recipes.names()],
        )
    else:
        typer.echo(builtin_recipes.text(name)[0], nl=False)


COMMANDS = (dream, again, recipes)


def _size(text: str) -> str:
    """Turn '96' or '64x96' into a setting of the recipe."""
    sides = sides_of(text)
    return f"parameterization.size={sides[0] if len(sides) == 1 else list(sides)}"


def _job(
    network: Network, model: str, targets: list[str], how: tuple[str, list[str]], *, seed: int, batch: int | None,
    prior_from: Path | None, start: Path | None, frames: int,
) -> DreamJob:  # fmt: skip
    from dreamfilters.dreams import recipe
    from dreamfilters.images import read_image
    from dreamfilters.runs.dream_run import DreamJob, measured_prior

    chosen = recipe.read_recipe(how[0], settings=how[1])
    start_image = None if start is None else read_image(start, channels=network.form.image_channels)
    prior, failures = (None, ()) if prior_from is None else measured_prior(network, chosen, prior_from)
    for failure in failures:
        say(failure)
    return DreamJob(network, model, tuple(targets), chosen, seed, prior, start_image, frames, batch)


def _report(finished: RunResult[tuple[DreamEntry, ...]], as_json: bool) -> None:
    """Print one line an image; a run that was stopped ends with code 130."""
    if as_json:
        keys = ("target", "score", "robust", "steps", "activated", "recovered_by", "note")
        rows = [{**{key: e.record[key] for key in keys}, "image": str(e.image)} for e in finished.value]
        typer.echo(json.dumps({"images": rows, "missing": finished.missing}, indent=1, ensure_ascii=False))
    elif finished.value:
        table(("target", "score", "robust", "steps", "seconds", ""), [_entry_row(entry) for entry in finished.value])
        typer.echo(finished.folder / "contact-sheet.png")
    if finished.stopped:
        say(f"stopped with {len(finished.missing)} images missing; give the same command again to go on")
        raise typer.Exit(130)


def _entry_row(entry: DreamEntry) -> tuple[str, ...]:
    record = entry.record
    numbers = ("nan" if record[key] is None else f"{record[key]:.4g}" for key in ("score", "robust"))
    seconds = "kept" if entry.seconds is None else f"{entry.seconds:.2f}"
    remark = record["note"] or (f"recovered by {record['recovered_by']}" if record["recovered_by"] else "")
    return (record["target"], *numbers, str(record["steps"]), seconds, remark)
