"""The run of `compare`: a report in a folder; scan and dreams are stored, so that a stopped run resumes after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dreamfilters import backend
from dreamfilters.comparison.compare import DREAMED, SCANNED, ComparePlan, compare_dreams, dreams_by_seed
from dreamfilters.comparison.measures.registry import MEASURES
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import UnitComparison
from dreamfilters.dreams.default_recipes import recipe_values
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.executors.executor import LOCAL, Executor
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, OverallProgress, Progress
from dreamfilters.report.page_code import page_code
from dreamfilters.report.report import cards_of, report_files
from dreamfilters.runs.by_unit import dream_run, dream_store
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.over_images import scan_run, scan_store
from dreamfilters.runs.storage.json_files import as_json
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.records import dream_of, model_values
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

SCAN, DREAMS = "scan", "dreams"  # folders
UNFINISHED = "unfinished"  # a subfolder, removed when the report is complete
_AGAIN = "“dreamfilters again dreams/NAME.png” makes a dream again and compares the bytes."
UnitValues: TypeAlias = Mapping[str, Any]  # the values of `_Unit`


@dataclass(frozen=True)
class _Unit:
    """What the manifest says of a unit.

    It is the row of the table, a measure's title -> its figure, what to flag, and the numbers of the measures that have
    a summary.
    """

    row: Mapping[str, Any]
    figures: Mapping[str, str]
    flags: tuple[str, ...]
    numbers: Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, eq=False)
class CompareJob:
    """A comparison that is stored.

    Attributes:
        plan: what is compared with what.
        spec: what `load` was given for the network.
        against_spec: what it was given for the other network.
        also: further layers to scan.
        executor: where images are scanned, dreams made and units measured; it never changes the result.
    """

    plan: ComparePlan
    spec: str
    against_spec: str = ""
    also: tuple[str, ...] = ()
    executor: Executor = LOCAL

    @cached_property
    def scan_job(self) -> ScanJob:
        """The scan of the units' layers."""
        plan, layers = self.plan, tuple(dict.fromkeys([*self.plan.layers, *self.also]))
        return ScanJob(plan.network, plan.source, layers, k=max(plan.top, TOP_K), executor=self.executor)

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.plan.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the report."""
        plan = self.plan
        labels = json.dumps(list(plan.source.labels)).encode()
        other = None if plan.against is None else model_values(plan.against, self.against_spec)
        values = {
            **_network_values("", plan.network, self.model),
            **_network_values("against_", plan.against, other),
            "judges": [_network_values("", judge, model_values(judge, "")) for judge in plan.judges],
            "targets": list(plan.targets),
            "measures": list(MEASURES),
            "recipe": recipe_values(plan.network, plan.recipe),
            "seed": plan.seed,
            "seeds": plan.seeds,
            "top": plan.top,
            "images": plan.source.digest,
            "labels": hashlib.sha256(labels).hexdigest(),
            "user_image": plan.user_image and [plan.user_image[0], _digest(plan.user_image[1])],
            "pages": page_code(),
            "versions": backend.versions(),
            **({} if plan.prior is None else {"prior": plan.prior.digest}),
        }
        return dict(json.loads(as_json(values)))

    def check(self) -> None:
        """Raise what would stop the comparison, before anything is written."""
        self.plan.check()
        self.dream_job(self.plan.seed, self.plan.targets).check()
        assert self.scan_job.size  # the first readable image was read

    def dream_job(self, seed: int, targets: Sequence[str]) -> dream_run.DreamJob:
        """Return the run of dreams of one seed."""
        plan = self.plan
        return dream_run.DreamJob(
            plan.network, self.spec, tuple(targets), plan.recipe, seed, plan.prior, executor=self.executor
        )

    def references(self, folder: Path, progress: OnProgress | None = None) -> ReferenceSet:
        """Return the reference set; the scan is stored in the folder, where a stopped one resumes.

        Raises:
            KeyboardInterrupt: it was stopped; finished work is kept.
        """
        job = scan_run.stored_scan(self.scan_job, self.spec)
        scan = scan_run.run(job, folder, force=True, progress=progress).value
        if scan is None:
            raise KeyboardInterrupt
        return ReferenceSet.of(self.plan.network, self.plan.source, scan, seed=self.plan.seed)

    def dreams(self, folder: Path, progress: OnProgress | None = None) -> StoredDreams:
        """Return the dreams of every seed, each seed stored in a folder of its own, where a stopped run resumes.

        Raises:
            KeyboardInterrupt: it was stopped; finished work is kept.
        """
        plan, count = self.plan, len(self.plan.units)

        def dream_seed(seed: int, targets: Sequence[str]) -> Iterator[tuple[str, bool, DreamEntry]]:
            def on_progress(part: Progress) -> None:
                if progress is not None:
                    progress(Progress((seed - plan.seed) * count + part.done, plan.seeds * count, part.note))

            job = self.dream_job(seed, targets)
            finished = dream_run.run(job, folder / f"seed-{seed}", force=True, progress=on_progress)
            if finished.stopped:
                raise KeyboardInterrupt
            for entry in finished.value:
                yield entry.record["target"], entry.record["activated"], entry

        return StoredDreams(plan.network.form.channels, dreams_by_seed(plan, dream_seed))


@dataclass(frozen=True, eq=False)
class StoredDreams(Mapping[str, tuple[Dream, ...]]):
    """Stored dreams by target, one a seed; an image is read on access, because all would not fit into memory."""

    channels: int
    entries: Mapping[str, tuple[DreamEntry, ...]] = field(repr=False)

    def __getitem__(self, name: str) -> tuple[Dream, ...]:
        return tuple(dream_of(entry.record, entry.read(self.channels)) for entry in self.entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def _network_values(prefix: str, network: Network | None, model: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        f"{prefix}model": model,
        f"{prefix}input": network and plain(network.form),
        f"{prefix}classes": network and list(network.classes),
    }


def _digest(image: Floats) -> str:
    values = np.ascontiguousarray(image, np.float32)
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()


def run(
    job: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[UnitValues, ...]]:
    """Write the report of a comparison into a folder and return the values of its units, none if it was stopped.

    A finished report of equal settings is kept. A stopped run resumes and ends with the same bytes. Ctrl-C keeps
    finished work.

    With `force` another comparison in the folder is replaced; other files stay.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        if not kept:
            try:
                _make(job, claimed, OverallProgress(progress))
            except KeyboardInterrupt:
                return RunResult(folder, (), 0, len(job.plan.units), stopped=True)
        claimed.remove(_unfinished_files(folder))
        units, failures = tuple(map(vars, claimed.results(tuple[_Unit, ...]))), claimed.manifest.failures
        return RunResult(folder, units, len(units), len(units), failures, kept=kept)


def _make(job: CompareJob, claimed: RunFolder, overall: OverallProgress) -> None:
    """Write every file, the manifest last."""
    working = claimed.path / UNFINISHED
    references = job.references(working / SCAN, overall.part(0, SCANNED, "scanning"))
    dreams = job.dreams(working / DREAMS, overall.part(SCANNED, DREAMED, "optimizing"))
    found = compare_dreams(job.plan, references, dreams, overall.part(DREAMED, 1), job.executor)
    comparison = replace(found, facts={**found.facts, "Reproduction": _AGAIN})
    # The compared dreams as `dream` wrote them, each with what `again` needs.
    stored = {card.file: dreams.entries[card.unit.name][0].image.read_bytes() for card in cards_of(comparison)}
    files = {**report_files(comparison), **stored}
    checksums = {name: claimed.write(name, content) for name, content in files.items()}
    claimed.save_manifest(checksums, [_unit_values(unit) for unit in comparison.units], comparison.failures)


def _unit_values(unit: UnitComparison) -> dict[str, Any]:
    figures = {caption.name: caption.figure for caption in unit.captions.values()}
    return {"row": unit.row, "figures": figures, "flags": list(unit.headline.flags), "numbers": plain(unit.numbers)}


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of a folder's comparison."""
    return [*_unfinished_files(folder), *manifest.files]


def _unfinished_files(folder: Path) -> Iterator[str]:
    """Yield the files of an unfinished comparison, as paths from the folder."""
    yield from scan_store.KIND.files_below(folder, f"{UNFINISHED}/{SCAN}")
    for seed in sorted((folder / UNFINISHED / DREAMS).glob("seed-*")):
        yield from dream_store.KIND.files_below(folder, f"{UNFINISHED}/{DREAMS}/{seed.name}")


KIND = RunKind("compare", "a comparison", _written_in)
