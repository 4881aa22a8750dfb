"""Audits on disk: the scan and the dreams they rest on lie beside them, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters import backend
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import OutputError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.images.panels import png_of
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.report.csv_tables import csv_bytes
from dreamfilters.runs import dream_run, dream_store, scan_run, scan_store
from dreamfilters.runs.dream_store import DreamEntry
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.atomic_files import sha256, write_whole
from dreamfilters.runs.storage.records import KEY, as_json, form_values
from dreamfilters.verdicts.activation_search import Attempt, Dreamer
from dreamfilters.verdicts.audit import audit, chosen_layers
from dreamfilters.verdicts.result import Audit, Finding, audit_from
from dreamfilters.verdicts.share_chart import shares_chart

RESULT, TABLE, CHART = "audit.json", "audit.csv", "audit.png"  # the first is written last and makes the others count
SCAN, DREAMS = "scan", "dreams"  # folders


@dataclass(frozen=True, eq=False)
class AuditJob:
    """What is to be audited.

    Attributes:
        network: on what.
        spec: what `load` was given for it.
        survey: the images to scan, None to show none or to take a stored scan.
        scan: the folder of a stored scan, with a survey that to store it in; the audit's own by itself.
        layers: their names, None for all that are worth it.
        seed: of the dreams.
    """

    network: Network
    spec: str
    survey: ScanJob | None = None
    scan: Path | None = None
    layers: tuple[str, ...] | None = None
    seed: int = 0

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result, in words that an error can use."""
        told = scan_run.settings_of(self.survey) if self.survey else self._stored_settings
        return {
            "version": dreamfilters.__version__,
            "weights": self.network.fingerprint,
            "input": form_values(self.network.form),
            "images": None if told is None else hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest(),
            "layers": list(self.layers) if self.layers else None,
            "seed": self.seed,
            "versions": backend.versions(),
        }

    @cached_property
    def stored(self) -> Scan | None:
        """The scan that was made before, None where there is none to be read."""
        return None if self.survey or self.scan is None else scan_run.read_scan(self.scan)

    @property
    def _stored_settings(self) -> dict[str, Any] | None:
        return None if self.scan is None else scan_store.read_manifest(self.scan).get("settings", {})

    def check(self) -> None:
        """Raise what would stop the audit, before anything is written."""
        chosen_layers(self.network, self.stored, self.layers)


@dataclass(frozen=True)
class Audited:
    """What a run came to: the audit, None if it was stopped, and the name and reason of each image that failed."""

    folder: Path
    audit: Audit | None
    failures: tuple[tuple[str, str], ...] = ()


def run(
    inquest: AuditJob,
    folder: Path,
    *,
    force: bool = False,
    dreamt: Callable[[Dreamer], Dreamer] | None = None,
    progress: OnProgress | None = None,
) -> Audited:
    """Audit into a folder; what an earlier, killed run of equal settings scanned and dreamt is not done again.

    The files have the same bytes whether or not it was interrupted, on the same machine. Ctrl-C keeps what is done.

    Args:
        inquest: what to audit.
        folder: where to.
        force: replace another audit that lies there; files that are not from it are never touched.
        dreamt: what is put before the dreamer, such as one that has some of the images already.
        progress: called with the progress of the part under way.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError, ImageError: a layer or an image that there is not.
    """
    inquest.check()
    with _KIND.entered(folder, inquest.settings, force=force) as earlier:
        if not earlier:
            _write_json(folder / RESULT, _manifest(inquest))  # first, so that whatever follows is known for ours
        try:
            scan = _scan(inquest, folder, progress)
            if not run_folder.is_whole(folder, earlier.get("files", {})):
                dreamer = _dreamer(inquest, folder, progress)
                dreamer = dreamer if dreamt is None else dreamt(dreamer)
                found = audit(
                    inquest.network, scan, inquest.layers, seed=inquest.seed, dreamer=dreamer, progress=progress
                )
                _finish(inquest, folder, found)
        except KeyboardInterrupt:
            return Audited(folder, None)
    return Audited(folder, read_audit(folder), () if scan is None else scan.failures)


def read_audit(folder: Path | str) -> Audit:
    """Return a stored audit.

    Raises:
        OutputError: no finished audit lies there, or its files are damaged.

    Example:
        >>> read_audit("outputs/signs/audit").unit("conv2", 9).verdict.kind
        'dormant'
    """
    folder = Path(folder)
    manifest = _KIND.read(folder)
    if not manifest:
        raise OutputError(f"{folder}: holds no audit; make one with `dreamfilters audit MODEL IMAGES --out {folder}`")
    if not manifest["files"]:
        raise OutputError(f"{folder}: its audit is not finished; give the same command again to go on")
    if not run_folder.is_whole(folder, manifest["files"]):
        raise OutputError(f"{folder}: its audit is damaged; give the same command again to make it anew")
    return audit_from(manifest["audit"])


def units_csv(found: Audit) -> bytes:
    """Return one line a unit; a cell is empty where nothing is known."""
    rows = [(layer.name, *_cells(finding)) for layer in found.layers for finding in layer.findings]
    return csv_bytes([dict(zip(_COLUMNS, row, strict=True)) for row in rows])


_COLUMNS = (
    "layer", "unit", "verdict", "proved", "evidence", "images", "maximum", "minimum", "zeros", "image", "row", "column",
    "dream", "dream_maximum", "attempts", "least_before", "greatest_before",
)  # fmt: skip


def _cells(found: Finding) -> list[Any]:
    seen, made, before = found.scanned, found.dream, found.before or ("", "")
    scanned = ["", "", "", "", ""] if seen is None else [seen.images, seen.high, seen.low, seen.zeros, seen.image]
    place = ["", ""] if seen is None or seen.position is None else [*seen.position, ""][:2]
    dreamt = ["", "", ""] if made is None else [made.image, made.score, "; ".join(made.attempts)]
    verdict = found.verdict
    return [found.unit, verdict.kind, verdict.proved, verdict.sentence, *scanned, *place, *dreamt, *before]


def _scan(inquest: AuditJob, folder: Path, progress: OnProgress | None) -> Scan | None:
    """Return the scan, made now if need be."""
    if inquest.survey is None:
        return inquest.stored
    own = inquest.scan is None  # what lies in the audit's own folder is the audit's to replace
    place = inquest.scan or folder / SCAN
    stored = scan_run.run(inquest.survey, place, spec=inquest.spec, force=own, progress=progress)
    if stored.scan is None:
        raise KeyboardInterrupt
    return stored.scan


def _dreamer(inquest: AuditJob, folder: Path, progress: OnProgress | None) -> Dreamer:
    """Return a dreamer that keeps its images in the folder, those of each recipe in one of their own."""

    def dreamer(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
        job = dream_run.DreamJob(inquest.network, inquest.spec, targets, recipe, inquest.seed)
        finished = dream_run.run(job, folder / DREAMS / recipe.name, force=True, progress=progress)
        if finished.stopped:
            raise KeyboardInterrupt
        for entry in finished.entries:
            yield attempt_of(entry, inquest.network, entry.image.relative_to(folder).as_posix())

    return dreamer


def attempt_of(entry: DreamEntry, network: Network, where: str) -> Attempt:
    """Return the attempt that a stored dream is; `where` is what its image is called in the audit."""
    record = entry.record
    image = entry.read(network.form.image_channels)
    return Attempt(record["target"], image, record["activated"], where, tuple(record["attempts"]))


def _finish(inquest: AuditJob, folder: Path, found: Audit) -> None:
    """Write the result, and last the file that makes it count."""
    contents = {TABLE: units_csv(found), CHART: png_of(shares_chart(found))}
    for name, content in contents.items():
        write_whole(folder / name, content)
    files = {name: sha256(content) for name, content in contents.items()}
    _write_json(folder / RESULT, {**_manifest(inquest), "files": files, "audit": found.as_values()})


def _manifest(inquest: AuditJob) -> dict[str, Any]:
    model = {"name": inquest.network.name, "spec": inquest.spec}
    return {KEY: dreamfilters.__version__, "settings": inquest.settings, "model": model, "files": {}}


def written_in(folder: Path) -> list[str]:
    """Return the names of all files of the audit that lies in a folder, its manifest last; none if no audit does."""
    if not _KIND.read(folder):
        return []
    found = [f"{SCAN}/{name}" for name in scan_store.written_in(folder / SCAN)]
    for place in sorted((folder / DREAMS).glob("*")):
        found += [f"{DREAMS}/{place.name}/{name}" for name in dream_store.written_in(place)]
    return [*found, TABLE, CHART, RESULT]


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_whole(path, as_json(values).encode())


_KIND = run_folder.RunKind("an audit", RESULT, settings="settings", known="weights", written=written_in)
