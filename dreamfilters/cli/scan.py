"""Commands that ask what real images do to every unit: `scan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from dreamfilters.evidence.scan.result import Scan
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.networks import Network
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def scan(
    model: Model,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="A folder of images, at any depth; or one.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model>-scan by itself.")] = None,
    layers: Layers = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and class of each image; the folders' names by itself.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many of the strongest and of the weakest images to keep.")] = 9,
    batch: Annotated[int | None, typer.Option(help="Images at a time; it changes no number.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another scan in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Show images to a network and keep what they do to every unit.

    Maximum, mean, std, share of zeros, histogram, the strongest and the weakest images with the place in the
    map, and the mean by class. A scan that was stopped goes on when the same command is given again. Exit code 3 if
    some images could not be read.

    \b
    Examples:
      dreamfilters scan signs images/
      dreamfilters scan net.keras images/ --labels labels.csv --layers conv4,conv5 --out outputs/mine
    """
    import_tensorflow()
    from dreamfilters.runs.scan_run import StoredScanJob, run

    network = opening.network(model)
    survey = _survey(network, images, layers, labels, top, batch)
    with progress("images", quiet) as report:
        stored = run(StoredScanJob(survey, model), out or _folder_for(network), force=force, progress=report)
    say(network.assumed)
    _report(stored, as_json)


COMMANDS = (scan,)


def _folder_for(network: Network) -> Path:
    folder = folder_for(network)
    return folder.with_name(f"{folder.name}-scan")


def _survey(
    network: Network, images: Path, layers: list[str] | None, labels: Path | None, top: int, batch: int | None
) -> ScanJob:
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.scanner import default_layers
    from dreamfilters.evidence.scan.sources import source_of

    real = labeled_images(network, images, labels)
    return ScanJob(network, source_of(real), layer_names(layers) or default_layers(network), k=top, batch=batch)


def _report(stored: RunResult[Scan | None], as_json: bool) -> None:
    if stored.value is None:
        say(f"stopped after {stored.done} of {stored.total} images; give the same command again to go on")
        raise typer.Exit(130)
    from dreamfilters.report.scan_tables import layer_rows

    rows, failures = layer_rows(stored.value), stored.value.failures
    if as_json:
        values = {
            "folder": str(stored.folder),
            "images": stored.value.readable,
            "failures": [{"image": name, "reason": reason} for name, reason in failures],
            "layers": rows,
        }
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        table(("layer", "units", "silent on all", "zeros", "strongest", "by"), [_row(row) for row in rows])
        typer.echo(f"{stored.value.readable} images: {stored.folder}")
    tell_failures(failures, str(stored.folder / "manifest.json"), count=stored.total)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    zeros = "" if row["zeros"] is None else f"{row['zeros']:.1%}"
    best = "" if row["strongest"] is None else f"{row['layer']}:{row['strongest']} {row['maximum']:.4g}"
    return (row["layer"], str(row["units"]), str(row["silent"]), zeros, best, row["image"] or "")
