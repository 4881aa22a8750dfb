"""The state of an unfinished run as arrays in a file, from which the same run resumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.array_files import arrays_of, npz_bytes
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.runs.storage.stored_files import read_file


def write_state(run: RunFolder, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of an unfinished run, with a checksum and its settings."""
    settings = np.frombuffer(run.digest.encode(), np.uint8)
    content = npz_bytes(dict(sorted({**arrays, "settings": settings}.items())), np.savez)
    run.write(name, content + _checksum(content))


def read_state(run: RunFolder, name: str) -> dict[str, NDArray[Any]] | None:
    """Return the arrays that an earlier run with equal settings wrote; None if there are none, or they are damaged."""
    try:
        content = read_file(run.path, name)
        content, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
        if checksum != _checksum(content):
            return None
        arrays = arrays_of(content)
        settings = arrays.pop("settings")
        return arrays if settings.tobytes() == run.digest.encode() else None
    except (DamagedError, ValueError, KeyError):
        return None


def _checksum(content: bytes) -> bytes:
    """Return what follows the archive."""
    return f"\n{sha256(content)}\n".encode()


_CHECKSUM = len(_checksum(b""))
