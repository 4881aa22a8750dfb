"""The run of `diff`: two networks side by side as a page and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamfilters.comparison.diff.result import NetworkDiff
from dreamfilters.errors import DamagedError
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.report.page_code import page_code
from dreamfilters.report.pages.diff_page import PAGE, DreamPair, diff_page
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain, typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.comparison.diff.network_diff import DiffJob

LAYERS, UNITS, FLIPS = "layers.csv", "units.csv", "flips.csv"
KIND = RunKind("diff", "a diff", lambda folder, manifest: [LAYERS, UNITS, FLIPS, PAGE])
DREAMS = 6  # of the units that changed most
_SHOWN = 48  # images that are predicted otherwise, on the page


@dataclass(frozen=True, eq=False)
class StoredDiffJob:
    """A diff that is stored.

    Attributes:
        diff: the networks and the images.
        spec, other_spec: the arguments of `load` that load the networks again.
        dreams: number of changed units that are dreamed in both networks.
        seed: of the dreams.
    """

    diff: DiffJob
    spec: str = ""
    other_spec: str = ""
    dreams: int = DREAMS
    seed: int = 0

    @cached_property
    def model(self) -> Mapping[str, Any]:
        """Name, spec and fingerprint of the first network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.diff.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the files."""
        from dreamfilters import backend
        from dreamfilters.runs.storage.records import model_values

        job, other = self.diff, model_values(self.diff.other, self.other_spec)
        source = job.source
        return {
            "weights": self.model["fingerprint"],
            "other": other,
            "input": [plain(network.form) for network in (job.network, job.other)],
            "classes": [list(network.classes) for network in (job.network, job.other)],
            "images": None if source is None else source.digest,
            "labels": None if source is None else json_digest(list(source.labels)),
            "most": job.most,
            "dreams": self.dreams,
            "seed": self.seed,
            "pages": page_code(),
            "versions": backend.versions(),
        }

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        _ = self.diff.samples


def run(
    job: StoredDiffJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[NetworkDiff | None]:
    """Write a diff into a folder and return it, None if it was interrupted.

    A diff that an earlier run with equal settings finished is kept. Ctrl-C writes nothing; the same call begins again.

    Args:
        job: what to compare.
        folder: new, empty, or of an earlier run.
        force: replace another diff in the folder; other files stay.
        progress: called before each part.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read, or there are too few.
    """
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        try:
            if not kept:
                _make(job, claimed, progress)
        except KeyboardInterrupt:
            return RunResult(folder, None, 0, 1, stopped=True)
        return RunResult(folder, read_diff(folder), 1, 1, kept=kept)


def read_diff(folder: Path | str) -> NetworkDiff:
    """Return a stored diff, without importing TensorFlow.

    Raises:
        OutputError: the folder holds no finished diff.
        DamagedError: its files are damaged, or are not those of a diff.

    Example:
        >>> read_diff("outputs/diff").is_same
        True
    """
    folder = Path(folder)
    manifest = KIND.read_finished(folder)
    try:
        found: NetworkDiff = typed(NetworkDiff, manifest.results, "results")
    except ValueError as error:
        raise DamagedError(f"{folder}: is not a diff of this tool ({error})") from error
    return found


def _make(job: StoredDiffJob, claimed: RunFolder, progress: OnProgress | None) -> None:
    """Write every file, the manifest last."""
    report = progress or (lambda _: None)
    report(Progress(0, 2, "responses"))
    found = job.diff.result()
    report(Progress(1, 2, "dreams"))
    dreams = dream_pairs(job, found)
    files = {
        LAYERS: "a row for each pair of layers",
        UNITS: "a row for each pair of units, and those without a partner",
        FLIPS: "the images that are predicted otherwise",
        MANIFEST: "settings and results",
    }
    images = [(flip, job.diff.samples[0].images[flip.index]) for flip in found.flips[:_SHOWN] if job.diff.samples]
    contents = {
        LAYERS: csv_bytes(found.rows()),
        UNITS: csv_bytes(unit_rows(found)),
        FLIPS: csv_bytes([plain(flip) for flip in found.flips]) if found.flips else b"image,label,predicted,other\n",
        PAGE: diff_page(found, dreams, images, files),
    }
    claimed.save_manifest({name: claimed.write(name, content) for name, content in contents.items()}, plain(found))


def unit_rows(found: NetworkDiff) -> list[dict[str, Any]]:
    """Return a row for each unit of a layer with a counterpart: its partner, and how similar they are."""
    rows = []
    for pair in found.layers:
        for one in pair.units:
            rows.append({"layer": pair.name, "other_layer": pair.other, **plain(one)})
        nothing = {"correlation": None, "ratio": None}
        for unit in pair.lost:
            rows.append({"layer": pair.name, "other_layer": "", "unit": unit, "other": None, "kind": "lost", **nothing})
        for unit in pair.new:
            rows.append({"layer": "", "other_layer": pair.other, "unit": None, "other": unit, "kind": "new", **nothing})
    columns = ("layer", "unit", "other_layer", "other", "kind", "correlation", "ratio")
    return [{column: row[column] for column in columns} for row in rows]


def dream_pairs(job: StoredDiffJob, found: NetworkDiff) -> list[DreamPair]:
    """Return the dreams of the units that changed most, in both networks, by one recipe and seed."""
    from dreamfilters.dreams.engine import dream
    from dreamfilters.dreams.objectives.units import quoted

    changed = sorted(
        ((layer, pair) for layer in found.layers for pair in layer.changed), key=lambda one: one[1].correlation
    )
    networks = (job.diff.network, job.diff.other)
    chosen = [
        (layer, pair)
        for layer, pair in changed
        if all(network.layer(name).dreamable for network, name in zip(networks, (layer.name, layer.other), strict=True))
    ][: job.dreams]
    measured = job.diff.measured
    if not chosen or measured is None:
        return []
    sides = []
    for number, network in enumerate(networks):
        units = [(pair.name, unit.unit) if number == 0 else (pair.other, unit.other) for pair, unit in chosen]
        targets = [f"{quoted(layer)}:{unit}" for layer, unit in units]
        made = {one.name: one for one in dream(network, list(dict.fromkeys(targets)), "fast", seed=job.seed)}
        responses = (measured.first, measured.second)[number]
        tops = [float(responses[layer][:, unit].max()) for layer, unit in units]
        sides.append([(target, made[target], top) for target, top in zip(targets, tops, strict=True)])
    return [
        DreamPair(one[0], other[0], unit.correlation, one[1].image, other[1].image, _ratio(one), _ratio(other))
        for one, other, (_, unit) in zip(*sides, chosen, strict=True)
    ]


def _ratio(side: tuple[str, Any, float]) -> float:
    """Return the response to the dream, divided by the largest response to an image."""
    _, made, top = side
    return float(made.score / top) if top > 0 else float("nan")
