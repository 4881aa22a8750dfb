"""The command that compares and judges every unit of a network: `atlas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli.compare import Against, Labels, RecipeName, Seed, Seeds, Settings, Top
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
    from dreamfilters.networks import Network
    from dreamfilters.runs.atlas_run import AtlasSummary
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def atlas(
    model: Model,
    images: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGES]", help="Folder of real images; default for signs: its rendered samples."),
    ] = None,
    layers: Layers = None,
    against: Against = None,
    recipe: RecipeName = "standard",
    settings: Settings = None,
    seed: Seed = 0,
    seeds: Seeds = 2,
    top: Top = 4,
    labels: Labels = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Output directory; default: outputs/<model>-atlas.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another atlas in the directory; other files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Compare every unit of a network with real images and judge it.

    \b
    Examples:
      dreamfilters atlas signs
      dreamfilters atlas signs images/ --layers conv5,conv6 --out outputs/mine

    Writes an index page and a page for every unit: dream, real images, measures and verdict. Run the same command
    again to resume a stopped atlas. Exit code 3 if some images could not be read.
    """
    import_tensorflow()
    from dreamfilters.dreams.recipe import read_recipe
    from dreamfilters.runs.atlas_run import atlas as write_atlas

    network = opening.network(model)
    other = None if against is None else (against, ModelOptions(trust=opening.trust).network(against))
    source = labeled_images(network, images or _samples(network), labels)
    how = read_recipe(recipe, settings=settings or [])
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-atlas")
    with progress("atlas", quiet) as report:
        result = write_atlas(
            network, source, folder, spec=model, layers=layer_names(layers), recipe=how, seed=seed, seeds=seeds,
            top=top, against=other, force=force, progress=report,
        )  # fmt: skip
    say(network.assumed)
    _print_result(result, as_json, len(source))


COMMANDS = (atlas,)


def _samples(network: Network) -> Path:
    """Return the folder of the built-in network's samples, which is written if need be."""
    from dreamfilters.errors import ImageError
    from dreamfilters.signs.rendering.scenes import write_samples

    if network.name != "signs":
        raise ImageError(f"{network.name}: no images to compare with; give a folder of images after MODEL")
    folder = Path("outputs") / "samples"
    write_samples(folder)
    return folder


def _print_result(result: RunResult[AtlasSummary | None], as_json: bool, images: int) -> None:
    """Print the number of units of each verdict and the page's path; exit with 3 if some images could not be read."""
    if result.value is None:
        say("stopped; run the same command again to resume")
        raise typer.Exit(130)
    page, summary = result.folder / "index.html", result.value
    if as_json:
        failures = [{"image": name, "reason": reason} for name, reason in result.failures]
        values = {"page": str(page), "counts": summary.counts, "losing": summary.losing, "failures": failures}
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        rows = [(kind, str(count)) for kind, count in summary.counts.items()]
        table(("verdict", "units"), [*rows, ("loses to a real image", str(summary.losing))])
        typer.echo(page)
    tell_failures(result.failures, "atlas.json", count=images)
