"""The manifest of a run folder: one shape for every command."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage.json_files import MOST_BYTES, as_json, checked, with_checksum
from dreamfilters.runs.storage.stored_files import is_below, read_file
from dreamfilters.serialization import typed

KEY = "dreamfilters"  # first key of every JSON file of this tool, and of the text inside its PNGs: the version
MANIFEST = "manifest.json"
WORKS = "give the folder of a run, such as of `dream`, `scan` or `evaluate`, or of a training"
_START = f'{{\n "{KEY}": '.encode()
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """What a run folder holds.

    Attributes:
        command: the command that wrote it, such as "scan".
        settings: everything that decides the bytes of the files.
        model: name, spec (the argument of `load`) and fingerprint of the network.
        files: SHA-256 of each file of the result by name, as a path from the folder; empty while the run is unfinished.
            The manifest of a folder inside, or the record of an image, stands for the files that it lists itself.
        results: the results of the command; None while the run is unfinished.
        failures: name and reason of each image that cannot be read.
        version: the version of dreamfilters that wrote it.
    """

    command: str
    settings: Mapping[str, Any]
    model: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    results: Any = None
    failures: tuple[tuple[str, str], ...] = ()
    version: str = dreamfilters.__version__

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Return the manifest of a folder, or None if there is none or it is that of another tool.

        Raises:
            DamagedError: it differs from its checksum, has none, or does not hold these values.
        """
        if not os.path.lexists(folder / MANIFEST):
            return None
        content = read_file(folder, MANIFEST, MOST_BYTES)
        if not content.startswith(_START):
            return None
        try:
            return _manifest(checked(content))
        except ValueError as error:
            raise DamagedError(f"{folder / MANIFEST}: is damaged ({error})") from error

    def to_json(self) -> bytes:
        """Return the content of the file."""
        values = {
            KEY: self.version,
            "command": self.command,
            "settings": self.settings,
            "model": self.model,
            "files": self.files,
            "results": self.results,
            "failures": [{"image": name, "reason": reason} for name, reason in self.failures],
        }
        return with_checksum(as_json(values)).encode()


def manifest_in(folder: Path) -> Manifest:
    """Return the manifest of a run folder of any command.

    Raises:
        OutputError: there is no such folder, or it holds no run of this tool.
        DamagedError: as for `Manifest.read`.
    """
    manifest = Manifest.read(folder) if folder.is_dir() else None
    if manifest is None:
        held = "is no folder" if folder.exists() else "no such folder"
        raise OutputError(f"{folder}: {'holds no run of this tool' if folder.is_dir() else held}; {WORKS}")
    return manifest


@dataclass(frozen=True)
class _Failure:
    image: str
    reason: str


def _manifest(values: Mapping[str, Any]) -> Manifest:
    """Return the manifest of these values.

    Raises:
        ValueError: they are not those of a manifest.
    """
    if missing := {KEY, *_KINDS} - values.keys():
        raise ValueError(f"the key {min(missing)!r} is missing")
    head = {key: typed(kind, values[key], key) for key, kind in _KINDS.items()}
    failures = tuple((each.image, each.reason) for each in head.pop("failures"))
    if wrong := [key for key in ("name", "spec", "fingerprint") if not isinstance(head["model"].get(key), str)]:
        raise ValueError(f"the {wrong[0]} of the model is missing")
    if wrong := [name for name, digest in head["files"].items() if not is_below(name) or not _DIGEST.fullmatch(digest)]:
        raise ValueError(f"{wrong[0]!r} is no file of the folder with its SHA-256")
    return Manifest(**head, failures=failures, version=typed(str, values[KEY], KEY))


_KINDS: Mapping[str, Any] = {
    "command": str,
    "settings": Mapping[str, Any],
    "model": Mapping[str, Any],
    "files": Mapping[str, str],
    "results": Any,
    "failures": tuple[_Failure, ...],
}
