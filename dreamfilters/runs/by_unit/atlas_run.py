"""The run of `atlas`: every unit of a network compared with real images and judged, a page for each and an index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import dreamfilters
from dreamfilters.comparison.batch import batches_of
from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.comparison.judges import judges_from
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import UnitComparison, summary_lines
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.display import frame, share_bars
from dreamfilters.dreams.default_recipes import DefaultRecipes, calibrated, given_recipe
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import DamagedError, ModelError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.atlas import (
    PAGE,
    UNITS,
    Atlas,
    AtlasUnit,
    atlas_unit_from,
    atlas_unit_of,
    index_files,
    judged_layer,
    neighbors,
    unit_page,
)
from dreamfilters.report.report import layer_detail
from dreamfilters.runs.by_unit import audit_run, dream_store
from dreamfilters.runs.by_unit.compare_run import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.over_images import scan_store
from dreamfilters.runs.storage.checksums import damage_of, manifests_inside
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from dreamfilters.runs.storage.manifest import KEY, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.serialization import typed
from dreamfilters.verdicts.activation_search import Attempt, Dreamer
from dreamfilters.verdicts.audit import audited_layers
from dreamfilters.verdicts.result import Audit, Finding
from dreamfilters.verdicts.verdict import COLORS

AUDIT = "audit"
_AGAIN = "“dreamfilters again dreams/seed-…/NAME.png” makes a dream again and compares the bytes."
_SCANNED, _DREAMED, _AUDITED = 0.02, 0.55, 0.7  # shares of the whole


def unit_files(name: str) -> tuple[str, str]:
    """Return the page and the record of a unit, as paths from the atlas."""
    return f"{UNITS}/{slug(name)}.html", f"{UNITS}/{slug(name)}.json"


@dataclass(frozen=True, eq=False)
class AtlasStore:
    """The claimed folder of an atlas."""

    job: CompareJob
    claimed: RunFolder
    overall: OverallProgress

    def make(self) -> None:
        """Compute what is missing; the manifest of the finished atlas is written last."""
        job, folder = self.job, self.claimed.path
        self._save_manifest({}, None)  # so that the files of a killed run are recognized
        references = job.references(folder / SCAN, self.overall.part(0.0, _SCANNED, "scanning"))
        dreams = job.dreams(folder / DREAMS, self.overall.part(_SCANNED, _DREAMED, "optimizing"))
        audit = self._audit(dreams)
        self._write_missing_units(references, dreams, audit)
        atlas = self._atlas(references)
        files = {name: self.claimed.write(name, content) for name, content in index_files(atlas).items()}
        pages = [name for unit in job.plan.units for name in unit_files(unit.name)]
        files |= {name: file_digest(folder, name) for name in pages}
        self._save_manifest(files | manifests_inside(folder, [SCAN, *_dream_folders(folder), AUDIT]), atlas)

    @property
    def missing(self) -> int:
        """How many units are not finished."""
        return sum(not self.finished(unit) for unit in self.job.plan.units)

    def finished(self, unit: ComparedUnit) -> AtlasUnit | None:
        """Return the index entry of a unit whose page is complete and was made with these settings."""
        try:
            folder = self.claimed.path
            record = read_json(folder, unit_files(unit.name)[1])
            files = typed(Mapping[str, str], record.get("files"), "files")
            complete = record.get("settings") == self.claimed.digest and not damage_of(folder, files)
            return atlas_unit_from(record.get("index")) if complete else None
        except (DamagedError, ValueError):
            return None

    def _write_missing_units(self, references: ReferenceSet, dreams: StoredDreams, audit: Audit) -> None:
        """Write the pages of the batches that are not finished, each unit's record after its page."""
        plan, batches = self.job.plan, batches_of(references, self.job.plan.units)
        missing = [units for units in batches if not all(map(self.finished, units))]
        total, measured = len(plan.units), set[str]()
        before = total - sum(map(len, missing))

        def on_unit(name: str) -> None:  # several processes measure the units in any order
            measured.add(name)
            share = (before + len(measured)) / total
            self.overall.report(_AUDITED + (1 - _AUDITED) * share, f"measuring {name}")

        for units in plan.measured(references, dreams, missing, self.job.executor, on_unit):
            self._write_units(units, audit)

    def _write_units(self, units: Sequence[UnitComparison], audit: Audit) -> None:
        for unit in units:
            finding = audit.unit(judged_layer(self.job.plan.network, unit.unit.layer), unit.unit.number)
            (page, record_file), content = unit_files(unit.name), self._unit_page(unit, finding)
            checksum = self.claimed.write(page, content)
            image = f"{DREAMS}/seed-{self.job.plan.seed}/{slug(unit.name)}.png"
            record = {
                KEY: dreamfilters.__version__,
                "settings": self.claimed.digest,
                "files": {page: checksum},
                "index": atlas_unit_of(unit, finding, page=page, image=image),
                "unit": unit.as_values(),
            }
            self.claimed.write(record_file, with_checksum(as_json(record)).encode())

    def _unit_page(self, unit: UnitComparison, finding: Finding) -> bytes:
        names = list(self._numbers)
        links = neighbors(names, [unit_files(name)[0] for name in names], self._numbers[unit.name])
        return unit_page(self.job.plan.network.name, unit, finding, links)

    def _audit(self, dreams: StoredDreams) -> Audit:
        """Return the verdicts on all units; the audit reuses the stored dreams."""
        plan, folder = self.job.plan, self.claimed.path
        network = plan.network
        layers = tuple(dict.fromkeys(judged_layer(network, layer) for layer in plan.layers))

        def reuse_stored(dreamer: Dreamer) -> Dreamer:
            def with_stored(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
                firsts = {target: dreams.entries[target][0] for target in targets if target in dreams.entries}
                wanted = json.loads(as_json(calibrated(network, recipe).as_values()))
                stored = {target: entry for target, entry in firsts.items() if entry.record["recipe"] == wanted}
                for entry in stored.values():
                    yield audit_run.attempt_of(entry, network, f"../{entry.image.relative_to(folder).as_posix()}")
                if rest := tuple(target for target in targets if target not in stored):
                    yield from dreamer(recipe, rest)

            return with_stored

        job = audit_run.AuditJob(
            network, self.job.spec, None, folder / SCAN, layers, plan.seed, reuse_stored, self.job.executor
        )
        audit = audit_run.run(job, folder / AUDIT, force=True, progress=self.overall.part(_DREAMED, _AUDITED)).value
        if audit is None:
            raise KeyboardInterrupt
        return audit

    def _atlas(self, references: ReferenceSet) -> Atlas:
        plan = self.job.plan
        return Atlas(
            plan.network.name,
            tuple(entry for entry in map(self.finished, plan.units) if entry),
            {layer: layer_detail(references.scan.layer(layer).facts) for layer in plan.layers},
            {**plan.facts(references), "Reproduction": _AGAIN},
            references.scan.failures,
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {unit.name: number for number, unit in enumerate(self.job.plan.units)}

    def _save_manifest(self, checksums: Mapping[str, str], atlas: Atlas | None) -> None:
        results = {
            "units": list(self._numbers),
            "counts": atlas.counts if atlas else {},
            "losing": sum(unit.loses for unit in atlas.units) if atlas else 0,
            "means": atlas.means if atlas else {},
        }
        self.claimed.save_manifest(checksums, results, atlas.failures if atlas else ())


@dataclass(frozen=True)
class AtlasSummary:
    """The result of an atlas in numbers.

    Attributes:
        counts: verdict -> number of units.
        losing: number of dreams that lose to a real image.
        means: measure -> name -> mean over the units, of the measures that have a summary.
    """

    counts: Mapping[str, int]
    losing: int
    means: Mapping[str, Mapping[str, float]]

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each measure that has a summary."""
        return summary_lines(self.means)

    def _repr_html_(self) -> str:
        return frame(
            f"{self.losing} dreams lose to a real image. The pages begin at {PAGE}.",
            *self.lines,
            share_bars({"all units": self.counts}, COLORS),
        )


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


def atlas_job(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    *,
    spec: str = "",
    layers: Sequence[str] | None = None,
    recipe: Recipe | DefaultRecipes | str | None = None,
    seed: int = 0,
    seeds: int = 2,
    top: int = 4,
    against: tuple[str, AnyNetwork] | None = None,
    judges: AnyNetwork | Sequence[AnyNetwork] = (),
    prior: LearnedPrior | None = None,
) -> CompareJob:
    """Return the job of an atlas, see `atlas`."""
    network = network_of(network)
    targets, how = atlas_targets(network, layers), given_recipe(recipe)
    other_spec, other = (against[0], network_of(against[1])) if against else ("", None)
    plan = ComparePlan(
        network, targets, source_of(images), how, seed, seeds, top, other, judges=judges_from(judges), prior=prior
    )
    also = (judged_layer(network, LOGITS),) if "class:*" in targets else ()
    return CompareJob(plan, spec, other_spec, also)


def atlas(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    folder: Path | str,
    *,
    spec: str = "",
    layers: Sequence[str] | None = None,
    recipe: Recipe | str | None = None,
    seed: int = 0,
    seeds: int = 2,
    top: int = 4,
    against: tuple[str, AnyNetwork] | None = None,
    judges: AnyNetwork | Sequence[AnyNetwork] = (),
    prior: LearnedPrior | None = None,
    force: bool = False,
    progress: OnProgress | None = None,
) -> RunResult[AtlasSummary | None]:
    """Compare every unit of a network with real images, judge it, write an atlas, and return its summary.

    Args:
        network: a Keras model, or what `load` returned.
        images: what `image_folder` returned, or (n, h, w, c) in [0, 1].
        folder: output directory; a stopped run in it resumes.
        spec: the argument of `load`, with which `again` reproduces a dream.
        layers: names of layers; default: see `atlas_targets`.
        recipe, seed, seeds, top: as for `compare`.
        against: the argument of `load` and the network of a second network.
        judges, prior: as for `compare`.
        force: replace another atlas in the folder; other files stay.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    job = atlas_job(
        network, images, spec=spec, layers=layers, recipe=recipe, seed=seed, seeds=seeds, top=top, against=against,
        judges=judges, prior=prior,
    )  # fmt: skip
    return run(job, Path(folder), force=force, progress=progress)


def run(
    job: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[AtlasSummary | None]:
    """Write an atlas into a folder and return its summary, None if it was stopped.

    Finished units of an earlier, stopped run of equal settings are kept. The files have the same bytes whether or not
    the run was stopped, on the same machine. Ctrl-C keeps finished work. See `atlas` for the arguments and errors.
    """
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, total = AtlasStore(job, claimed, OverallProgress(progress)), len(job.plan.units)
        kept = claimed.is_whole()
        if not kept:
            try:
                store.make()
            except KeyboardInterrupt:
                return RunResult(folder, None, total - store.missing, total, stopped=True)
        found: _Results = claimed.results(_Results)
        summary, failures = AtlasSummary(found.counts, found.losing, found.means), claimed.manifest.failures
        sheet = f"{DREAMS}/seed-{job.plan.seed}/{dream_store.SHEET}"
        return RunResult(folder, summary, total, total, failures, kept=kept, images=(sheet,))


@dataclass(frozen=True)
class _Results:
    """The results in the manifest: the units' targets, and the values of the summary."""

    units: tuple[str, ...]
    counts: Mapping[str, int]
    losing: int
    means: Mapping[str, Mapping[str, float]]


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of a folder's atlas."""
    pages = [name for unit in (manifest.results or {}).get("units", ()) for name in unit_files(str(unit))]
    found = scan_store.KIND.files_below(folder, SCAN) + audit_run.KIND.files_below(folder, AUDIT)
    for place in _dream_folders(folder):
        found += dream_store.KIND.files_below(folder, place)
    return [*pages, *found, *manifest.files]


def _dream_folders(folder: Path) -> list[str]:
    """Return the folders of an atlas' dreams, one for each seed, as paths from the atlas."""
    return [f"{DREAMS}/{place.name}" for place in sorted((folder / DREAMS).glob("seed-*"))]


KIND = RunKind("atlas", "an atlas", _written_in)
