"""Changes of the files of a run folder; most are forged, so that every checksum is right again."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import CHECKSUM, with_checksum
from dreamfilters.runs.storage.manifest import MANIFEST
from tests.fuzz.mutations import image_headers, json_values, raw_bytes, text_lines


def change(folder: Path, chance: np.random.Generator, secret: Path) -> None:
    """Change a file below a run folder, or put something else in its place, such as a link to `secret`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    path = files[chance.integers(len(files))]
    if chance.random() < 0.12:
        _replace(path, chance, secret)
        return
    _write(path, _changed(path, chance))
    if chance.random() < 0.7:
        _forge(path, folder)


def _write(path: Path, content: bytes) -> None:
    path.unlink()  # it may be a second name of the secret by now
    path.write_bytes(content)


def _replace(path: Path, chance: np.random.Generator, secret: Path) -> None:
    path.unlink()
    others: tuple[Callable[[], object], ...] = (
        lambda: None,
        path.mkdir,
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(Path("/dev/zero")),
        lambda: path.symlink_to(secret),
        lambda: path.symlink_to(path.name),
        lambda: path.hardlink_to(secret),
        lambda: path.write_bytes(b""),
    )
    others[chance.integers(len(others))]()


def _changed(path: Path, chance: np.random.Generator) -> bytes:
    content = path.read_bytes()
    if chance.random() < 0.2:
        return raw_bytes.damaged(content, chance)
    with suppress(ValueError, OSError, KeyError, IndexError, zipfile.BadZipFile, zlib.error):  # it was changed before
        match path.suffix:
            case ".json":
                return json_values.changed_text(content, chance)
            case ".npz":
                return image_headers.npz_changed(content, chance)
            case ".png":
                return image_headers.png_changed(content, chance)
            case ".csv" | ".html":
                return text_lines.changed(content.decode(), chance, text_lines.CSV)
    return raw_bytes.damaged(content, chance)


def _forge(path: Path, folder: Path) -> None:
    """Make the checksums of a file right again: its own, and those in the manifests above it."""
    if path.suffix == ".json":
        _sign(path)
    for above in path.parents:
        manifest = above / MANIFEST
        if manifest.is_file() and manifest != path:
            with suppress(ValueError, KeyError, TypeError, RecursionError):  # the manifest was changed before
                values = json.loads(manifest.read_bytes())
                values["files"][path.relative_to(above).as_posix()] = sha256(path.read_bytes())
                _write(manifest, json.dumps(values).encode())
                _sign(manifest)
            path = manifest  # the next one may list this manifest
        if above == folder:
            return


def _sign(path: Path) -> None:
    _write(path, signed(path.read_bytes()))


def signed(content: bytes) -> bytes:
    """Return JSON with the right checksum; what is no object stays as it is."""
    with suppress(ValueError, AttributeError, RecursionError):
        values = json.loads(content)
        values.pop(CHECKSUM, None)
        text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        return with_checksum(text).encode("utf-8", "backslashreplace")
    return content
