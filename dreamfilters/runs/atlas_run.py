"""The run of `atlas`: every unit of a network held against real images, a page for each and one to look through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import ModelError
from dreamfilters.networks import LOGITS, Network
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.atlas import PAGE, judged_layer
from dreamfilters.runs import audit_run, dream_store, scan_store
from dreamfilters.runs.atlas_store import AUDIT, MANIFEST, AtlasStore, unit_files
from dreamfilters.runs.paired_run import DREAMS, SCAN, CompareJob
from dreamfilters.runs.storage import run_folder
from dreamfilters.verdicts.audit import audited_layers


@dataclass(frozen=True)
class Charted:
    """What a run came to.

    Attributes:
        folder: where the atlas lies.
        counts: verdict -> how many units; empty if it was stopped.
        losing: how many dreams lose to a real image.
        failures: name and reason of each image that could not be read.
        images: how many there are, these included.
        stopped: whether Ctrl-C ended it before the end.
    """

    folder: Path
    counts: Mapping[str, int]
    losing: int = 0
    failures: tuple[tuple[str, str], ...] = ()
    images: int = 0
    stopped: bool = False

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / PAGE


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


def run(comparing: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None) -> Charted:
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
    with _KIND.entered(folder, comparing.settings, force=force) as earlier:
        chart = AtlasStore(comparing, folder, OverallProgress(progress))
        if not run_folder.is_whole(folder, earlier.get("files", {})) or chart.missing:
            try:
                chart.make()
            except KeyboardInterrupt:
                return Charted(folder, {}, stopped=True)
        return _charted(comparing, folder)


def _charted(comparing: CompareJob, folder: Path) -> Charted:
    manifest = _KIND.read(folder)
    failures = tuple((str(name), str(reason)) for name, reason in manifest["failures"])
    return Charted(folder, manifest["counts"], manifest["losing"], failures, len(comparing.images))


def _written_in(folder: Path) -> list[str]:
    """Return the names of all files of the atlas that lies in a folder, its manifest last."""
    manifest = _KIND.read(folder)
    if not manifest:
        return []
    units = manifest.get("units")
    pages = [name for unit in (units if isinstance(units, list) else []) for name in unit_files(str(unit))]
    found = [f"{SCAN}/{name}" for name in scan_store.written_in(folder / SCAN)]
    found += [f"{AUDIT}/{name}" for name in audit_run.written_in(folder / AUDIT)]
    for place in sorted((folder / DREAMS).glob("seed-*")):
        found += [f"{DREAMS}/{place.name}/{name}" for name in dream_store.written_in(place)]
    return [*pages, *found, *manifest["files"], MANIFEST]


_KIND = run_folder.RunKind("an atlas", MANIFEST, settings="atlas", known="targets", written=_written_in)
