"""Reading of a run folder's files, which can be from anywhere: regular files inside the folder, of limited size."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dreamfilters.errors import DamagedError

MOST_BYTES = 2**31  # of one file of a run: 2 GiB
_CHUNK = 2**20
# No link at the end of the path, and no wait for the writer of a pipe. Windows has neither of them.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def is_below(name: str) -> bool:
    """Return whether a relative path stays inside its folder.

    >>> is_below("dreams/one.png"), is_below("../one.png"), is_below("/one.png")
    (True, False, False)
    """
    path = Path(name)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in name


def read_file(folder: Path, name: str, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file below a folder; its size is checked before it is read.

    Raises:
        DamagedError: there is no such file, it is larger than `most` bytes, no regular file, or behind a link.
    """
    with _opened(folder, name, most) as file:
        return file.read(os.fstat(file.fileno()).st_size)  # it allocates this size


def file_digest(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file below a folder, in hexadecimal digits; it is read piece by piece.

    Raises:
        DamagedError: as for `read_file`.
    """
    digest, rest = hashlib.sha256(), MOST_BYTES
    with _opened(folder, name, rest) as file:
        while rest > 0 and (chunk := file.read(min(_CHUNK, rest))):
            digest.update(chunk)
            rest -= len(chunk)
    return digest.hexdigest()


@contextmanager
def _opened(folder: Path, name: str, most: int) -> Iterator[BinaryIO]:
    """Open a regular file of at most `most` bytes."""
    path = folder / name
    if not is_below(name):
        raise DamagedError(f"{folder}: names a file outside the folder: {name}")
    try:
        _check_folders(folder, Path(name))
        _check_regular(path, path.lstat(), most)  # before it is opened: opening a device can have effects
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            _check_regular(path, os.fstat(file.fileno()), most)  # it may have been replaced
            yield file
    except (OSError, ValueError) as error:  # ValueError: half a surrogate pair in the name
        raise DamagedError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _check_folders(folder: Path, name: Path) -> None:
    for parent in list(name.parents)[:-1]:  # without "."
        if (folder / parent).is_symlink():
            raise DamagedError(f"{folder / parent}: is a link; a run folder has none")


def _check_regular(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        raise DamagedError(f"{path}: is {kind}; a run folder has regular files only")
    if status.st_size > most:
        raise DamagedError(f"{path}: has {status.st_size} bytes; at most {most}")
