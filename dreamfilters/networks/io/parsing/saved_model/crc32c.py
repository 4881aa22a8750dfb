"""The checksum of TensorFlow's checkpoints: CRC-32C, computed by NumPy on many lanes of the data at once.

A lane is a short stretch of the data. The states of all lanes are advanced together, two bytes a step; then adjacent
lanes are joined in pairs: the state of the left one is advanced by the zeros that the right one takes.

Sources: RFC 3720, appendix B.4; Castagnoli, Braeuer, Herrmann, "Optimization of cyclic redundancy-check codes with 24
and 32 parity bits", 1993.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np

Table: TypeAlias = np.ndarray  # uint32, the state after each value of 8 or 16 bits

_POLYNOMIAL = 0x82F63B78  # reversed
_START = 0xFFFFFFFF
_LANE = 128  # bytes; a power of two
_PIECE = 2**19  # bytes at once; their states fit into the cache of a core


def crc32c(data: bytes | memoryview, crc: int = 0) -> int:
    """Return the CRC-32C of data; `crc` is that of the data before it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    >>> crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
    True
    """
    view = memoryview(data).cast("B")
    state = crc ^ _START
    for start in range(0, len(view), _PIECE):
        state = _advanced(state, view[start : start + _PIECE])
    return state ^ _START


def masked(crc: int) -> int:
    """Return a checksum as LevelDB and TensorFlow store it, so that a checksum of checksums is not trivial."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _advanced(state: int, data: memoryview) -> int:
    lanes = 1
    while lanes * _LANE < len(data) + 4:
        lanes *= 2
    # Zeros in front of the data do not change a state of 0. The real state is that of the four bytes before the data.
    padded = np.zeros(lanes * _LANE, np.uint8)
    padded[len(padded) - len(data) :] = np.frombuffer(data, np.uint8)
    start = len(padded) - len(data)
    if len(data) >= 4:
        padded[start : start + 4] ^= np.frombuffer(state.to_bytes(4, "little"), np.uint8)
    else:
        for byte in data:
            state = state >> 8 ^ int(_bytes()[(state ^ byte) & 255])
        return state
    table = _words()
    states = np.zeros(lanes, np.uint32)
    for word in np.ascontiguousarray(padded.view("<u2").reshape(lanes, -1).T):
        states = table.take(states.astype(np.uint16) ^ word) ^ states >> 16
    length = _LANE
    while len(states) > 1:
        states = _after_zeros(states[0::2], length) ^ states[1::2]
        length *= 2
    return int(states[0])


@cache
def _bytes() -> Table:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _words() -> Table:
    """Return the state after two bytes, for each value of both."""
    value = np.arange(2**16, dtype=np.uint32)
    for _ in range(2):
        value = _bytes()[value & 255] ^ value >> 8
    return value


def _after_zeros(states: np.ndarray, length: int) -> np.ndarray:
    """Return the states after this many bytes of zeros."""
    low, high = _zeros(length)
    joined: np.ndarray = low[states & 0xFFFF] ^ high[states >> 16]
    return joined


@cache
def _zeros(length: int) -> tuple[Table, Table]:
    """Return the states after this many bytes of zeros, for each lower and upper half; length is a power of two."""
    halves = (np.arange(2**16, dtype=np.uint32), np.arange(2**16, dtype=np.uint32) << 16)
    if length == 2:
        return _words()[halves[0]], halves[1] >> 16 ^ _words()[halves[1] & 0xFFFF]
    low, high = (_after_zeros(_after_zeros(half, length // 2), length // 2) for half in halves)
    return low, high
