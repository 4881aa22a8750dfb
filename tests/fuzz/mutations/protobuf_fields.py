"""Changes of protocol buffers and of TensorFlow's checkpoint index, field by field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.fuzz.mutations import raw_bytes

Field = tuple[int, int, "int | bytes"]  # number, wire type, value


def changed(content: bytes, chance: np.random.Generator, text: Callable[[bytes, np.random.Generator], bytes]) -> bytes:
    """Return a message with one field changed; `text` changes a field that holds JSON."""
    fields = parsed(content)
    if not fields:
        return raw_bytes.damaged(content, chance)
    at = int(chance.integers(len(fields)))
    number, wire, value = fields[at]
    match chance.integers(7):
        case 0:
            del fields[at]
        case 1:
            fields.insert(at, fields[at])
        case 2:
            fields[at] = (int(chance.choice([1, 2, 3, 5, 7, 15, 16, 2**20, 2**28])), wire, value)
        case 3 if isinstance(value, bytes):
            fields[at] = (number, 0, raw_bytes.INTEGERS[chance.integers(len(raw_bytes.INTEGERS))])
        case _ if isinstance(value, int):
            fields[at] = (number, wire, raw_bytes.INTEGERS[chance.integers(len(raw_bytes.INTEGERS))])
        case _ if value[:1] in (b"{", b"["):
            fields[at] = (number, wire, text(value, chance))
        case _:
            inner = changed(value, chance, text) if parsed(value) else raw_bytes.damaged(value, chance)
            fields[at] = (number, wire, inner)
    result = b"".join(map(_written, fields))
    return raw_bytes.damaged(result, chance) if chance.random() < 0.1 else result


def parsed(content: bytes) -> list[Field]:
    """Return the fields of a message; [] for what is none."""
    fields: list[Field] = []
    at = 0
    try:
        while at < len(content):
            key, at = _varint_at(content, at)
            value: int | bytes
            match key & 7:
                case 0:
                    value, at = _varint_at(content, at)
                case 2:
                    length, at = _varint_at(content, at)
                    value = content[at : at + length]
                    if len(value) < length:
                        return []
                    at += length
                case 1 | 5:
                    size = 8 if key & 7 == 1 else 4
                    value = int.from_bytes(content[at : at + size], "little")
                    at += size
                case _:
                    return []
            fields.append((key >> 3, key & 7, value))
    except IndexError:
        return []
    return fields


def _varint_at(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 128:
            return value, at


def _written(field: Field) -> bytes:
    number, wire, value = field
    key = varint(number << 3 | wire)
    if isinstance(value, bytes):
        return key + varint(len(value)) + value
    if wire in (1, 5):
        size = 8 if wire == 1 else 4
        return key + (value % 2 ** (8 * size)).to_bytes(size, "little")
    return key + varint(value)


def varint(value: int) -> bytes:
    """Return a number in the variable length of protocol buffers."""
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


_FOOTER, _TRAILER = 48, 5  # bytes at the end of a table, and behind each of its blocks: type and checksum


def index_changed(content: bytes, chance: np.random.Generator) -> bytes:
    """Return a checkpoint's index (a table of LevelDB) with a changed block whose checksum is right again."""
    handles, at = [], len(content) - _FOOTER
    for _ in range(2):  # the blocks of the table's properties and of its index
        start, at = _varint_at(content, at)
        size, at = _varint_at(content, at)
        handles.append((start, size))
    first = min(handles)[0]
    blocks = [(0, first - _TRAILER), *handles]
    start, size = blocks[chance.choice([0, 0, 0, 1, 2])]
    block = content[start : start + size]
    for _ in range(chance.integers(1, 4)):
        where = int(chance.integers(len(block)))
        fresh = raw_bytes.overwritten(block, where, chance)[: len(block)]
        block = fresh if chance.random() < 0.5 else bytes([*block[:where], chance.integers(256), *block[where + 1 :]])
    kind = content[start + size : start + size + 1]
    if chance.random() < 0.1:
        kind = bytes([chance.integers(0, 4)])
    checksum = _masked(_crc32c(block + kind)).to_bytes(4, "little")
    return content[:start] + block + kind + checksum + content[start + size + _TRAILER :]


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = [_table_entry(value) for value in range(256)]
