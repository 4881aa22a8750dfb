"""The run of `compare`: a report in a folder; a stopped run resumes after its scan and its dreams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from dreamfilters.comparison.compare import DREAMED, SCANNED, compare_dreams
from dreamfilters.comparison.result import Comparison, UnitComparison
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.headline import headline_of
from dreamfilters.report.report import cards_of, report_files
from dreamfilters.runs import dream_store, scan_store
from dreamfilters.runs.compare_job import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult

UNFINISHED = "unfinished"  # a subfolder, removed when the report is complete
_AGAIN = "“dreamfilters again dreams/NAME.png” makes a dream again and compares the bytes."

UnitValues: TypeAlias = Mapping[str, Any]  # "row", "figures" (a measure's title -> its figure) and "flags" of a unit


def run(
    job: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[UnitValues, ...]]:
    """Write the report of a comparison into a folder and return the values of its units, none if it was stopped.

    A finished report of equal settings is kept. A stopped run resumes and ends with the same bytes. Ctrl-C keeps
    finished work.

    Args:
        job: the comparison.
        folder: output directory.
        force: replace another comparison in the folder; other files stay.
        progress: called with the share of the whole that is done.

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
        run_folder.remove(folder, _unfinished_files(folder))
        units, failures = tuple(claimed.manifest.results), claimed.manifest.failures
        return RunResult(folder, units, len(units), len(units), failures, kept=kept)


def _make(job: CompareJob, claimed: RunFolder, overall: OverallProgress) -> None:
    """Write every file, the manifest last."""
    working = claimed.path / UNFINISHED
    references = job.references(working / SCAN, overall.part(0, SCANNED, "scanning"))
    dreams = job.dreams(working / DREAMS, overall.part(SCANNED, DREAMED, "optimizing"))
    found = compare_dreams(job.plan, references, dreams, overall.part(DREAMED, 1))
    comparison = replace(found, facts={**found.facts, "Reproduction": _AGAIN})
    files = {**report_files(comparison), **_dream_files(comparison, dreams)}
    checksums = {name: claimed.write(name, content) for name, content in files.items()}
    claimed.save_manifest(checksums, [_unit_values(unit) for unit in comparison.units], comparison.failures)


def _dream_files(comparison: Comparison, dreams: StoredDreams) -> dict[str, bytes]:
    """Return the compared dreams as `dream` wrote them, each with what `again` needs."""
    return {card.file: dreams.entries[card.unit.name][0].image.read_bytes() for card in cards_of(comparison)}


def _unit_values(unit: UnitComparison) -> dict[str, Any]:
    figures = {caption.name: caption.figure for caption in unit.captions.values()}
    return {"row": unit.row, "figures": figures, "flags": list(headline_of(unit).flags)}


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of a folder's comparison."""
    return [*_unfinished_files(folder), *manifest.files]


def _unfinished_files(folder: Path) -> Iterator[str]:
    """Yield the files of an unfinished comparison, as paths from the folder."""
    yield from scan_store.KIND.files_below(folder, f"{UNFINISHED}/{SCAN}")
    for seed in sorted((folder / UNFINISHED / DREAMS).glob("seed-*")):
        yield from dream_store.KIND.files_below(folder, f"{UNFINISHED}/{DREAMS}/{seed.name}")


KIND = RunKind("compare", "a comparison", _written_in)
