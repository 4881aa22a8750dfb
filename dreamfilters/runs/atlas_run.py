"""The run of `atlas`: every unit of a network held against real images, a page for each and one to look through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import ModelError
from dreamfilters.networks import LOGITS, Network
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.atlas import judged_layer
from dreamfilters.runs import audit_run, dream_store, scan_store
from dreamfilters.runs.atlas_store import AUDIT, AtlasStore, unit_files
from dreamfilters.runs.paired_run import DREAMS, SCAN, CompareJob
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.run_folder import RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.verdicts.audit import audited_layers


@dataclass(frozen=True)
class AtlasSummary:
    """What an atlas comes to.

    Attributes:
        counts: verdict -> number of units.
        losing: number of dreams that lose to a real image.
    """

    counts: Mapping[str, int]
    losing: int


def atlas_targets(network: Network, layers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return targets for every unit of these layers; by itself of all that are worth a verdict, and for every class.

    A layer whose sums an activation layer bends is left to that one, as in an audit.

    Raises:
        UnknownNameError: no such layer.
        ModelError: there is no such layer and no class.

    Example:
        >>> atlas_targets(load("signs"))
        ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6', 'dense', 'class:*')
    """
    has_classes = bool(network.classes) and network.has_linear(LOGITS)
    last = judged_layer(network, LOGITS) if layers or has_classes else ""
    if layers:
        return tuple("class:*" if network.layer(name).name == last else quoted(name) for name in layers)
    known = [network.layer(name) for name in audited_layers(network)]
    found = [quoted(info.name) for info in known if info.dreamable and len(info.shape) in (1, 3) and info.name != last]
    targets = (*found, *(["class:*"] if has_classes else []))
    if not targets:
        raise ModelError(f"{network.name}: has no filters, neurons or classes to dream; name layers with --layers")
    return targets


def run(
    comparing: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[AtlasSummary | None]:
    """Chart into a folder; whatever an earlier, killed run of equal settings has finished is not done again.

    The files have the same bytes whether or not it was interrupted, on the same machine. Ctrl-C keeps what is done.

    Args:
        comparing: what is held against what; its targets are those of `atlas_targets`.
        folder: where to.
        force: replace another atlas that lies there; files that are not from it are never touched.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    comparing.check()
    with entered(folder, KIND, comparing.settings, comparing.model, force=force) as claimed:
        chart = AtlasStore(comparing, claimed, OverallProgress(progress))
        missing = chart.missing
        kept = claimed.is_whole() and not missing
        total = len(comparing.subjects)
        if not kept:
            try:
                chart.make()
            except KeyboardInterrupt:
                return RunResult(folder, None, total - chart.missing, total, stopped=True)
        manifest = claimed.manifest
        summary = AtlasSummary(manifest.results["counts"], manifest.results["losing"])
        return RunResult(folder, summary, total, total, manifest.failures, kept=kept)


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of the atlas that lies in a folder."""
    pages = [name for unit in (manifest.results or {}).get("units", ()) for name in unit_files(str(unit))]
    found = scan_store.KIND.files_below(folder, SCAN) + audit_run.KIND.files_below(folder, AUDIT)
    for place in sorted((folder / DREAMS).glob("seed-*")):
        found += dream_store.KIND.files_below(folder, f"{DREAMS}/{place.name}")
    return [*pages, *found, *manifest.files]


KIND = RunKind("atlas", "an atlas", _written_in)
