"""Runs of `dream`, `compare` and `atlas` as summaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.dreams.result import Dream
from dreamfilters.runs.by_unit import atlas_run, audit_run, compare_run, dream_store
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.over_images import scan_store
from dreamfilters.runs.storage.json_files import read_json
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.records import dream_of, read_record
from dreamfilters.serialization import typed
from dreamfilters.training.summaries.kinds import of_audit, of_dreams, of_scan, of_units
from dreamfilters.training.summaries.summary import Summaries


@dataclass(frozen=True)
class StoredUnit:
    """A unit of a stored comparison: its target, its row of numbers, and the compared dream."""

    name: str
    row: Mapping[str, Any]
    dream: Dream


def stored_dreams(run: Path) -> Summaries:
    """Return the summaries of the dreams of a run, in the order of its targets."""
    manifest = dream_store.KIND.read_finished(run)
    results = typed(Mapping[str, Any], manifest.results, "results")
    images = [typed(str, one["image"], "image") for one in typed(tuple[Mapping[str, Any], ...], results["dreams"])]
    records = [Path(name).with_suffix(".json").as_posix() for name in images]
    if missing := {*images, *records} - manifest.files.keys():
        raise ValueError(f"{min(missing)!r} is no file of the run")
    found = zip(images, records, strict=True)
    return of_dreams([_dream(run, name, read_json(run, record)) for name, record in found])


def stored_comparison(run: Path) -> Summaries:
    """Return the summaries of the units of a comparison, whose dreams store their records."""
    manifest = compare_run.KIND.read_finished(run)
    units = typed(tuple[Mapping[str, Any], ...], manifest.results, "results")
    rows = [typed(Mapping[str, Any], one["row"], "row") for one in units]
    names = [name for name in manifest.files if name.endswith(".png")]
    dreams = {dream.name: dream for dream in (_dream(run, name, read_record(run / name)) for name in names)}
    return of_units([StoredUnit(name, row, dreams[name]) for row in rows for name in [typed(str, row["target"])]])


def stored_atlas(run: Path) -> Summaries:
    """Return the summaries of the scan and the audit of an atlas, and of the dreams of its first seed."""
    manifest = atlas_run.KIND.read_finished(run)
    scan, audit = run / compare_run.SCAN, run / atlas_run.AUDIT
    found = of_scan(scan_store.read_scan(scan)) | of_audit(audit_run.read_audit(audit))
    dreams = [Path(name).parent for name in manifest.files if name.startswith(f"{compare_run.DREAMS}/")]
    folders = [folder for folder in dreams if f"{folder.as_posix()}/{MANIFEST}" in manifest.files]
    return found | stored_dreams(run / folders[0]) if folders else found


def _dream(run: Path, name: str, record: Mapping[str, Any]) -> Dream:
    """Return the dream of a file and its record; a transparent one before gray."""
    channels = typed(tuple[int, int, int], record["canvas"], "canvas")[2]
    if channels < 1:
        raise ValueError(f"the canvas of {name!r} has {channels} channels")
    return dream_of(record, DreamEntry(run / name, record).read(channels))
