"""The state of an unfinished run over images as arrays in a file, from which the same run resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.array_files import arrays_of, npz_bytes
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import parsed
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.serialization import typed

UNFINISHED = "unfinished.npz"


@dataclass(frozen=True, eq=False)
class UnfinishedState:
    """What an unfinished run stores.

    Attributes:
        done: number of images processed.
        failures: number of an image -> the reason why it cannot be read.
        arrays: what has been added up so far.
    """

    done: int
    failures: Mapping[int, str]
    arrays: Mapping[str, NDArray[Any]]


def write_state(run: RunFolder, state: UnfinishedState) -> None:
    """Write the state of an unfinished run, with a checksum and its settings."""
    values = {
        "done": np.array(state.done),
        "failures": _bytes(json.dumps(sorted(state.failures.items())).encode()),
        "settings": _bytes(run.digest.encode()),
    }
    content = npz_bytes(dict(sorted({**state.arrays, **values}.items())), np.savez)
    run.write(UNFINISHED, content + _checksum(content))


def read_state(run: RunFolder) -> UnfinishedState | None:
    """Return the state that an earlier run with equal settings wrote; None if there is none, or it is damaged."""
    try:
        content = read_file(run.path, UNFINISHED)
        content, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
        if checksum != _checksum(content):
            return None
        arrays = arrays_of(content)
        done, failures, settings = (arrays.pop(key) for key in ("done", "failures", "settings"))
        if settings.tobytes() != run.digest.encode() or done.shape != ():
            return None
        known = typed(tuple[tuple[int, str], ...], parsed(failures.tobytes()), "failures")
        return UnfinishedState(int(done), dict(known), arrays)
    except (DamagedError, ValueError, KeyError):
        return None


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _checksum(content: bytes) -> bytes:
    """Return what follows the archive."""
    return f"\n{sha256(content)}\n".encode()


_CHECKSUM = len(_checksum(b""))
