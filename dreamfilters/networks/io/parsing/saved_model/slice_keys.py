"""The keys under which a checkpoint stores the parts of a variable that was split over devices.

Source: `EncodeTensorNameSlice` of TensorFlow 2.15 (`core/util/saved_tensor_slice_util.cc`) and `OrderedCode`
(`core/lib/strings/ordered_code.cc`): codes whose bytes sort as their values.
"""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}
_END = b"\x00\x01"


def slice_key(name: bytes, part: Sequence[tuple[int, int]]) -> bytes:
    r"""Return the key of a part of a variable; `part` is (start, length) for each axis, length -1 for the whole axis.

    >>> slice_key(b"w", [(0, 2)])
    b'\x00w\x00\x01\x01\x01\x80\x82'
    """
    coded = b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in name)
    numbers = b"".join(_signed(number) for pair in part for number in pair)
    return _unsigned(0) + coded + _END + _unsigned(len(part)) + numbers


def _unsigned(value: int) -> bytes:
    length = (value.bit_length() + 7) // 8
    return bytes([length]) + value.to_bytes(length, "big")


def _signed(value: int) -> bytes:
    """Return the code of an integer: as many leading ones as bytes, then its bits; all are inverted for a negative."""
    bits = (~value if value < 0 else value).bit_length()
    length = bits // 7 + 1
    header = ((1 << length) - 1) << (7 * length)
    code = (value & ((1 << (8 * length)) - 1)) ^ header
    return code.to_bytes(length, "big")
