"""The parsing of one file by another process, within limits of time and memory; every reply is checked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.claimed_bytes import allowance, with_unit
from dreamfilters.networks.io.parsing.contents import open_contents
from dreamfilters.networks.io.parsing.description import Description
from dreamfilters.networks.io.parsing.process import frames
from dreamfilters.networks.io.parsing.process.parser_server import Parser, started_parser
from dreamfilters.networks.io.parsing.process.process_limits import (
    memory,
    processor_seconds,
    stored_bytes,
    wall_seconds,
)
from dreamfilters.networks.io.parsing.stored_arrays import SIZES, Piece

_BLAME = "the file is damaged or made to do this"


@dataclass(frozen=True)
class ParsedFile:
    """A model file whose arrays can still be read.

    Attributes:
        description: its content without numbers.
        pieces: function that yields the bytes of an array, by its number.
    """

    description: Description
    pieces: Callable[[int], Iterator[Piece]]

    def read(self, number: int) -> np.ndarray:
        """Return an array by its number; bfloat16 becomes float32.

        Raises:
            ModelError: it holds no numbers, or cannot be read.
        """
        info = self.description.arrays[number]
        if info.dtype not in SIZES:
            raise ModelError(f"a weight has the type {info.dtype}, not a numeric one")
        data, at = np.empty(info.nbytes, np.uint8), 0
        for piece in self.pieces(number):
            if at + len(piece) > len(data):
                raise ModelError("reading it gave more numbers than the file has")
            data[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        if at < len(data):
            raise ModelError("reading it gave fewer numbers than the file has")
        if info.dtype == "bfloat16":
            return (data.view("<u2").reshape(info.shape).astype(np.uint32) << 16).view(np.float32)
        return data.view(np.dtype(info.dtype).newbyteorder("<")).reshape(info.shape)


@contextmanager
def parsed_here(path: Path) -> Iterator[ParsedFile]:
    """Yield a file that this process parses: one that comes with the package.

    Raises:
        ModelError: it is damaged.
    """
    with open_contents(path) as contents:
        yield ParsedFile(contents.description, lambda number: contents.arrays[number].pieces())


@contextmanager
def parsed_apart(path: Path) -> Iterator[ParsedFile]:
    """Yield a file that another process parses, which ends with the block.

    Raises:
        ModelError: it is no model file, or it takes too much time or memory.
        OSError: there is no such file.
    """
    size = stored_bytes(path)
    with started_parser() as parser:
        requests = _Requests(parser, size)
        yield ParsedFile(requests.description(path), requests.pieces)


class _Requests:
    """The requests to a process that parses a file of this many bytes."""

    def __init__(self, parser: Parser, size: int) -> None:
        self._parser, self._size = parser, size
        self._left = float(wall_seconds(size))

    def description(self, path: Path) -> Description:
        """Return the description of the file."""
        self._request(frames.OPEN, os.fsencode(path.absolute()))
        kind, text = self._reply(limits.LARGEST_DESCRIPTION)
        if kind != frames.DESCRIPTION:
            raise ModelError(f"reading it gave a reply of the kind {kind!r}")
        return Description.parse(bytes(text), most=allowance(self._size))

    def pieces(self, number: int) -> Iterator[bytearray]:
        """Yield the bytes of an array."""
        self._request(frames.ARRAY, number.to_bytes(8, "little"))
        while True:
            kind, piece = self._reply(2 * limits.PIECE)
            if kind == frames.END:
                return
            if kind != frames.PIECE or not piece:
                raise ModelError(f"reading it gave a reply of the kind {kind!r}")
            yield piece

    def _request(self, kind: bytes, content: bytes) -> None:
        with self._waiting():
            frames.send(self._parser.stream, kind, content)

    def _reply(self, most: int) -> tuple[bytes, bytearray]:
        with self._waiting():
            kind, content = frames.receive(self._parser.stream, most, time.monotonic() + self._left)
        if kind == frames.ERROR:
            raise ModelError(content.decode("utf-8", "replace")[: limits.LONGEST_ERROR])
        if kind == frames.MEMORY:
            raise ModelError(f"reading it needs more than {with_unit(memory(self._size))} of memory; {_BLAME}")
        return kind, content

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Limit the time that all replies take together."""
        start = time.monotonic()
        self._parser.stream.settimeout(max(self._left, 0.001))
        try:
            yield
        except TimeoutError:
            raise ModelError(f"reading it took more than {wall_seconds(self._size)} seconds; {_BLAME}") from None
        except (EOFError, ConnectionError):
            raise ModelError(self._end()) from None
        except ValueError as error:
            raise ModelError(f"reading it gave {error}") from None
        finally:
            self._left -= time.monotonic() - start

    def _end(self) -> str:
        """Return how the process ended."""
        code = self._parser.end()
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"reading it took more than {processor_seconds(self._size)} seconds of processor time; {_BLAME}"
        if code < 0:
            return f"reading it ended with the signal {signal.Signals(-code).name}; {_BLAME}"
        return f"reading it ended without a reply: {self._parser.complaint() or f'exit code {code}'}"
