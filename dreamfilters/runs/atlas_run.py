"""The run of `atlas`: every unit of a network compared with real images and judged, a page for each and an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.errors import ModelError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, Network
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.atlas import judged_layer
from dreamfilters.runs import audit_run, dream_store, scan_store
from dreamfilters.runs.atlas_store import AUDIT, AtlasStore, unit_files
from dreamfilters.runs.compare_job import DREAMS, SCAN, CompareJob
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.run_folder import RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.verdicts.audit import audited_layers


@dataclass(frozen=True)
class AtlasSummary:
    """The result of an atlas in numbers.

    Attributes:
        counts: verdict -> number of units.
        losing: number of dreams that lose to a real image.
    """

    counts: Mapping[str, int]
    losing: int


def atlas_targets(network: Network, layers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return targets for every unit of these layers; default: all layers that an audit judges, and every class.

    A layer whose activation function is a layer of its own is represented by the latter, as in an audit.

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
    found = [quoted(info.name) for info in known if info.dreamable and info.name != last]
    targets = (*found, *(["class:*"] if has_classes else []))
    if not targets:
        raise ModelError(f"{network.name}: has no filters, neurons or classes to dream; name layers with --layers")
    return targets


def atlas(
    network: Network,
    images: ImageFolder | Sequence[Any] | NDArray[Any],
    folder: Path | str,
    *,
    spec: str = "",
    layers: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    seeds: int = 2,
    top: int = 4,
    against: tuple[str, Network] | None = None,
    force: bool = False,
    progress: OnProgress | None = None,
) -> RunResult[AtlasSummary | None]:
    """Compare every unit of a network with real images, judge it, write an atlas, and return its summary.

    Args:
        network: what `load` returned.
        images: what `image_folder` returned, or (n, h, w, c) in [0, 1].
        folder: output directory; a stopped run in it resumes.
        spec: the argument of `load`, with which `again` reproduces a dream.
        layers: names of layers; default: see `atlas_targets`.
        recipe, seed, seeds, top: as for `compare`.
        against: the argument of `load` and the network of a second network.
        force: replace another atlas in the folder; other files stay.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    targets, how = atlas_targets(network, layers), recipe or read_recipe("standard")
    other_spec, other = against or ("", None)
    plan = ComparePlan(network, targets, source_of(images), how, seed, seeds, top, other)
    also = (judged_layer(network, LOGITS),) if "class:*" in targets else ()
    return run(CompareJob(plan, spec, other_spec, also), Path(folder), force=force, progress=progress)


def run(
    job: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[AtlasSummary | None]:
    """Write an atlas into a folder and return its summary, None if it was stopped.

    Finished units of an earlier, stopped run of equal settings are kept. The files have the same bytes whether or not
    the run was stopped, on the same machine. Ctrl-C keeps finished work.

    Args:
        job: the comparison, of the targets of `atlas_targets`.
        folder: output directory.
        force: replace another atlas in the folder; other files stay.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, total = AtlasStore(job, claimed, OverallProgress(progress)), len(job.plan.units)
        kept = claimed.is_whole() and not store.missing
        if not kept:
            try:
                store.make()
            except KeyboardInterrupt:
                return RunResult(folder, None, total - store.missing, total, stopped=True)
        manifest = claimed.manifest
        summary = AtlasSummary(manifest.results["counts"], manifest.results["losing"])
        return RunResult(folder, summary, total, total, manifest.failures, kept=kept)


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of a folder's atlas."""
    pages = [name for unit in (manifest.results or {}).get("units", ()) for name in unit_files(str(unit))]
    found = scan_store.KIND.files_below(folder, SCAN) + audit_run.KIND.files_below(folder, AUDIT)
    for seed in sorted((folder / DREAMS).glob("seed-*")):
        found += dream_store.KIND.files_below(folder, f"{DREAMS}/{seed.name}")
    return [*pages, *found, *manifest.files]


KIND = RunKind("atlas", "an atlas", _written_in)
