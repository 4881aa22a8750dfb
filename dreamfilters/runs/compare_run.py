"""The run of `compare`: a report in a folder of its own; what a killed one has scanned and dreamt is not done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamfilters.comparison.compare import DREAMT, SCANNED, facts_of, layer_comparisons
from dreamfilters.comparison.result import Comparison, row_of
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.report import cards_of, contents
from dreamfilters.runs import dream_store, scan_store
from dreamfilters.runs.paired_run import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult

__all__ = ["CompareJob", "run"]

UNFINISHED = "unfinished"  # a folder, gone when the report is whole
_AGAIN = "“dreamfilters again dreams/NAME.png” makes a dream again and says whether it has the same bytes."


def run(
    comparing: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[Mapping[str, Any], ...]]:
    """Write the report into a folder; one of equal settings that lies there whole is kept as it is.

    A run that was killed goes on where it was, and ends with the same bytes. Ctrl-C keeps what is done.

    Args:
        comparing: what is held against what.
        folder: where to.
        force: replace another comparison that lies there; files that are not from it are never touched.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        DreamfiltersError: as `compare` does, before anything is written.
    """
    comparing.check()
    with entered(folder, KIND, comparing.settings, comparing.model, force=force) as claimed:
        kept = claimed.is_whole()
        if not kept:
            try:
                _make(comparing, claimed, OverallProgress(progress))
            except KeyboardInterrupt:
                return RunResult(folder, (), 0, len(comparing.subjects), stopped=True)
        run_folder.remove(folder, _left_in(folder))
        rows, failures = tuple(claimed.manifest.results), claimed.manifest.failures
        return RunResult(folder, rows, len(rows), len(rows), failures, kept=kept)


def _make(comparing: CompareJob, claimed: RunFolder, overall: OverallProgress) -> None:
    """Write every file, and last the manifest."""
    folder = claimed.path
    working = folder / UNFINISHED
    real = comparing.look(working / SCAN, overall.part(0, SCANNED, "scanning"))
    dreams = comparing.dream(working / DREAMS, overall.part(SCANNED, DREAMT, "dreaming"))
    found = {}
    for study in layer_comparisons(
        real, comparing.subjects, dreams, against=comparing.against, user_image=comparing.user_image, top=comparing.top
    ):
        for unit in study.compared():
            found[unit.name] = unit
            overall.report(DREAMT + (1 - DREAMT) * len(found) / len(comparing.subjects), f"measuring {unit.name}")
    facts = facts_of(real, comparing.recipe, comparing.seed, comparing.seeds, comparing.against)
    units = tuple(found[subject.name] for subject in comparing.subjects)
    made = Comparison(comparing.network.name, units, {**facts, "Again": _AGAIN}, real.scan.failures)
    files = {**contents(made), **_images(made, dreams)}
    checksums = {name: claimed.write(name, content) for name, content in files.items()}
    claimed.save_manifest(checksums, [row_of(unit) for unit in units], made.failures)


def _images(made: Comparison, dreams: StoredDreams) -> dict[str, bytes]:
    """Return the dreams that are compared as `dream` wrote them, each with what `again` needs."""
    return {card.file: dreams.entries[card.unit.name][0].image.read_bytes() for card in cards_of(made)}


def _written_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of all files of the comparison that lies in a folder."""
    return [*_left_in(folder), *manifest.files]


def _left_in(folder: Path) -> Iterator[str]:
    """Yield what an unfinished comparison has left, from the folder on."""
    yield from scan_store.KIND.files_below(folder, f"{UNFINISHED}/{SCAN}")
    for place in sorted((folder / UNFINISHED / DREAMS).glob("seed-*")):
        yield from dream_store.KIND.files_below(folder, f"{UNFINISHED}/{DREAMS}/{place.name}")


KIND = RunKind("compare", "a comparison", _written_in)
