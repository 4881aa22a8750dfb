"""The run of `audit`: verdicts on every unit, with the scan and the dreams they rest on in subfolders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dreamfilters import backend
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import DamagedError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.executors.executor import LOCAL, Executor
from dreamfilters.images.panels import png_of
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.report.pages.audit_page import audit_page
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.by_unit import dream_run, dream_store
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.over_images import scan_run, scan_store
from dreamfilters.runs.over_images.scan_run import stored_scan
from dreamfilters.runs.storage.checksums import manifests_inside
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered, settings_digest
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain
from dreamfilters.verdicts.activation_search import Attempt, Dreamer
from dreamfilters.verdicts.audit import audit, chosen_layers
from dreamfilters.verdicts.result import Audit, Finding, audit_from
from dreamfilters.verdicts.share_chart import shares_chart

PAGE, TABLE, CHART = "index.html", "audit.csv", "audit.png"
SCAN, DREAMS = "scan", "dreams"  # subfolders


@dataclass(frozen=True, eq=False)
class AuditJob:
    """An audit that is stored.

    Attributes:
        network: the network.
        spec: the argument of `load` that loads it again.
        scan: the images to scan, None to use a stored scan or none.
        scan_folder: folder of the scan: the stored one, or where to store `scan`. Default: a subfolder of the audit.
        layers: names of layers. Default: see `audited_layers`.
        seed: random seed of the dreams.
        wrap_dreamer: returns a dreamer that takes the place of the one it is given; None to use that one.
        executor: where images are scanned and units dreamed; it never changes the result.
    """

    network: Network
    spec: str
    scan: ScanJob | None = None
    scan_folder: Path | None = None
    layers: tuple[str, ...] | None = None
    seed: int = 0
    wrap_dreamer: Callable[[Dreamer], Dreamer] | None = None
    executor: Executor = LOCAL

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        scan = stored_scan(self.scan).settings if self.scan else self._stored_settings
        return {
            "weights": self.model["fingerprint"],
            "input": plain(self.network.form),
            "images": None if scan is None else settings_digest(scan),
            "layers": list(self.layers) if self.layers else None,
            "seed": self.seed,
            "versions": backend.versions(),
        }

    @cached_property
    def stored_scan(self) -> Scan | None:
        """The scan in `scan_folder`, None if there is no such folder or the images are scanned again."""
        return None if self.scan or self.scan_folder is None else scan_run.read_scan(self.scan_folder)

    @property
    def _stored_settings(self) -> Any:
        manifest = None if self.scan_folder is None else scan_store.KIND.read(self.scan_folder)
        return None if manifest is None else manifest.settings

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        chosen_layers(self.network, self.stored_scan, self.layers)


def run(
    job: AuditJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Audit | None]:
    """Audit into a folder and return the audit, None if it was interrupted.

    What an earlier run with equal settings scanned and dreamed is kept. Ctrl-C ends the run early; the same call
    resumes it. On one machine the files have the same bytes, whether or not the run was interrupted.

    Args:
        job: what to audit.
        folder: new, empty, or of an earlier run.
        force: replace another audit in the folder; other files stay.
        progress: called with the progress of the current part.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError: no such layer.
        ImageError: no image can be read.
    """
    job.check()
    units = sum(job.network.layer(name).units for name in chosen_layers(job.network, job.stored_scan, job.layers))
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        try:
            scan = _scan(job, folder, progress)
            if not kept:
                dreamer = _dreamer(job, folder, progress)
                dreamer = dreamer if job.wrap_dreamer is None else job.wrap_dreamer(dreamer)
                found = audit(job.network, scan, job.layers, seed=job.seed, dreamer=dreamer, progress=progress)
                finish(claimed, found, scan)
            else:
                claimed.update(_contents(claimed, read_audit(folder), scan))
        except KeyboardInterrupt:
            return RunResult(folder, None, 0, units, stopped=True)
        failures = () if scan is None else scan.failures
        return RunResult(folder, read_audit(folder), units, units, failures, kept=kept)


def read_audit(folder: Path | str) -> Audit:
    """Return a stored audit.

    Raises:
        OutputError: the folder holds no finished audit.
        DamagedError: its files are damaged, or are not those of an audit.

    Example:
        >>> read_audit("outputs/audit").unit("conv2", 9).verdict.kind
        'dormant'
    """
    try:
        return audit_from(KIND.read_finished(Path(folder)).results)
    except ValueError as error:
        raise DamagedError(f"{folder}: is not an audit of this tool ({error})") from error


def units_csv(found: Audit) -> bytes:
    """Return one line for each unit; a cell is empty where nothing is known."""
    rows = [(layer.name, *_cells(finding)) for layer in found.layers for finding in layer.findings]
    return csv_bytes([dict(zip(_COLUMNS, row, strict=True)) for row in rows])


_COLUMNS = (
    "layer", "unit", "verdict", "proved", "evidence", "images", "maximum", "minimum", "zeros", "image", "row", "column",
    "dream", "dream_maximum", "attempts", "bound_low", "bound_high",
)  # fmt: skip


def _cells(found: Finding) -> list[Any]:
    scan, dream, verdict = found.scanned, found.dream, found.verdict
    scanned = [""] * 5 if scan is None else [scan.images, scan.high, scan.low, scan.zeros, scan.image]
    position = ["", ""] if scan is None or scan.position is None else [*scan.position, ""][:2]
    dreamed = [""] * 3 if dream is None else [dream.image, dream.score, "; ".join(dream.attempts)]
    bounds = found.before or ("", "")
    return [found.unit, verdict.kind, verdict.proved, verdict.sentence, *scanned, *position, *dreamed, *bounds]


def _scan(job: AuditJob, folder: Path, progress: OnProgress | None) -> Scan | None:
    """Return the scan of the images, stored or made now; None without images."""
    if job.scan is None:
        return job.stored_scan
    inside = job.scan_folder is None  # a scan in the audit's folder belongs to the audit, which may replace it
    place = job.scan_folder or folder / SCAN
    scan = replace(job.scan, executor=job.executor)
    result = scan_run.run(stored_scan(scan, job.spec), place, force=inside, progress=progress)
    if result.stopped:
        raise KeyboardInterrupt
    return result.value


def _dreamer(job: AuditJob, folder: Path, progress: OnProgress | None) -> Dreamer:
    """Return a dreamer that stores its dreams in a subfolder for each recipe."""

    def dreamer(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
        dreams = dream_run.DreamJob(job.network, job.spec, targets, recipe, job.seed, executor=job.executor)
        result = dream_run.run(dreams, folder / DREAMS / recipe.name, force=True, progress=progress)
        if result.stopped:
            raise KeyboardInterrupt
        for entry in result.value:
            yield attempt_of(entry, job.network, entry.image.relative_to(folder).as_posix())

    return dreamer


def attempt_of(entry: DreamEntry, network: Network, name: str) -> Attempt:
    """Return a stored dream as an attempt to activate its unit; `name` is the path of its image in the audit."""
    record = entry.record
    image = entry.read(network.form.channels)
    return Attempt(record["target"], image, record["activated"], name, tuple(record["attempts"]))


def finish(claimed: RunFolder, found: Audit, scan: Scan | None) -> None:
    """Write the result, and last the manifest, which marks the audit as finished."""
    files = {name: claimed.write(name, content) for name, content in _contents(claimed, found, scan).items()}
    files |= manifests_inside(claimed.path, [SCAN, *_dream_folders(claimed.path)])
    claimed.save_manifest(files, found.as_values(), () if scan is None else scan.failures)


def _contents(claimed: RunFolder, found: Audit, scan: Scan | None) -> dict[str, bytes]:
    """Return the table, the chart and the page of an audit by their names."""
    listed = {TABLE: "every unit with its evidence", CHART: "the layers as a chart", MANIFEST: "settings and results"}
    if (claimed.path / SCAN / scan_store.PAGE).is_file():
        listed = {f"{SCAN}/{scan_store.PAGE}": "the scan of the images", **listed}
    page = audit_page(found, scan, listed)
    return {TABLE: units_csv(found), CHART: png_of(shares_chart(found)), PAGE: page}


def _written(folder: Path, manifest: Manifest) -> list[str]:
    names = scan_store.KIND.files_below(folder, SCAN)
    for place in _dream_folders(folder):
        names += dream_store.KIND.files_below(folder, place)
    return [*names, PAGE, TABLE, CHART]


def _dream_folders(folder: Path) -> list[str]:
    """Return the folders of an audit's dreams, one for each recipe, as paths from the audit."""
    return [f"{DREAMS}/{place.name}" for place in sorted((folder / DREAMS).glob("*"))]


KIND = RunKind("audit", "an audit", _written)
