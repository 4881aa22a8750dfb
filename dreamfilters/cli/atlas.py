"""Commands that chart whole networks: `atlas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli.image_args import labeled_images, tell_failures
from dreamfilters.cli.options import (
    AsJson,
    Layers,
    Model,
    ModelOptions,
    Quiet,
    folder_for,
    import_tensorflow,
    layer_names,
    with_model_options,
)
from dreamfilters.cli.output import progress, say, table

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network
    from dreamfilters.runs.atlas_run import AtlasSummary
    from dreamfilters.runs.paired_run import CompareJob
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def atlas(
    model: Model,
    images: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGES]", help="A folder of real images; for signs its rendered samples by itself."),
    ] = None,
    layers: Layers = None,
    against: Annotated[
        str | None, typer.Option(metavar="OTHER_MODEL", help="Also show the dreams to this network.")
    ] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="How; see `dreamfilters recipes`.")] = "standard",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance; the same seed gives the same atlas.")] = 0,
    seeds: Annotated[int, typer.Option(help="Dreams of each unit; the first is compared, all tell the spread.")] = 2,
    top: Annotated[int, typer.Option(help="How many real images stand beside each dream.")] = 4,
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and class of each image; the folders' names by itself.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model>-atlas by itself.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another atlas in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Chart every unit of a network: dreams, real images, measures and verdicts.

    One page to look through, with a page for every unit beside it. An atlas that was stopped goes on when the same
    command is given again. Exit code 3 if some images could not be read.

    \b
    Examples:
      dreamfilters atlas signs
      dreamfilters atlas signs images/ --layers conv5,conv6 --out outputs/mine
    """
    import_tensorflow()
    from dreamfilters.runs.atlas_run import run

    network = opening.network(model)
    other = None if against is None else ModelOptions(trust=opening.trust).network(against)
    real = labeled_images(network, images or _samples(network), labels)
    comparing = _comparing(
        (network, model), layers, real, (recipe, settings or []), (seed, seeds, top), (other, against or "")
    )
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-atlas")
    with progress("atlas", quiet) as report:
        charted = run(comparing, folder, force=force, progress=report)
    say(network.assumed)
    _report(charted, as_json, len(real))


COMMANDS = (atlas,)


def _samples(network: Network) -> Path:
    """Return the folder of the built-in network's own images, written now if need be."""
    from dreamfilters.errors import ImageError
    from dreamfilters.signs.rendering.scenes import write_samples

    if network.name != "signs":
        raise ImageError(f"{network.name}: no images to hold its dreams against; name a folder of them after MODEL")
    folder = Path("outputs") / "samples"
    write_samples(folder)
    return folder


def _comparing(
    ours: tuple[Network, str], layers: list[str] | None, real: ImageFolder, how: tuple[str, list[str]],
    counts: tuple[int, int, int], other: tuple[Network | None, str],
) -> CompareJob:  # fmt: skip
    from dreamfilters.dreams import recipe
    from dreamfilters.networks import LOGITS
    from dreamfilters.report.atlas import judged_layer
    from dreamfilters.runs.atlas_run import atlas_targets
    from dreamfilters.runs.paired_run import CompareJob

    targets = atlas_targets(ours[0], layer_names(layers))
    also = (judged_layer(ours[0], LOGITS),) if "class:*" in targets else ()
    return CompareJob(*ours, targets, real, recipe.read_recipe(how[0], settings=how[1]), *counts, *other, also=also)


def _report(charted: RunResult[AtlasSummary | None], as_json: bool, images: int) -> None:
    """Print how many units are of each kind and where the page lies."""
    page = charted.folder / "index.html"
    if charted.value is None:
        say("stopped; give the same command again to go on")
        raise typer.Exit(130)
    if as_json:
        failures = [{"image": name, "reason": reason} for name, reason in charted.failures]
        values = {
            "page": str(page),
            "counts": charted.value.counts,
            "losing": charted.value.losing,
            "failures": failures,
        }
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        rows = [(kind, str(count)) for kind, count in charted.value.counts.items()]
        table(("verdict", "units"), [*rows, ("loses to a real image", str(charted.value.losing))])
        typer.echo(page)
    tell_failures(charted.failures, "atlas.json", count=images)
