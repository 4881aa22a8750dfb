"""The process that parses model files. It reads none itself: it imports what is needed and forks a process for each.

A fork takes five milliseconds, a new process with NumPy and h5py 150. Where there is no fork, it serves one file.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from contextlib import suppress

from dreamfilters.networks.io.parsing.process.serving import serve_file

FORK, END = b"f", b"e"  # requests: for a new process, with its socket, and to end one, with its number
NUMBER = struct.Struct("<q")  # of a process, or its exit code; minus a signal


def main() -> None:
    """Serve the process that started this one, over the socket that the first argument describes, until it ends."""
    if not hasattr(os, "fork"):
        serve_file(socket.fromshare(sys.stdin.buffer.read()))  # type: ignore[attr-defined]
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that started this one, which ends this one
    control = socket.socket(fileno=int(sys.argv[1]))
    running: set[int] = set()
    while True:
        request, handles, _, _ = socket.recv_fds(control, 1 + NUMBER.size, 1)
        if request[:1] == FORK and handles:
            number = _forked(control, handles[0])
            running.add(number)
        elif request[:1] == END:
            number = _end(NUMBER.unpack(request[1:])[0], running)
        else:  # the other process closed the socket
            break
        control.sendall(NUMBER.pack(number))
    for number in tuple(running):
        _end(number, running)


def _forked(control: socket.socket, handle: int) -> int:
    """Return the number of a new process that serves one file over a socket."""
    number = os.fork()
    if number:
        os.close(handle)
        return number
    code = 1
    try:
        control.close()
        serve_file(socket.socket(fileno=handle))
        code = 0
    finally:
        os._exit(code)


def _end(number: int, running: set[int]) -> int:
    """End a process, if it still runs, and return its exit code."""
    running.remove(number)
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


if __name__ == "__main__":
    main()
