"""The arrays of a TensorFlow checkpoint: an index of their keys, types and places, and the files with their bytes.

Sources: `tensor_bundle.proto` and `tensor_bundle.cc` of TensorFlow 2.15. The bytes are stored as they are; every array
has a checksum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.regular_files import read_whole
from dreamfilters.networks.io.parsing.saved_model.crc32c import crc32c, masked
from dreamfilters.networks.io.parsing.saved_model.protocol_buffers import fields, integer, messages, varint
from dreamfilters.networks.io.parsing.saved_model.slice_keys import slice_key
from dreamfilters.networks.io.parsing.saved_model.sorted_table import read_table
from dreamfilters.networks.io.parsing.stored_arrays import SIZES, ArrayInfo, StoredArray

_STRING = 7
_TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", _STRING: "string", 9: "int64",
    10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # of `types.proto`  # fmt: skip

Part = tuple[tuple[int, int], ...]  # (start, length) for each axis, length -1 for the whole axis


@dataclass(frozen=True)
class _Entry:
    """One key of the index: the type and shape of its array, and either the place of its bytes or its parts."""

    info: ArrayInfo
    shard: int
    start: int
    size: int
    crc: int
    parts: tuple[Part, ...]


class Checkpoint:
    """A checkpoint, by the prefix of its files, such as `path/to/variables`.

    Raises:
        ModelError: its index is damaged, or claims more than its files hold.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        try:
            table = read_table(read_whole(prefix.with_name(f"{prefix.name}.index"), limits.LARGEST_INDEX))
            self._shards = self._files(table.pop(b"", memoryview(b"")))
            self._entries = {key: _entry(value) for key, value in table.items()}
        except ValueError as error:
            raise ModelError(f"cannot be opened: the index of its checkpoint is damaged: {error}") from None
        self._check_places()

    def arrays(self) -> dict[str, StoredArray]:
        """Return the arrays by their keys."""
        return {
            key.decode("utf-8", "replace"): StoredArray(entry.info, partial(self._pieces, key))
            for key, entry in self._entries.items()
            if not key.startswith(b"\0")  # a part of another array
        }

    def text(self, key: bytes) -> memoryview:
        """Return the one text that is stored under a key.

        Raises:
            ModelError: there is none.
        """
        entry = self._entries.get(key)
        if entry is None or entry.info != ArrayInfo("string", ()) or entry.size > limits.LARGEST_GRAPH:
            raise ModelError(f"its checkpoint has no text {key.decode()}")
        data = memoryview(b"".join(self._unchecked(entry)))
        try:
            length, at = varint(data, 0)
        except ValueError as error:
            raise ModelError(f"its checkpoint is damaged: {error}") from None
        # The length and its own checksum are part of what the checksum covers.
        if length != len(data) - at - 4 or entry.crc != masked(crc32c(data[at:], crc32c(length.to_bytes(4, "little")))):
            raise ModelError("its checkpoint is damaged: the checksum of a text differs")
        return data[at + 4 :]

    def _files(self, header: memoryview) -> list[Path]:
        """Return the files with the bytes."""
        found = dict(fields(header))
        count = integer(found.get(1))
        if not 0 < count <= limits.MOST_SHARDS:
            raise ValueError(f"it names {count} files")
        if integer(found.get(2)):
            raise ValueError("its numbers have the highest byte first")
        return [self._prefix.with_name(f"{self._prefix.name}.data-{n:05}-of-{count:05}") for n in range(count)]

    def _check_places(self) -> None:
        """Check that the bytes of every array are in a file, and none are in two arrays."""
        sizes = [path.stat().st_size if path.is_file() else 0 for path in self._shards]
        ends = [0] * len(sizes)
        for key, entry in sorted(self._entries.items(), key=lambda pair: (pair[1].shard, pair[1].start)):
            if entry.parts or not entry.size:
                continue
            name = key.decode("utf-8", "replace")
            if entry.shard >= len(sizes) or entry.start + entry.size > sizes[entry.shard]:
                raise ModelError(f"its checkpoint claims that {name} is larger than the file: {entry.info.shape}")
            if entry.start < ends[entry.shard]:
                raise ModelError(f"its checkpoint stores {name} in the bytes of another array")
            ends[entry.shard] = entry.start + entry.size
        whole = sum(entry.info.nbytes for entry in self._entries.values() if entry.parts)
        if whole > sum(sizes):
            raise ModelError(f"its checkpoint claims that it holds {whole:,} bytes, more than its files")

    def _pieces(self, key: bytes) -> Iterator[bytes]:
        entry = self._entries[key]
        return iter([self._joined(key, entry)]) if entry.parts else self._bytes(entry)

    def _bytes(self, entry: _Entry) -> Iterator[bytes]:
        """Yield the bytes of an array; the checksum is compared at their end."""
        crc = 0
        for piece in self._unchecked(entry):
            crc = crc32c(piece, crc)
            yield piece
        if masked(crc) != entry.crc:
            raise ModelError("its checkpoint is damaged: the checksum of an array differs")

    def _unchecked(self, entry: _Entry) -> Iterator[bytes]:
        with self._shards[entry.shard].open("rb") as file:
            file.seek(entry.start)
            for start in range(0, entry.size, limits.PIECE):
                yield file.read(min(entry.size - start, limits.PIECE))

    def _joined(self, key: bytes, entry: _Entry) -> bytes:
        """Return the bytes of an array that is stored in parts."""
        whole = np.zeros((*entry.info.shape, SIZES[entry.info.dtype]), np.uint8)
        for part in entry.parts:
            stored = self._entries.get(slice_key(key, part))
            place = whole[tuple(slice(start, None if size < 0 else start + size) for start, size in part)]
            if stored is None or stored.size != place.size or stored.parts:
                raise ModelError(f"its checkpoint lacks a part of {key.decode('utf-8', 'replace')}")
            place[...] = np.frombuffer(b"".join(self._bytes(stored)), np.uint8).reshape(place.shape)
        return whole.tobytes()


def _entry(data: memoryview) -> _Entry:
    found = dict(fields(data))
    kind, shard, start, size, crc = (integer(found.get(number)) for number in (1, 3, 4, 5, 6))
    info = ArrayInfo(_TYPES.get(kind, f"number {kind} of TensorFlow"), _shape(found.get(2, memoryview(b""))))
    entry = _Entry(info, shard, start, size, crc, tuple(_part(value) for value in messages(data, 7)))
    if info.dtype in SIZES and not entry.parts and size != info.nbytes:
        raise ValueError(f"an array of the shape {info.shape} has {size:,} bytes")
    if entry.parts and info.dtype not in SIZES:
        raise ValueError(f"it stores an array of {info.dtype} in parts")
    return entry


def _shape(data: memoryview | int) -> tuple[int, ...]:
    if isinstance(data, int):
        raise ValueError("a shape is a number")
    sides = tuple(integer(dict(fields(side)).get(1)) for side in messages(data, 2))
    if len(sides) > limits.MOST_AXES or math.prod(sides) >= 2**63:
        raise ValueError(f"an array has the shape {sides[: limits.MOST_AXES]}")
    return sides


def _part(data: memoryview) -> Part:
    found = [dict(fields(extent)) for extent in messages(data, 1)]
    return tuple((integer(one.get(1)), integer(one[2]) if 2 in one else -1) for one in found)
