"""Named arrays as .npz files; equal arrays give equal bytes, because NumPy dates the members of an archive 1980."""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.stored_files import read_file

_FREE = 2**30  # bytes that the arrays of any file may take
_RATIO = 64  # what they may take more, as a multiple of the file; a scan takes up to 20 times its file
_REASON = 200  # characters of an error
_START = 10  # bytes before an array's header, the last two of which are its length
# Of an array as NumPy writes it (numpy.lib.format, version 1.0): numbers, or text such as the name of a prior.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00\{'descr': '([<>|][biufU][1-9][0-9]{0,3})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:[0-9]{1,15}, ?)*(?:[0-9]{1,15})?)\), \} *\n"
)
# What zipfile and NumPy raise for damaged files.
_DAMAGES = (
    ValueError, TypeError, KeyError, EOFError, OSError, RuntimeError, OverflowError, MemoryError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


def npz_bytes(arrays: Mapping[str, NDArray[Any]], save: Callable[..., None] = np.savez_compressed) -> bytes:
    """Return the file of these arrays; `save` is `np.savez_compressed` or `np.savez`."""
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def read_npz(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file below a folder.

    Raises:
        DamagedError: there is no such file, or `arrays_of` refuses its content.
    """
    try:
        return arrays_of(read_file(folder, name))
    except ValueError as error:
        raise DamagedError(f"{folder / name}: is damaged ({error})") from error


def arrays_of(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file; what they claim to take is compared with the file before any is read.

    Raises:
        ValueError: the file is damaged, claims more than `_FREE` bytes and `_RATIO` times its size, or holds values
            that are not numbers or text.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [member.filename.removesuffix(".npy") for member in members]
            claimed = sum(member.file_size for member in members)
            if claimed > max(_FREE, _RATIO * len(content)):
                raise ValueError(f"its arrays claim {claimed} bytes, the file has {len(content)}")
            if len(set(names)) != len(names):
                raise ValueError("two arrays have one name")
            return {name: _array(archive, member) for name, member in zip(names, members, strict=True)}
    except _DAMAGES as error:
        raise ValueError(str(error)[:_REASON] or type(error).__name__) from error  # it may name a member


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return one array, whose header has to claim exactly the bytes that follow it.

    NumPy's reader is not used: it evaluates the header as Python and allocates what it claims.
    """
    with archive.open(member) as file:
        start = file.read(_START)
        header = file.read(int.from_bytes(start[-2:], "little"))
        found = _HEADER.fullmatch(start[:-2] + header)
        if found is None:
            raise ValueError(f"{member.filename} does not begin as an array of numbers")
        kind, order, sides = (part.decode() for part in found.groups())
        dtype, shape = np.dtype(kind), tuple(int(side) for side in sides.replace(",", " ").split())
        if math.prod(shape) * dtype.itemsize != member.file_size - _START - len(header):
            raise ValueError(f"{member.filename} does not hold the numbers that its header claims")
        content = file.read()  # the checksum of the archive is compared at its end
    values = np.frombuffer(bytearray(content), dtype)  # of a bytearray, because that of bytes is read-only
    return values.reshape(shape[::-1]).T if order == "True" else values.reshape(shape)
