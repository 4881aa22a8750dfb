"""Messages between the process that parses a file and the one that opens it: a kind, a length and bytes."""

from __future__ import annotations

import math
import socket
import struct
import time
from typing import Any

OPEN, ARRAY = b"o", b"a"  # requests: a path, the number of an array
DESCRIPTION, PIECE, END, ERROR, MEMORY = b"d", b"p", b".", b"e", b"m"  # replies

_HEADER = struct.Struct("<cQ")
_SHORTEST = 0.001  # seconds; a timeout of 0 is none


def send(stream: socket.socket, kind: bytes, content: Any = b"") -> None:
    """Send a message; `content` is a buffer of bytes."""
    stream.sendall(_HEADER.pack(kind, len(content)))
    stream.sendall(content)


def receive(stream: socket.socket, most: int, deadline: float = math.inf) -> tuple[bytes, bytearray]:
    """Return the kind and the content of the next message, which has at most `most` bytes.

    Raises:
        EOFError: the other process ended.
        ValueError: the message is longer.
        TimeoutError: it did not arrive until `deadline`, a time of `time.monotonic`.
    """
    kind, length = _HEADER.unpack(_exactly(stream, _HEADER.size, deadline))
    if length > most:
        raise ValueError(f"a message of {length:,} bytes")
    return kind, _exactly(stream, length, deadline)


def _exactly(stream: socket.socket, length: int, deadline: float) -> bytearray:
    content = bytearray(length)
    view = memoryview(content)
    while view:
        if deadline < math.inf:
            stream.settimeout(max(deadline - time.monotonic(), _SHORTEST))
        count = stream.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return content
