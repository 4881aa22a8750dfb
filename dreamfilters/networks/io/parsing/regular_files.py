"""Opening of files that can neither block nor be endless."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO

from dreamfilters.errors import ModelError


def open_regular(path: Path) -> BinaryIO:
    """Return an opened file.

    Raises:
        ModelError: it is a device or a pipe.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ModelError("is a device or a pipe, not a file")
    return path.open("rb")


def read_whole(path: Path, most: int) -> bytes:
    """Return the content of a file in a folder.

    Raises:
        ModelError: it is a device or a pipe, or has more than `most` bytes.
        OSError: it cannot be read.
    """
    if not path.is_file():
        raise ModelError(f"its {path.name} is a device or a pipe, not a file")
    with path.open("rb") as file:
        data = file.read(min(path.stat().st_size, most) + 1)  # Python sets this many bytes aside
    if len(data) > most:
        raise ModelError(f"its {path.name} has more than {most:,} bytes, too many for a description of layers")
    return data
