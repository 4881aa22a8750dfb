"""The command `attribute`: which pixels of images a class or a unit depends on, and which method can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import (
    at_least,
    existing_images,
    layer_names,
    parse_size,
    valid_target,
    valid_targets,
)
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, say, table

if TYPE_CHECKING:
    from dreamfilters.runs.by_image.attribution_run import AttributionSummary
    from dreamfilters.runs.storage.run_result import RunResult


@with_option_groups
def attribute(
    model: options.Model,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[TARGET...] IMAGES",
            help="Targets such as class:STOP or conv6:12; default: the class that is predicted for each image. Then an "
            "image or a folder of images.",
        ),
    ],
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME,...",
            help="Methods, such as gradient or grad-cam; '*' for all; default: a quick one of each kind.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Explain the score of each target minus that of this one, such as a class it is confused with.",
            callback=valid_target,
        ),
    ] = None,
    measure: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Measure on N of the images how far each method can be trusted, which takes ten to fifty times as "
            "long as the heatmaps.",
            callback=at_least(0),
        ),
    ] = 0,
    arrays: Annotated[bool, typer.Option("--arrays", help="Also write the heatmaps as .npz in float32.")] = False,
    labels: options.Labels = None,
    size: options.Size = None,
    *,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Draw which pixels of an image a class depends on.

    \b
    Examples:
      dreamfilters attribute signs image.jpg
      dreamfilters attribute signs class:STOP images/ --against 'class:"Vorfahrt achten"'
      dreamfilters attribute net.keras conv4:3 image.jpg --method gradient,occlusion --arrays --out outputs/mine
      dreamfilters attribute signs images/ --method '*' --measure 8

    Each image gets a contact sheet of all methods, an overlay of each (red raises the score, blue lowers it, yellow has
    no sign) and the numbers as JSON; index.html shows all of them. --measure adds deletion, insertion, mu-fidelity,
    sensitivity and a sanity check, beside a control of random heatmaps. The same command resumes an interrupted run.
    Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters maps signs image.jpg --overlay
    """
    targets, images = _targets_and_images(words)
    names = layer_names(methods)
    model_options.check_methods(() if names == ("*",) else names or ())
    import_backend()
    from dreamfilters.images import image_folder
    from dreamfilters.runs.by_image.attribution_run import AttributionJob, run
    from dreamfilters.runs.by_image.attribution_store import KIND
    from dreamfilters.runs.by_image.attribution_task import AttributionSettings

    network = model_options.network(model)
    source = image_folder(images, labels=labels, channels=network.form.channels)
    settings = AttributionSettings(targets, names, against or "", arrays, measured=measure, size=parse_size(size))
    with executor_options.executor() as executor:
        job = AttributionJob(network, source, settings, model, executor)
        result = run_options.run(KIND, network, run, job)
    _print(result, run_options.as_json)


COMMANDS = (attribute,)


def _targets_and_images(words: list[str]) -> tuple[tuple[str, ...], Path]:
    """Return the targets, and the images, which are the last word."""
    *targets, last = words
    existing_images(Path(last))
    return tuple(valid_targets(targets)), Path(last)


def _print(result: RunResult[AttributionSummary], as_json: bool) -> None:
    """Print a line for each image and target, and the table of trust."""
    summary, page = result.value, result.folder / "index.html"
    exit_if_stopped(result.stopped, result.done, result.total)
    if as_json:
        print_json({"page": str(page), **_json(summary), "failures": failure_values(result.failures)})
    else:
        for method, reason in summary.reasons.items():
            say(f"{method}: {reason}")
        for line in summary.remarks:
            say(line)
        table(("image", "label", "predicted", "target", "score", "heatmaps"), _rows(summary))
        if trust := _trust_rows(summary):
            typer.echo()
            table(trust[0], trust[1:])
        typer.echo(page)
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _rows(summary: AttributionSummary) -> list[tuple[str, ...]]:
    return [
        (image.image, image.label, image.predicted, target.target, f"{target.score:.4g}", str(image.sheet))
        for image in summary.images
        for target in image.targets
    ]


def _trust_rows(summary: AttributionSummary) -> list[tuple[str, ...]]:
    """Return a head and a row for each method: its measures, its time for the images of this run, and its flags."""
    if summary.trust is None:
        return []
    cells = [
        {**cell, "seconds": f"{time:.2f}" if (time := summary.seconds.get(cell["method"])) else "", "": cell["flags"]}
        for cell in summary.trust.cells()
    ]
    names = [name for name in cells[0] if name != "flags"]
    return [tuple(names), *(tuple(cell[name] for name in names) for cell in cells)]


def _json(summary: AttributionSummary) -> dict[str, Any]:
    from dreamfilters.serialization import plain

    return {
        "images": [{**plain(image), "folder": str(image.folder)} for image in summary.images],
        "trust": None if summary.trust is None else summary.trust.as_values(),
        "seconds": dict(summary.seconds),
        "reasons": summary.reasons,
    }
