"""What the process does that parses a file: it limits itself, describes the file, and sends arrays on request."""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path

from dreamfilters.errors import ModelError, reason
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.contents import open_contents
from dreamfilters.networks.io.parsing.process import frames
from dreamfilters.networks.io.parsing.process.process_limits import limit_process

_LONGEST = 200  # characters of a message of a library


def serve_file(stream: socket.socket) -> None:
    """Serve one file until the other side closes the stream."""
    try:
        _, name = frames.receive(stream, limits.LONGEST_PATH)
        path = Path(os.fsdecode(bytes(name)))
        limit_process(path)
        _serve(stream, path)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except MemoryError:
        frames.send(stream, frames.MEMORY)
    except Exception as error:  # h5py, zipfile and json raise their own types
        frames.send(stream, frames.ERROR, cause(error).encode("utf-8", "replace"))


def _serve(stream: socket.socket, path: Path) -> None:
    with open_contents(path) as contents:
        frames.send(stream, frames.DESCRIPTION, contents.description.to_json().encode())
        while True:
            _, number = frames.receive(stream, 8)
            for piece in contents.arrays[int.from_bytes(number, "little")].pieces():
                frames.send(stream, frames.PIECE, piece)
            frames.send(stream, frames.END)


def cause(error: Exception) -> str:
    """Return what is wrong with a file, without its name, for an error that reading it raised."""
    if isinstance(error, ModelError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    text = reason(error)[:_LONGEST]
    damaged = "truncated file" in text or isinstance(error, zipfile.BadZipFile)
    return f"{'is damaged or truncated' if damaged else 'cannot be opened'}: {text}"
