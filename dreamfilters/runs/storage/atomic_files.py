"""Whole files or none, by one writer at a time."""

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
    """Return the checksum that records hold, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` where `path` is, all of it or nothing; what is there already stays untouched if it is the same.

    Raises:
        OutputError: it cannot be written; then nothing of it is left behind.
    """
    part = path.with_name(f".{path.name}.part")  # the lock keeps others out, so a killed run's is just overwritten
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        try:
            write_through(part, content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def write_through(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk; every file of a run is written by this function."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # otherwise a power failure could leave the name without the content


def refused(path: Path, error: OSError) -> OutputError:
    """Return the one line for a folder or file that the system does not let us write."""
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); free space, or choose another folder")


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make the folder and keep every other writer out of it; a folder that stays empty is removed again.

    The operating system holds the lock and lets go of it when a process dies, however it dies, so none can be stale.

    Raises:
        OutputError: the folder cannot be made, or another run is writing into it.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
        yield
    except OSError as error:
        raise refused(folder, error) from error
    finally:
        if lock is not None:
            with suppress(OSError):
                (folder / LOCK).unlink()
            lock.close()
        with suppress(OSError):  # raised by the first folder that is not empty
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
                f"{folder}: another run{f' (process {owner})' * bool(owner)} is writing into it; wait for it, "
                "or choose another folder"
            ) from None
        if _is_at(file, path):
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            return file
        file.close()  # its owner has just finished and removed it


def _is_at(file: IO[str], path: Path) -> bool:
    """Say whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
