"""Atomic writes of files, and a lock that gives a folder one writer at a time."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dreamfilters.errors import OutputError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


LOCK = ".dreamfilters.lock"


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits.

    >>> sha256(b"abc")[:8]
    'ba7816bf'
    """
    return hashlib.sha256(content).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; a file that has this content already is not touched.

    Raises:
        OutputError: the file cannot be written; the old file, if any, is unchanged.
    """
    part = path.with_name(f".{path.name}.part")  # under the lock of `claimed`, an existing one is of a killed run
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        try:
            write_through(part, content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def make_folder(path: Path) -> None:
    """Create a folder and its parents, if they do not exist.

    Raises:
        OutputError: the folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def write_through(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk; every file of a run is written by this function."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # otherwise a power failure could leave the name without the content


def write_error(path: Path, error: OSError) -> OutputError:
    """Return the error for a file or folder that cannot be written."""
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); free space, or choose another folder")


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Create a folder if needed and lock it; a new folder that stays empty is removed at the end.

    The operating system releases the lock when the process ends, even if it is killed, so no lock is stale.

    Raises:
        OutputError: the folder cannot be created, or another run has locked it.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
        yield
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        if lock is not None:
            with suppress(OSError):
                (folder / LOCK).unlink()
            lock.close()
        with suppress(OSError):  # from the first folder that is not empty
            for path in new:
                path.rmdir()


def _locked(folder: Path) -> IO[str]:
    path = folder / LOCK
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            _try_lock(file)
        except OSError:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise OutputError(
                f"{folder}: is in use by another run{f' (process {owner})' * bool(owner)}; "
                "wait until it ends, or choose another folder"
            ) from None
        if _is_same_file(file, path):
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            return file
        file.close()  # its owner has just ended and removed it


def _is_same_file(file: IO[str], path: Path) -> bool:
    """Return whether the open file is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
