"""Scans on disk: stored while they run, so that a killed one goes on, and read again without TensorFlow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import dreamfilters
from dreamfilters.errors import OutputError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.scan_store import ARRAYS, ScanFolder, arrays_in, read_manifest
from dreamfilters.runs.storage.atomic_files import claimed
from dreamfilters.runs.storage.run_folder import is_whole

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState

_EVERY = 20.0  # seconds of work that a kill costs at most


@dataclass(frozen=True)
class Stored:
    """What a run came to.

    Attributes:
        folder: where it lies.
        scan: the result, None if the run was stopped.
        done: how many images were looked at.
        count: how many there are.
    """

    folder: Path
    scan: Scan | None
    done: int
    count: int


def run(
    survey: ScanJob,
    folder: Path,
    *,
    spec: str = "",
    force: bool = False,
    every: float = _EVERY,
    progress: OnProgress | None = None,
) -> Stored:
    """Scan into a folder; what an earlier, killed run of equal settings has done is not done again.

    The files have the same bytes whether or not it was interrupted, on the same machine. Ctrl-C keeps what is done.

    Args:
        survey: what to scan.
        folder: where to.
        spec: what `load` was given for the network.
        force: replace another scan that lies there; files that are not from it are never touched.
        every: seconds between two saves.
        progress: called after each batch with the number of images done.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        ImageError: no image can be read.
    """
    place = ScanFolder(folder, survey, settings_of(survey), spec)
    with claimed(folder):
        place.make_room(force)
        if not place.is_finished():
            place.begin()
            state = place.resumed() or survey.start()
            if not _carried_on(place, state, every, progress):
                return Stored(folder, None, state.done, len(survey.source.names))
            place.finish(survey.result(state))
        place.clear()  # what a run left that was killed after its last file
        return Stored(folder, read_scan(folder), len(survey.source.names), len(survey.source.names))


def read_scan(folder: Path | str) -> Scan:
    """Return a stored scan, without importing TensorFlow.

    Raises:
        OutputError: no finished scan lies there, or its files are damaged.

    Example:
        >>> read_scan("outputs/scan").unit("conv6", 12).strongest["max"][0].name
        '14/00039_00004.png'
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if not manifest:
        raise OutputError(f"{folder}: holds no scan; make one with `dreamfilters scan MODEL IMAGES --out {folder}`")
    if not manifest["files"]:
        raise OutputError(f"{folder}: its scan is not finished; give the same command again to go on")
    if not is_whole(folder, manifest["files"]):
        raise OutputError(f"{folder}: its scan is damaged; give the same command again to make it anew")
    arrays, settings = arrays_in(folder / ARRAYS), manifest["settings"]
    return Scan(
        network=manifest["model"]["name"],
        fingerprint=settings["weights"],
        form=settings["input"],
        size=tuple(settings["size"]),
        k=settings["top"],
        names=tuple(manifest["names"]),
        labels=tuple(manifest["labels"]),
        classes=tuple(manifest["classes"]),
        failures=tuple((name, reason) for name, reason in manifest["failures"]),
        predicted=arrays.pop("predicted"),
        truth=arrays.pop("truth"),
        facts=tuple(map(LayerInfo.from_values, manifest["layers"])),
        arrays=arrays,
    )


def settings_of(survey: ScanJob) -> dict[str, Any]:
    """Return everything that decides the result of a survey, in words that an error can use."""
    from dreamfilters import backend
    from dreamfilters.runs.storage.records import form_values

    labels = json.dumps([survey.source.labels, survey.classes]).encode()
    return {
        "version": dreamfilters.__version__,
        "weights": survey.network.fingerprint,
        "input": form_values(survey.network.form),
        "size": list(survey.size),
        "layers": list(survey.layers),
        "top": survey.k,
        "images": survey.source.digest,
        "labels": hashlib.sha256(labels).hexdigest(),
        "versions": backend.versions(),
    }


def _carried_on(place: ScanFolder, state: ScanState, every: float, progress: OnProgress | None) -> bool:
    """Look at the images that are left, saving now and then; say whether it came to the end."""
    saved, count = monotonic(), len(place.survey.source.names)
    try:
        for name in place.survey.advance(state):
            if progress is not None:
                progress(Progress(state.done, count, name))
            if monotonic() - saved >= every:
                place.save(state)
                saved = monotonic()
    except KeyboardInterrupt:
        if state.consistent:
            place.save(state)
        return False
    return True
