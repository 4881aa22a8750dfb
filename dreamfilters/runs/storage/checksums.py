"""Checksums of files, and what is wrong with a folder whose files differ from theirs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.stored_files import file_digest


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits.

    >>> sha256(b"abc")[:8]
    'ba7816bf'
    """
    return hashlib.sha256(content).hexdigest()


def json_digest(values: Any) -> str:
    """Return the SHA-256 of values as JSON, such as the labels that decide a run.

    >>> json_digest(["STOP", None]) == sha256(b'["STOP", null]')
    True
    """
    return sha256(json.dumps(values).encode())


def damage_of(folder: Path, files: Mapping[str, str]) -> str:
    """Return what is wrong with the first file of a folder that differs from its SHA-256, "" if none does.

    The files that the manifest of a folder inside lists are compared, too.
    """
    try:
        for name, digest in files.items():
            if file_digest(folder, name) != digest:
                return f"{folder / name}: is damaged (it differs from its checksum in the manifest)"
            inside = Path(name)
            if inside.name == MANIFEST and (damage := _damage_inside(folder / inside.parent)):
                return damage
    except DamagedError as error:
        return str(error)
    return ""


def manifests_inside(folder: Path, places: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each manifest of this tool in these folders inside a run, by its path from the run."""
    return {
        f"{place}/{MANIFEST}": file_digest(folder, f"{place}/{MANIFEST}")
        for place in places
        if Manifest.read(folder / place) is not None
    }


def _damage_inside(folder: Path) -> str:
    manifest = Manifest.read(folder)
    return damage_of(folder, manifest.files) if manifest else f"{folder / MANIFEST}: is not of this tool"
