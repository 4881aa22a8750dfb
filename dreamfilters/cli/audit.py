"""Commands that ask which units are dead: `audit`."""

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
    from dreamfilters.networks import Network
    from dreamfilters.runs.audit_run import AuditJob
    from dreamfilters.runs.storage.run_result import RunResult
    from dreamfilters.verdicts.result import Audit, Finding

_NAMED = 40  # units that are printed; the CSV holds all


@with_model_options
def audit(
    model: Model,
    images: Annotated[
        Path | None, typer.Argument(metavar="[IMAGES]", help="A folder of images to show, at any depth; or one.")
    ] = None,
    scan: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A stored scan; with IMAGES, where to store theirs.")
    ] = None,
    layers: Layers = None,
    seed: Annotated[int, typer.Option(help="Chance, of the dreams of silent units.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model>/audit by itself.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another audit in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Say of every unit if it is alive, dormant or dead, with the evidence for it.

    Units that stay silent on all images are dreamt; those that no dream wakes are called dead only if bounds over all
    valid inputs prove it. An audit that was stopped goes on when the same command is given again. Exit code 3 if some
    images could not be read.

    \b
    Examples:
      dreamfilters audit signs images/
      dreamfilters audit signs --scan outputs/scan --layers conv2
      dreamfilters audit net.keras --range -1 1 --out outputs/dead
    """
    import_tensorflow()
    from dreamfilters.runs.audit_run import run

    network = opening.network(model)
    inquest = _inquest(network, model, images, scan, layers, seed)
    with progress("audit", quiet) as report:
        audited = run(inquest, out or folder_for(network) / "audit", force=force, progress=report)
    say(network.assumed)
    _report(audited, as_json)


COMMANDS = (audit,)


def _inquest(
    network: Network, model: str, images: Path | None, scan: Path | None, layers: list[str] | None, seed: int
) -> AuditJob:
    from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
    from dreamfilters.evidence.scan.scanner import default_layers
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.runs.audit_run import AuditJob

    wanted = layer_names(layers)
    if images is None:
        return AuditJob(network, model, None, scan, wanted, seed)
    real = labeled_images(network, images)
    survey = ScanJob(network, source_of(real), default_layers(network), k=min(TOP_K, len(real)))
    return AuditJob(network, model, survey, scan, wanted, seed)


def _report(audited: RunResult[Audit | None], as_json: bool) -> None:
    if audited.value is None:
        say("stopped; give the same command again to go on")
        raise typer.Exit(130)
    if as_json:
        failures = [{"image": name, "reason": reason} for name, reason in audited.failures]
        values = {"folder": str(audited.folder), "failures": failures, **audited.value.as_values()}
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        _print(audited.value)
        typer.echo(audited.folder / "audit.png")
    tell_failures(audited.failures, "manifest.json", count=audited.value.images + len(audited.failures))


def _print(audit: Audit) -> None:
    """Print a row a layer, and below them every unit that was silent or stuck."""
    from dreamfilters.verdicts.verdict import KINDS, WARNING

    rows = [(layer.name, layer.counts, len(layer.duplicates)) for layer in audit.layers]
    if len(rows) > 1:
        rows.append(("all layers", audit.counts, sum(row[2] for row in rows)))
    table(
        ("layer", "units", *KINDS, "near-duplicates"),
        [(name, *map(str, (sum(counts.values()), *counts.values(), pairs))) for name, counts, pairs in rows],
    )
    silent = audit.of("dormant", "dead", "saturated", "undecided")
    if silent:
        typer.echo()
        table(("unit", "verdict", "evidence"), [_unit_row(layer, found) for layer, found in silent[:_NAMED]])
    if len(silent) > _NAMED:
        typer.echo(f"and {len(silent) - _NAMED} more, all in audit.csv")
    if any(found.verdict.kind == "dormant" for _, found in silent):
        typer.echo(f"\ndormant: {WARNING}")
    if audit.untried:
        typer.echo(f"not all bounds were tightened, in {', '.join(audit.untried)}: the work grew too large")


def _unit_row(layer: str, found: Finding) -> tuple[str, ...]:
    from dreamfilters.verdicts.verdict import WARNING

    verdict = found.verdict
    sentence = verdict.sentence.replace(f"; {WARNING}", "")  # it stands below, once
    return (f"{layer}:{found.unit}", f"{verdict.kind}{', proved' if verdict.proved else ''}", sentence)
