"""What the commands of techniques share: their jobs, their options, and the table that they print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.values import at_least
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, table

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network
    from dreamfilters.progress import OnProgress
    from dreamfilters.runs.by_image.technique_run import Item
    from dreamfilters.runs.by_image.technique_store import StoredResult
    from dreamfilters.runs.storage.run_result import RunResult
    from dreamfilters.techniques.strip import TechniqueResult

Steps = Annotated[int | None, of_recipe(metavar="N", help="Number of steps.", callback=at_least(1))]
Frames = Annotated[int, of_recipe(help="Also write an animated GIF with this number of frames.", callback=at_least(0))]


def run_technique(
    command: str,
    network: Network,
    model: str,
    chosen: Mapping[str, Any],
    items: tuple[Item, ...],
    run_options: options.RunOptions,
) -> None:
    """Run a technique in the output directory and print a line for each result."""
    from dreamfilters.runs.by_image.technique_run import TechniqueJob, run

    job = TechniqueJob(command, network, chosen, items, model)
    _print(run_options.run(job.kind, network, run, job), run_options.as_json)


def images_of(network: Network, images: Path) -> ImageFolder:
    """Return the images of a file or a folder, with the network's number of channels."""
    from dreamfilters.images import image_folder

    return image_folder(images, channels=network.form.channels)


def items_of_targets(
    network: Network,
    targets: list[str],
    images: Path,
    make: Callable[[str, ImageFolder, OnProgress], TechniqueResult],
) -> tuple[Item, ...]:
    """Return an item for each unit of the targets, made from the images."""
    from dreamfilters.dreams.objectives.targets import goals
    from dreamfilters.runs.by_image.technique_run import target_items

    found = images_of(network, images)
    names = dict.fromkeys(name for goal in goals(network, targets) for name in goal.names)
    return target_items(tuple(names), found, network, make)


def _print(result: RunResult[tuple[StoredResult, ...]], as_json: bool) -> None:
    page = result.folder / "index.html"
    exit_if_stopped(result.stopped, result.done, result.total, "results")
    if as_json:
        rows = [{"name": one.name, "strip": str(one.strip), **one.values} for one in result.value]
        print_json({"page": str(page), "results": rows, "failures": failure_values(result.failures)})
    else:
        table(("", "result"), [(one.name, one.text) for one in result.value])
        typer.echo(page)
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)
