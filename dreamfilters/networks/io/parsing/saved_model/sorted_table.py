"""Reading of LevelDB's table of sorted keys, the format of the index of a TensorFlow checkpoint.

Sources: https://github.com/google/leveldb/blob/main/doc/table_format.md, and `table_builder.cc` of TensorFlow 2.15
(`tsl/lib/io`). Every block has a checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.saved_model.crc32c import crc32c, masked
from dreamfilters.networks.io.parsing.saved_model.protocol_buffers import varint

Entry: TypeAlias = tuple[bytes, memoryview]

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER = 48  # bytes: the handles of two blocks, padded, and the magic number
_TRAILER = 5  # bytes after a block: its compression and its checksum


def read_table(data: bytes) -> dict[bytes, memoryview]:
    """Return the values of a table by their keys.

    Raises:
        ValueError: the table is damaged or compressed, or its keys are too many.
    """
    table = memoryview(data)
    if len(table) < _FOOTER or table[-8:] != _MAGIC:
        raise ValueError("it is not a table of keys")
    _filters, index = _handles(table[-_FOOTER:-8], 2)
    found: dict[bytes, memoryview] = {}
    size = end = 0
    for _, handle in _entries(_block(table, *index)):
        start, length = _handles(handle, 1)[0]
        if start < end:
            raise ValueError("its blocks overlap")
        end = start + length
        for key, value in _entries(_block(table, start, length)):
            size += len(key)
            if key in found:
                raise ValueError(f"it has the key {key.decode('utf-8', 'replace')!r} twice")
            if len(found) >= limits.MOST_OBJECTS or size > limits.LARGEST_NAMES:
                raise ValueError(f"it has more than {len(found):,} keys, or too long ones")
            found[key] = value
    return found


def _handles(data: memoryview, count: int) -> list[tuple[int, int]]:
    """Return the places of blocks: (start, length)."""
    at, handles = 0, []
    for _ in range(count):
        start, at = varint(data, at)
        length, at = varint(data, at)
        handles.append((start, length))
    return handles


def _block(table: memoryview, start: int, length: int) -> memoryview:
    end = start + length
    if end + _TRAILER > len(table):
        raise ValueError("a block is beyond its end")
    if table[end] != 0:
        raise ValueError("it is compressed, which TensorFlow does not do")
    if masked(crc32c(table[start : end + 1])) != int.from_bytes(table[end + 1 : end + _TRAILER], "little"):
        raise ValueError("the checksum of a block differs")
    return table[start:end]


def _entries(block: memoryview) -> Iterator[Entry]:
    """Yield the entries of a block; a key is the start of the previous key, and more bytes."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is too short")
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        added, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + added + size > end:
            raise ValueError("a key is longer than its block")
        key = key[:shared] + bytes(block[at : at + added])
        at += added
        yield key, block[at : at + size]
        at += size
