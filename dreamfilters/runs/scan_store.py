"""The files of a scan's folder: a manifest that makes it count, its arrays, and how far an unfinished one has come."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

import dreamfilters
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.runs.scan_tables import layer_rows, units_csv
from dreamfilters.runs.storage.atomic_files import sha256, write_whole
from dreamfilters.runs.storage.run_folder import KEY, is_whole, make_room

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState

MANIFEST, ARRAYS, TABLE, UNFINISHED = "scan.json", "scan.npz", "units.csv", "unfinished.npz"


@dataclass(frozen=True, eq=False)
class ScanFolder:
    """A claimed folder that a survey is stored in.

    Attributes:
        folder: where.
        survey: what is scanned.
        settings: everything that decides the result, in words that an error can use.
        spec: what `load` was given for the network.
    """

    folder: Path
    survey: ScanJob
    settings: Mapping[str, Any]
    spec: str

    def make_room(self, force: bool) -> None:
        """Leave a scan of equal settings as it is, remove another one if forced, refuse everything else.

        Raises:
            OutputError: it is refused.
        """
        earlier = read_manifest(self.folder).get("settings", {})
        make_room(
            self.folder, "a scan", settings=self.settings, earlier=earlier, written=written_in(self.folder), force=force
        )

    def is_finished(self) -> bool:
        """Say whether the survey's result lies here, whole."""
        manifest = read_manifest(self.folder)
        return manifest.get("settings") == self.settings and is_whole(self.folder, manifest["files"])

    def begin(self) -> None:
        """Write a manifest without files, if there is none: first, so that whatever follows is known for ours."""
        if not read_manifest(self.folder):
            self._write_manifest()

    def save(self, state: ScanState) -> None:
        """Write how far the survey has come."""
        failures = json.dumps(sorted(state.failures.items())).encode()
        told = {
            "done": np.array(state.done),
            "predicted": state.predicted,
            "failures": np.frombuffer(failures, np.uint8),
            "settings": np.frombuffer(self._digest, np.uint8),
        }
        write_whole(self.folder / UNFINISHED, _archive(state.accumulators.arrays | told, np.savez))

    def resumed(self) -> ScanState | None:
        """Return how far an earlier run came, None where there was none."""
        from dreamfilters.evidence.scan.scan_job import ScanState

        try:
            arrays = arrays_in(self.folder / UNFINISHED)
            told = {key: arrays.pop(key) for key in ("done", "predicted", "failures", "settings")}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        if told["settings"].tobytes() != self._digest:
            return None
        failures = {int(index): str(reason) for index, reason in json.loads(told["failures"].tobytes())}
        return ScanState(int(told["done"]), Accumulators.from_arrays(arrays), told["predicted"], failures)

    def finish(self, scan: Scan) -> None:
        """Write the result, and last the manifest, which makes it count."""
        arrays = {**scan.arrays, "predicted": scan.predicted, "truth": scan.truth}
        contents = {ARRAYS: _archive(arrays, np.savez_compressed), TABLE: units_csv(scan)}
        for name, content in contents.items():
            write_whole(self.folder / name, content)
        found = {
            "layers": [facts.as_values() for facts in scan.facts],
            "summary": layer_rows(scan),
            "failures": scan.failures,
        }
        self._write_manifest({name: sha256(content) for name, content in contents.items()}, found)
        self.clear()

    def clear(self) -> None:
        """Remove what only an unfinished scan needs."""
        (self.folder / UNFINISHED).unlink(missing_ok=True)

    @property
    def _digest(self) -> bytes:
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).digest()

    def _write_manifest(self, files: Mapping[str, str] | None = None, found: Mapping[str, Any] | None = None) -> None:
        from dreamfilters.runs.storage.records import as_json

        source = self.survey.source
        manifest = {
            KEY: dreamfilters.__version__,
            "settings": self.settings,
            "model": {"name": self.survey.network.name, "spec": self.spec},
            "files": files or {},
            **(found or {}),
            "classes": self.survey.classes,
            "names": source.names,
            "labels": source.labels,
        }
        write_whole(self.folder / MANIFEST, as_json(manifest).encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest of a scan says, {} where there is none of this tool."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        known = KEY in manifest and isinstance(manifest["settings"]["images"], str) and "files" in manifest
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(manifest) if known else {}


def written_in(folder: Path) -> list[str]:
    """Return the names of all files of the scan that lies in a folder, its manifest last; none if no scan does."""
    return [ARRAYS, TABLE, UNFINISHED, MANIFEST] if read_manifest(folder) else []


def arrays_in(path: Path) -> dict[str, NDArray[Any]]:
    """Return every array of an .npz."""
    with np.load(io.BytesIO(path.read_bytes())) as stored:
        return dict(stored)


def _archive(arrays: Mapping[str, NDArray[Any]], save: Callable[..., None]) -> bytes:
    """Return an .npz, the same for the same arrays: numpy dates its parts 1980."""
    file = io.BytesIO()
    save(file, **{name: arrays[name] for name in sorted(arrays)})
    return file.getvalue()
