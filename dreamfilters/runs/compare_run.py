"""The run of `compare`: a report in a folder of its own; what a killed one has scanned and dreamt is not done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.comparison.compare import DREAMT, SCANNED, facts_of, layer_comparisons
from dreamfilters.comparison.result import Comparison, row_of
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.report import PAGE, cards_of, contents
from dreamfilters.runs import dream_store, scan_store
from dreamfilters.runs.paired_run import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.atomic_files import make_folder, sha256, write_whole
from dreamfilters.runs.storage.records import KEY, as_json

__all__ = ["CompareJob", "Reported", "run"]

MANIFEST, UNFINISHED = "manifest.json", "unfinished"  # the last one a folder, gone when the report is whole
_AGAIN = "“dreamfilters again dreams/NAME.png” makes a dream again and says whether it has the same bytes."


@dataclass(frozen=True)
class Reported:
    """What a run came to.

    Attributes:
        folder: where the report lies.
        rows: the numbers of each unit, see `compared.row_of`; empty if it was stopped.
        failures: name and reason of each image that could not be read.
        images: how many there are, these included.
        kept: whether an earlier run had made it already.
        stopped: whether Ctrl-C ended it before the end.
    """

    folder: Path
    rows: tuple[Mapping[str, Any], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    images: int = 0
    kept: bool = False
    stopped: bool = False

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / PAGE


def run(comparing: CompareJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None) -> Reported:
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
    with _KIND.entered(folder, comparing.settings, force=force) as earlier:
        kept = run_folder.is_whole(folder, earlier.get("files", {}))
        if not kept:
            try:
                _make(comparing, folder, OverallProgress(progress))
            except KeyboardInterrupt:
                return Reported(folder, stopped=True)
        run_folder.remove(folder, _left_in(folder))
        return _reported(comparing, folder, kept=kept)


def _make(comparing: CompareJob, folder: Path, overall: OverallProgress) -> None:
    """Write every file, the manifest first, so that whatever a kill leaves is known for ours."""
    if not _KIND.read(folder):
        write_whole(folder / MANIFEST, _manifest(comparing))
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
    write_whole(folder / MANIFEST, _manifest(comparing, made, files))
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_whole(folder / name, content)


def _images(made: Comparison, dreams: StoredDreams) -> dict[str, bytes]:
    """Return the dreams that are compared as `dream` wrote them, each with what `again` needs."""
    return {card.file: dreams.entries[card.unit.name][0].image.read_bytes() for card in cards_of(made)}


def _manifest(comparing: CompareJob, made: Comparison | None = None, files: Mapping[str, bytes] | None = None) -> bytes:
    """Return the manifest of a finished report, or of one that is begun."""
    values = {
        KEY: dreamfilters.__version__,
        "comparison": comparing.settings,
        "files": {name: sha256(content) for name, content in (files or {}).items()},
        "rows": [row_of(unit) for unit in made.units] if made else [],
        "failures": [list(failure) for failure in made.failures] if made else [],
    }
    return as_json(values).encode()


def _written_in(folder: Path) -> list[str]:
    """Return the names of all files of the comparison that lies in a folder, its manifest last."""
    return [*_left_in(folder), *_KIND.read(folder).get("files", {}), MANIFEST]


def _left_in(folder: Path) -> Iterator[str]:
    """Yield what an unfinished comparison has left, from the folder on."""
    for name in scan_store.written_in(folder / UNFINISHED / SCAN):
        yield f"{UNFINISHED}/{SCAN}/{name}"
    for place in sorted((folder / UNFINISHED / DREAMS).glob("seed-*")):
        for name in dream_store.written_in(place):
            yield f"{UNFINISHED}/{DREAMS}/{place.name}/{name}"


def _reported(comparing: CompareJob, folder: Path, *, kept: bool) -> Reported:
    manifest = _KIND.read(folder)
    failures = tuple((str(name), str(reason)) for name, reason in manifest["failures"])
    return Reported(folder, tuple(manifest["rows"]), failures, len(comparing.images), kept)


_KIND = run_folder.RunKind("a comparison", MANIFEST, settings="comparison", known="targets", written=_written_in)
