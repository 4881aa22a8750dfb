"""Changes of bytes that know nothing of the format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Limits of integers and lengths, where parsers go wrong.
INTEGERS = (0, 1, 2, 3, 7, 8, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 30_000, 2**24, 2**30, 2**31 - 1, 2**31,
            2**32 - 2, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
_LONG = 2**16  # bytes that are inserted at most


def damaged(content: bytes, chance: np.random.Generator, others: Sequence[bytes] = ()) -> bytes:
    """Return the content after one to four changes; `others` are files to splice with."""
    for _ in range(chance.integers(1, 5)):
        content = _changed(content, chance, others)
    return content


def overwritten(content: bytes, at: int, chance: np.random.Generator) -> bytes:
    """Return the content with an integer of 1, 2, 4 or 8 bytes at a place, in either byte order."""
    width = int(chance.choice([1, 2, 4, 8]))
    value = INTEGERS[chance.integers(len(INTEGERS))] % 2 ** (8 * width)
    order = "little" if chance.random() < 0.5 else "big"
    return content[:at] + value.to_bytes(width, order) + content[at + width :]


def _changed(content: bytes, chance: np.random.Generator, others: Sequence[bytes]) -> bytes:
    if not content:
        return bytes(chance.integers(0, 256, 16, dtype=np.uint8))
    at, length = int(chance.integers(len(content))), int(chance.integers(1, 64))
    match chance.integers(9):
        case 0 | 1:
            array = np.frombuffer(content, np.uint8).copy()
            places = chance.integers(0, len(content), chance.integers(1, 30))
            array[places] ^= np.uint8(1) << chance.integers(0, 8, len(places), dtype=np.uint8)
            return array.tobytes()
        case 2:
            return content[:at] + bytes(int(chance.choice([0, 255])) for _ in range(length)) + content[at + length :]
        case 3:
            return content[:at] + content[at : at + length] + content[at:]
        case 4:
            return content[:at] + content[at + length :]
        case 5:
            return content[:at]
        case 6 if others:
            other = others[chance.integers(len(others))]
            return content[:at] + other[int(chance.integers(len(other) + 1)) :]
        case 7:
            count = int(chance.integers(1, _LONG))
            return content[:at] + bytes([chance.integers(256)]) * count + content[at:]
        case _:
            return overwritten(content, at, chance)
