"""The members of a .keras archive: all are checked, and only the three that Keras needs are read.

Keras stores the weights without compression, and they are read where they are.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.claimed_bytes import allowance, with_unit
from dreamfilters.networks.io.parsing.foreign_files import CONFIG, METADATA, WEIGHTS, describe_archive

_TEXTS = {CONFIG: limits.LARGEST_CONFIG, METADATA: limits.LARGEST_METADATA}
_HEADER = 30  # bytes of the header before a member, which ends with the lengths of its name and its extra field


def check_archive(archive: zipfile.ZipFile) -> None:
    """Check the members of an archive.

    Raises:
        ModelError: a path leaves the archive or appears twice, or a member is a link, encrypted, too large, or far
            larger than its stored bytes.
    """
    names = Counter(archive.namelist())
    if len(names) > limits.MOST_MEMBERS:
        raise ModelError(f"has {len(names):,} members, where Keras writes three")
    for member in archive.infolist():
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ModelError(f"its member {name!r} has a path outside the archive")
        if names[name] > 1:
            raise ModelError(f"has two members {name!r}")
        if member.external_attr >> 28 == 0o12:  # S_IFLNK of the file's mode on Unix
            raise ModelError(f"its member {name!r} is a link")
        if member.flag_bits & 1:
            raise ModelError(f"its member {name!r} is encrypted")
        if member.file_size > max(_TEXTS.get(name, 0), allowance(member.compress_size)):
            size = with_unit(member.file_size)
            raise ModelError(f"its member {name!r} claims to be larger than the file: {size}")
    description = describe_archive(names)
    if description:
        raise ModelError(description)


def read_text(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of `CONFIG` or `METADATA`.

    Raises:
        ModelError: it is too large.
    """
    size = archive.getinfo(name).file_size
    if size > _TEXTS[name]:
        what = "configuration" if name == CONFIG else "metadata"
        raise ModelError(f"its {what} is too large for a model: {with_unit(size)} of text")
    return archive.read(name)


@contextmanager
def open_weights(archive: zipfile.ZipFile, file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the weights of an archive in `file`, whose checksum is compared first.

    Compressed weights are written to a temporary file without a name.

    Raises:
        zipfile.BadZipFile: the checksum differs.
    """
    member = archive.getinfo(WEIGHTS)
    with archive.open(member) as stream:  # it compares the checksum at its end
        if member.compress_type == zipfile.ZIP_STORED:
            while stream.read(limits.PIECE):
                pass
            with io.BufferedReader(_Section(file, _start(member, file), member.file_size)) as section:
                yield section
            return
        with tempfile.TemporaryFile() as unpacked:
            while piece := stream.read(limits.PIECE):
                unpacked.write(piece)
            yield unpacked


def _start(member: zipfile.ZipInfo, file: BinaryIO) -> int:
    """Return the place of the first byte of a member."""
    file.seek(member.header_offset)
    header = file.read(_HEADER)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return member.header_offset + _HEADER + name + extra


class _Section(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(self._size - self._at, 0)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view)  # type: ignore[attr-defined]
        self._at += count
        return int(count)
