"""Commands that compare dreams with real images: `compare`, `measures`, `atlas`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dreamfilters.cli.options import (
    AsJson,
    Labels,
    Layers,
    Model,
    ModelOptions,
    Quiet,
    RecipeName,
    RecipeSettings,
    Seed,
    folder_for,
    images_or_samples,
    import_tensorflow,
    labeled_images,
    layer_names,
    with_model_options,
)
from dreamfilters.cli.output import print_json, progress, say, table, tell_failures

if TYPE_CHECKING:
    from dreamfilters.runs.compare_run import UnitValues
    from dreamfilters.runs.storage.run_result import RunResult

Row: TypeAlias = tuple[str, ...]
Against = Annotated[
    str | None, typer.Option(metavar="OTHER_MODEL", help="Second network that is shown the dreams, for transfer.")
]
Seeds = Annotated[int, typer.Option(help="Dreams of each unit; the first is compared, all give the seed variation.")]
Top = Annotated[int, typer.Option(help="Real images shown beside each dream.")]


@with_model_options
def compare(
    model: Model,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="conv6:12  conv6:0-15,42  conv6:12!max  class:STOP")
    ],
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of real images, searched recursively.")],
    against: Against = None,
    image: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="Your own image, shown beside the others.")
    ] = None,
    recipe: RecipeName = "standard",
    settings: RecipeSettings = None,
    seed: Seed = 0,
    seeds: Seeds = 3,
    top: Top = 4,
    labels: Labels = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Output directory; default: outputs/<model>-compare.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another comparison in the directory; other files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Compare dreams with the real images that activate the same units.

    \b
    Examples:
      dreamfilters compare signs conv6:12 class:STOP images/
      dreamfilters compare signs conv6:0-15 images/ --image mine.jpg --seeds 5 --out outputs/conv6
      dreamfilters compare signs class:STOP images/ --against other.keras

    Writes one offline page: each dream beside the strongest images with all maps on one scale, the histogram of real
    responses, and every measure (see `measures`). Exit code 3 if some images could not be read.
    """
    import_tensorflow()
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.dreams.recipe import read_recipe
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import read_image
    from dreamfilters.runs.compare_run import CompareJob, run

    network = opening.network(model)
    other = None if against is None else ModelOptions(trust=opening.trust).network(against)
    user_image = None if image is None else (image.name, read_image(image, channels=network.form.channels))
    source, how = source_of(labeled_images(network, images, labels)), read_recipe(recipe, settings=settings or [])
    plan = ComparePlan(network, tuple(targets), source, how, seed, seeds, top, other, user_image)
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-compare")
    with progress("comparing", quiet) as report:
        result = run(CompareJob(plan, model, against or ""), folder, force=force, progress=report)
    say(network.assumed)
    values = {"units": [unit["row"] for unit in result.value]}
    _print_result(result, values, _figure_rows(result.value), "comparison.json", len(source.names), as_json=as_json)


def measures(as_json: AsJson = False) -> None:
    """List the measures of `compare` and what each needs.

    \b
    Example:
      dreamfilters measures
    """
    import_tensorflow()
    from dreamfilters.comparison.measures.registry import MEASURES

    found = MEASURES.values()
    if as_json:
        fields = ("name", "title", "meaning")
        print_json([{**{key: getattr(one, key) for key in fields}, "needs": sorted(one.needs)} for one in found])
    else:
        table(("measure", "needs", "meaning"), [(one.name, ", ".join(sorted(one.needs)), one.meaning) for one in found])


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
    settings: RecipeSettings = None,
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
    source = labeled_images(network, images_or_samples(model, images), labels)
    how = read_recipe(recipe, settings=settings or [])
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-atlas")
    with progress("atlas", quiet) as report:
        result = write_atlas(
            network, source, folder, spec=model, layers=layer_names(layers), recipe=how, seed=seed, seeds=seeds,
            top=top, against=other, force=force, progress=report,
        )  # fmt: skip
    say(network.assumed)
    counts, losing = (result.value.counts, result.value.losing) if result.value else ({}, 0)
    rows: list[Row] = [("verdict", "units"), *((kind, str(count)) for kind, count in counts.items())]
    rows.append(("loses to a real image", str(losing)))
    values = {"counts": counts, "losing": losing}
    _print_result(result, values, rows, "atlas.json", len(source), as_json=as_json)


COMMANDS = (compare, measures, atlas)


def _print_result(
    result: RunResult[Any], values: dict[str, Any], rows: list[Row], file: str, images: int, *, as_json: bool
) -> None:
    """Print the values as JSON or the rows as a table, and the page's path; exit with 3 if some images failed."""
    if result.stopped:
        say("stopped; run the same command again to resume")
        raise typer.Exit(130)
    page = result.folder / "index.html"
    if as_json:
        failures = [{"image": name, "reason": reason} for name, reason in result.failures]
        print_json({"page": str(page), **values, "failures": failures})
    else:
        table(rows[0], rows[1:])
        typer.echo(page)
    tell_failures(result.failures, file, count=images)


def _figure_rows(units: Sequence[UnitValues]) -> list[Row]:
    """Return a head and a row a unit: the figure of every measure that has one for some unit, and the flags."""
    known = dict.fromkeys(name for unit in units for name, figure in unit["figures"].items() if figure != "–")
    rows = [
        (unit["row"]["target"], *(unit["figures"].get(name, "") for name in known), "; ".join(unit["flags"]))
        for unit in units
    ]
    return [("target", *known, ""), *rows]
