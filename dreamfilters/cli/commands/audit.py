"""The command `audit`: finds dead, dormant and saturated units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import layer_names, writable_folder
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, table

if TYPE_CHECKING:
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.networks import Network
    from dreamfilters.runs.storage.run_result import RunResult
    from dreamfilters.verdicts.result import Audit, Finding

_LISTED = 8  # units of a verdict that are printed; the page and the CSV file list more


@with_option_groups
def audit(
    model: options.Model,
    images: options.ImagesOrSamples = None,
    scan: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of a stored scan; with IMAGES, where to store the scan.")
    ] = None,
    layers: options.AuditedLayers = None,
    seed: options.Seed = 0,
    *,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Find dead, dormant and saturated units, with evidence.

    \b
    Examples:
      dreamfilters audit signs images/
      dreamfilters audit signs --scan outputs/scan --layers conv2
      dreamfilters audit net.keras --range -1 1 --out outputs/dead

    Units that are silent on all images are dreamed. Units that no dream activates are called dead only if bounds over
    all valid inputs prove it. The same command resumes an interrupted audit. Exit code 3: some images could not be
    read.

    \b
    Next:
      dreamfilters serve signs images/ --audit outputs/signs/audit
    """
    if scan is not None and images is None:
        _check_scan(scan)
    elif scan is not None:
        _check_free(scan)
    if model == "signs" and scan is None:
        images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.evidence.accuracy import accuracy_of_scan
    from dreamfilters.runs.by_unit.audit_run import KIND, AuditJob, run

    network = model_options.network(model)
    chosen = layer_names(layers)
    found = _scan_of(network, model, images, chosen, model_options)
    with executor_options.executor() as executor:
        job = AuditJob(network, model, found, scan, chosen, seed, executor=executor)
        if job.stored_scan is not None:
            options.say_accuracy(accuracy_of_scan(network, job.stored_scan), [model, "IMAGES", *model_options.words])
        result = run_options.run(KIND, network, run, job)
    _print(result, run_options.as_json)


COMMANDS = (audit,)


def _check_scan(folder: Path) -> None:
    """Raise OutputError if a folder holds no scan, without reading the scan."""
    from dreamfilters.runs.over_images.scan_store import KIND

    if KIND.read(folder) is None:
        KIND.read_finished(folder)


def _check_free(folder: Path) -> None:
    """Raise OutputError if the scan of the images cannot be stored in a folder."""
    from dreamfilters.runs.over_images.scan_store import KIND
    from dreamfilters.runs.storage.run_folder import check_holds_no_other

    writable_folder(folder)
    if folder.is_dir():
        check_holds_no_other(folder, KIND.command, force=False)


def _scan_of(
    network: Network,
    model: str,
    images: Path | None,
    layers: tuple[str, ...] | None,
    model_options: options.ModelOptions,
) -> ScanJob | None:
    """Return the scan of the images: of the layers that a scan covers by default, and of those that are audited."""
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.scanned_layers import default_layers
    from dreamfilters.evidence.scan.sources import source_of

    if images is None:
        return None
    folder = options.labeled_images(network, model, images, model_words=model_options.words)
    return ScanJob(network, source_of(folder), default_layers(network, also=layers or ()))


def _print(result: RunResult[Audit | None], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total, "units")
    assert result.value is not None  # it was not stopped
    audit, failures = result.value, result.failures
    if as_json:
        print_json({"folder": str(result.folder), "failures": failure_values(failures), **audit.as_values()})
    else:
        _print_tables(audit)
        typer.echo(result.folder / "index.html")
    exit_if_failed(failures, result.folder / "manifest.json", count=audit.images + len(failures))


def _print_tables(audit: Audit) -> None:
    """Print a row for each layer, then one for each verdict with the units that have it."""
    from dreamfilters.verdicts.verdict import KINDS, WARNING

    layers = [(layer.name, layer.counts, len(layer.duplicates)) for layer in audit.layers]
    if len(layers) > 1:
        layers.append(("all layers", audit.counts, sum(layer[2] for layer in layers)))
    table(
        ("layer", "units", *KINDS, "near-duplicates"),
        [(name, *map(str, (sum(counts.values()), *counts.values(), pairs))) for name, counts, pairs in layers],
    )
    found = {kind: audit.of(kind) for kind in KINDS if kind != "alive"}
    if any(found.values()):
        typer.echo()
        table(
            ("verdict", "units", ""), [(kind, str(len(units)), _named(units)) for kind, units in found.items() if units]
        )
    if found["dormant"]:
        typer.echo(f"\ndormant: {WARNING}")
    if found["dead"] and audit.inputs:
        typer.echo(f"dead: proved for inputs in {audit.inputs}")
    if audit.untried:
        typer.echo(f"some bounds of {', '.join(audit.untried)} were not tightened: the computation is too large")


def _named(found: Sequence[tuple[str, Finding]]) -> str:
    """Return the first units, each as a target."""
    names = [f"{layer}:{finding.unit}" for layer, finding in found[:_LISTED]]
    return ", ".join([*names, *(["..."] if len(found) > _LISTED else [])])
