"""The part of the protocol buffer wire format that SavedModel folders and checkpoints need.

Source: https://protobuf.dev/programming-guides/encoding. Parts of a message are views, which copy nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

Message: TypeAlias = memoryview
Value: TypeAlias = int | memoryview

_FIXED = {1: 8, 5: 4}  # bytes of the kinds of fixed size


def fields(data: Message) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a message: its number, and an integer or bytes.

    Raises:
        ValueError: the message is damaged.

    >>> message = dict(fields(memoryview(bytes([8, 5, 18, 1, 65]))))
    >>> message[1], bytes(message[2])
    (5, b'A')
    """
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == 2:
            length, at = varint(data, at)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError(f"field of the unknown kind {kind}")
        if at + length > len(data):
            raise ValueError("a message ends too early")
        part = data[at : at + length]
        yield number, part if kind == 2 else int.from_bytes(part, "little")
        at += length


def varint(data: Message, at: int) -> tuple[int, int]:
    """Return the integer of variable length at a place, and the place after it.

    Raises:
        ValueError: the data ends too early, or the integer has more than 64 bits.

    >>> varint(memoryview(bytes([172, 2])), 0)
    (300, 2)
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number ends too early")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            if value >= 2**64:
                break
            return value, at
    raise ValueError("a number is too long")


def messages(data: Message, number: int) -> Iterator[Message]:
    """Yield the values of a field that holds messages, text or bytes."""
    return (value for found, value in fields(data) if found == number and isinstance(value, memoryview))


def text(value: Value | None) -> str:
    """Return the text of a field, '' if it is absent or a number."""
    return str(value, "utf-8", "replace") if isinstance(value, memoryview) else ""


def integer(value: Value | None) -> int:
    """Return the integer of a field, 0 if it is absent or no integer, as the format defines."""
    return value if isinstance(value, int) else 0
