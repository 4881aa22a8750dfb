"""Single files at a path that the user gave: written whole or not at all, through no link."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dreamfilters.errors import OutputError
from dreamfilters.writing.open_folder import OpenFolder, opened, unusual, write_error

_PRIVATE = ".dreamfilters-"  # begins the name of a temporary folder


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield the path of a file to make, and move it to `path` at the end; an error leaves an old file as it is.

    The yielded path has the name of `path` and lies beside it, in a folder that only this user can enter. So a library
    that opens it by its name writes to no file of others.

    Raises:
        OutputError: `path` is a link, has a second name or is no file, or it cannot be written.
    """
    private = None
    try:
        check_file(path)
        private = Path(tempfile.mkdtemp(prefix=_PRIVATE, dir=path.parent))
        yield private / path.name
        _flush(private / path.name)
        check_file(path)
        (private / path.name).replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        if private is not None:
            shutil.rmtree(private, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: as for `new_file`.
    """
    with new_file(path) as part:
        part.write_bytes(content)


def check_file(path: Path) -> None:
    """Raise OutputError if a path is a link, has a second name or is no file, and so must not be written.

    The folders before it are the user's choice and may be links.
    """
    OpenFolder(path.parent).check(path.name)


@contextmanager
def part_file(path: Path, *, append: bool) -> Iterator[BinaryIO]:
    """Open a partial file that a later run continues: to append to it, or a new one in its place.

    Raises:
        OutputError: it is a link, has a second name or is no file.
    """
    with opened(path.parent) as folder:
        if append:
            folder.check(path.name)
            descriptor = folder.open(path.name, os.O_WRONLY | os.O_APPEND)
        else:
            folder.remove(path.name)
            descriptor = folder.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
            status = os.fstat(descriptor)
            if unusual(status) or not stat.S_ISREG(status.st_mode):
                raise OutputError(f"{path}: is no plain file; remove it")
            yield file


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())  # otherwise a power failure could leave the name without the content
