"""A run folder as an event file, as the command `summaries` writes it. A kind of run is one function, see `READERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.dreams.result import Dream
from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.by_unit import atlas_run, audit_run, compare_run, dream_store
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.over_images import evaluation_store, scan_store
from dreamfilters.runs.storage.json_files import read_json
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.records import dream_of, read_record
from dreamfilters.serialization import typed
from dreamfilters.training import film_run, store
from dreamfilters.training.history import Training
from dreamfilters.training.summaries.result_summaries import Summaries, event_content, of_units, summaries_of, write_new

TRAININGS = (store.KIND.command, film_run.KIND.command)


@dataclass(frozen=True)
class StoredUnit:
    """A unit of a stored comparison: its target, its row of numbers, and the compared dream."""

    name: str
    row: Mapping[str, Any]
    dream: Dream


def write_run_summaries(run: Path, folder: Path, *, step: int | None = None) -> Path:
    """Write the event file of a finished run into a folder, and return its path.

    The times in it are the time at which the run was finished, so that the same run gives the same bytes; an event file
    of these bytes that the folder already holds is kept.

    Args:
        run: the run folder of a command in `READERS`, of a training, or of a film of checkpoints.
        folder: that `tensorboard --logdir` is given; it may hold event files.
        step: of the result, by default 0. The looks of a training have their own steps.

    Raises:
        OutputError: TensorBoard shows nothing of such a run, it is not finished, or the folder cannot be written.
        DamagedError: a file of the run is damaged, or is not that of such a run.
    """
    manifest = _manifest(run)
    is_training = manifest.command in TRAININGS
    if is_training and step is not None:
        raise OutputError(f"{run}: holds {_noun(manifest)}, whose looks have their own steps; leave out --step")
    try:
        seconds = (run / MANIFEST).stat().st_mtime
        if is_training:
            content = store.history_events(_training(run, manifest), seconds)
        else:
            content = event_content(READERS[manifest.command](run), step or 0, seconds)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{run}: is not {_noun(manifest)} of this tool ({cause})") from error
    return write_new(folder, content)


def _manifest(run: Path) -> Manifest:
    """Return the manifest of a run that has summaries."""
    manifest = Manifest.read(run) if run.is_dir() else None
    named = ", ".join(f"`{name}`" for name in READERS)
    works = f"give the folder of {named}, of a training, or of a `film` of checkpoints"
    if manifest is None:
        held = "holds no run of this tool" if run.is_dir() else "is no folder" if run.exists() else "no such folder"
        raise OutputError(f"{run}: {held}; {works}")
    if manifest.command == atlas_run.KIND.command:
        works = f"its parts have some: {run / compare_run.SCAN} and {run / atlas_run.AUDIT}"
    if manifest.command not in (*READERS, *TRAININGS):
        raise OutputError(f"{run}: holds the results of `{manifest.command[:40]}`, which have no summaries; {works}")
    return manifest


def _noun(manifest: Manifest) -> str:
    kinds = (
        dream_store.KIND, scan_store.KIND, audit_run.KIND, evaluation_store.KIND, compare_run.KIND, store.KIND,
        film_run.KIND,
    )  # fmt: skip
    return next(kind.noun for kind in kinds if kind.command == manifest.command)


def _training(run: Path, manifest: Manifest) -> Training:
    if manifest.command == store.KIND.command:
        return store.read_training(run)
    inside = f"{film_run.LOOKS}/{MANIFEST}"
    if inside not in film_run.KIND.read_finished(run).files:
        raise OutputError(f"{run}: is a film of a stored training; give the folder of that training")
    return store.read_training(run / film_run.LOOKS)


def _dreams(run: Path) -> Summaries:
    """Return the summaries of the dreams of a run, in the order of its targets."""
    manifest = dream_store.KIND.read_finished(run)
    results = typed(Mapping[str, Any], manifest.results, "results")
    images = [typed(str, one["image"], "image") for one in typed(tuple[Mapping[str, Any], ...], results["dreams"])]
    records = [Path(name).with_suffix(".json").as_posix() for name in images]
    if missing := {*images, *records} - manifest.files.keys():
        raise ValueError(f"{min(missing)!r} is no file of the run")
    found = zip(images, records, strict=True)
    return summaries_of([_dream(run, name, read_json(run, record)) for name, record in found])


def _comparison(run: Path) -> Summaries:
    """Return the summaries of the units of a comparison, whose dreams store their records."""
    manifest = compare_run.KIND.read_finished(run)
    units = typed(tuple[Mapping[str, Any], ...], manifest.results, "results")
    rows = [typed(Mapping[str, Any], one["row"], "row") for one in units]
    names = [name for name in manifest.files if name.endswith(".png")]
    dreams = {dream.name: dream for dream in (_dream(run, name, read_record(run / name)) for name in names)}
    return of_units([StoredUnit(name, row, dreams[name]) for row in rows for name in [typed(str, row["target"])]])


def _dream(run: Path, name: str, record: Mapping[str, Any]) -> Dream:
    """Return the dream of a file and its record; a transparent one before gray."""
    channels = typed(tuple[int, int, int], record["canvas"], "canvas")[2]
    if channels < 1:
        raise ValueError(f"the canvas of {name!r} has {channels} channels")
    return dream_of(record, DreamEntry(run / name, record).read(channels))


READERS: Mapping[str, Callable[[Path], Summaries]] = {
    dream_store.KIND.command: _dreams,
    scan_store.KIND.command: lambda run: summaries_of(scan_store.read_scan(run)),
    audit_run.KIND.command: lambda run: summaries_of(audit_run.read_audit(run)),
    evaluation_store.KIND.command: lambda run: summaries_of(evaluation_store.read_evaluation(run)),
    compare_run.KIND.command: _comparison,
}
