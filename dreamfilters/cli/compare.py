"""Commands that hold dreams against real images: `compare`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli.image_args import labeled_images, tell_failures
from dreamfilters.cli.options import (
    AsJson,
    Model,
    ModelOptions,
    Quiet,
    folder_for,
    import_tensorflow,
    with_model_options,
)
from dreamfilters.cli.output import progress, say, table

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network
    from dreamfilters.runs.paired_run import CompareJob
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def compare(
    model: Model,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="conv6:12  conv6:0-15,42  conv6:12!max  class:STOP")
    ],
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="A folder of real images, at any depth.")],
    against: Annotated[
        str | None, typer.Option(metavar="OTHER_MODEL", help="Also show the dreams to this network.")
    ] = None,
    image: Annotated[Path | None, typer.Option(metavar="PHOTO", help="Also show this image of yours.")] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="How; see `dreamfilters recipes`.")] = "standard",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance; the same seed gives the same report.")] = 0,
    seeds: Annotated[int, typer.Option(help="Dreams of each unit; the first is compared, all tell the spread.")] = 3,
    top: Annotated[int, typer.Option(help="How many real images stand beside each dream.")] = 4,
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and class of each image; the folders' names by itself.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model>-compare by itself.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another comparison in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Hold dreams against the real images that excite the same units.

    One page that opens without a network: each dream beside the strongest images with all maps on one scale, the
    histogram of real responses, and every measure of how they compare. Exit code 3 if some images could not be read.

    \b
    Examples:
      dreamfilters compare signs conv6:12 class:STOP images/
      dreamfilters compare signs conv6:0-15 images/ --image mine.jpg --seeds 5 --out outputs/conv6
      dreamfilters compare signs class:STOP images/ --against other.keras
    """
    import_tensorflow()
    from dreamfilters.runs.compare_run import run

    network = opening.network(model)
    other = None if against is None else ModelOptions(trust=opening.trust).network(against)
    real = labeled_images(network, images, labels)
    comparing = _comparing(
        (network, model), targets, real, (recipe, settings or []), (seed, seeds, top), (other, against or ""), image
    )
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-compare")
    with progress("comparing", quiet) as report:
        reported = run(comparing, folder, force=force, progress=report)
    say(network.assumed)
    _report(reported, as_json, len(real))


COMMANDS = (compare,)


def _comparing(
    ours: tuple[Network, str], targets: list[str], real: ImageFolder, how: tuple[str, list[str]],
    counts: tuple[int, int, int], other: tuple[Network | None, str], image: Path | None,
) -> CompareJob:  # fmt: skip
    from dreamfilters.dreams import recipe
    from dreamfilters.images import read_image
    from dreamfilters.runs.paired_run import CompareJob

    chosen = recipe.read_recipe(how[0], settings=how[1])
    channels = ours[0].form.image_channels
    user_image = None if image is None else (image.name, read_image(image, channels=channels))
    return CompareJob(*ours, tuple(targets), real, chosen, *counts, *other, user_image)


def _report(reported: RunResult[tuple[Mapping[str, Any], ...]], as_json: bool, images: int) -> None:
    """Print one line a unit and where the page lies; exit with 3 if some images could not be read."""
    page = reported.folder / "index.html"
    if reported.stopped:
        say("stopped; give the same command again to go on")
        raise typer.Exit(130)
    if as_json:
        failures = [{"image": name, "reason": reason} for name, reason in reported.failures]
        values = {"page": str(page), "units": reported.value, "failures": failures}
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        headings = ("target", "response", "real", "ratio", "path", "plausible", "")
        table(headings, [_row(row) for row in reported.value])
        typer.echo(page)
    tell_failures(reported.failures, "comparison.json", count=images)


def _row(row: Any) -> tuple[str, ...]:
    shown = ("" if row[key] is None else f"{row[key]:.4g}" for key in ("response", "strongest_real", "ratio"))
    path = "" if row["path_similarity"] is None else f"{row['path_similarity']:.2f}"
    plausible = "" if row["plausibility_percentile"] is None else f"{row['plausibility_percentile']:.0f} %"
    loses = "loses to a real image" if row["loses"] else "loses when moved" if row["loses_moved"] else ""
    remark = loses if row["activated"] else f"not activated{'; ' * bool(loses)}{loses}"
    return (row["target"], *shown, path, plausible, remark)
