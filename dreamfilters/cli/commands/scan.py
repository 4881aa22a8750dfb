"""The command `scan`: records the responses of every unit to real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, layer_names
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, say, table
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.evidence.scan.result import Scan
    from dreamfilters.runs.storage.run_result import RunResult


@with_option_groups
def scan(
    model: options.Model,
    images: options.ImagesOrSamples = None,
    layers: options.ScannedLayers = None,
    labels: options.Labels = None,
    top: Annotated[int, typer.Option(help="Greatest number of images in a ranking.", callback=at_least(1))] = 9,
    batch: Annotated[
        int | None, typer.Option(help="Batch size; it does not change the results.", callback=at_least(1))
    ] = None,
    *,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Record the responses of every unit to real images.

    \b
    Examples:
      dreamfilters scan signs
      dreamfilters scan net.keras images/ --labels labels.csv --layers conv4,conv5 --out outputs/mine

    Stores for each unit the minimum, maximum, mean, std, share of zeros, histogram, class means, and the strongest and
    weakest images with their map positions. The same command resumes an interrupted scan. Exit code 3: some images
    could not be read.

    \b
    Next:
      dreamfilters audit signs --scan outputs/signs/scan
    """
    images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.scanned_layers import scanned_layers
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.runs.over_images.scan_run import run, stored_scan
    from dreamfilters.runs.over_images.scan_store import KIND

    network = model_options.network(model)
    found = options.labeled_images(network, model, images, labels, model_words=model_options.words)
    chosen = scanned_layers(network, layer_names(layers))
    with executor_options.executor() as executor:
        job = ScanJob(network, source_of(found), chosen, k=top, batch=batch, executor=executor)
        result = run_options.run(KIND, network, run, stored_scan(job, model))
    _print(result, run_options.as_json)


COMMANDS = (scan,)
_NAMED = 5  # mistakes in the terminal


def _print(result: RunResult[Scan | None], as_json: bool) -> None:
    from dreamfilters.evidence.scan.result import layer_rows

    exit_if_stopped(result.stopped, result.done, result.total)
    assert result.value is not None  # it was not stopped
    rows, readable = layer_rows(result.value), result.value.readable
    if as_json:
        accuracy = result.value.accuracy
        print_json(
            {
                "folder": str(result.folder),
                "images": readable,
                "accuracy": None if accuracy is None else float(accuracy.right.mean()),
                "balanced_accuracy": None if accuracy is None else accuracy.value,  # averaged over the classes
                "wrong": _wrong(result.value),
                "failures": failure_values(result.failures),
                "layers": rows,
            }
        )
    else:
        table(("layer", "units", "always silent", "zeros", "strongest unit", "image"), [_row(row) for row in rows])
        say(_mistakes(result.value))
        say(result.value.left_out)
        typer.echo(f"{readable} image{'s' * (readable != 1)}: {result.folder / 'index.html'}")
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _wrong(scan: Scan) -> list[dict[str, Any]]:
    """Return the labeled images that are predicted as another class, as JSON values."""
    return [
        {
            "image": scan.names[each.index],
            "label": scan.classes[each.label],
            "predicted": scan.classes[each.predicted] if each.predicted >= 0 else None,
        }
        for each in (scan.accuracy.mistakes if scan.accuracy else ())
    ]


def _mistakes(scan: Scan) -> str:
    """Return one line that names the labeled images that are predicted as another class, '' if there are none."""
    wrong = _wrong(scan)
    if scan.accuracy is None or not wrong:
        return ""
    named = ", ".join(f"{one['image']} as {one['predicted'] or 'none'}" for one in wrong[:_NAMED])
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return f"predicted as another class, {len(wrong)} of {scan.accuracy.count} labeled images: {named}{more}"


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    zeros = "" if row["zeros"] is None else percent(row["zeros"], 1)
    best = "" if row["strongest"] is None else f"{row['layer']}:{row['strongest']} {row['maximum']:.4g}"
    return (row["layer"], str(row["units"]), str(row["silent"]), zeros, best, row["image"] or "")
