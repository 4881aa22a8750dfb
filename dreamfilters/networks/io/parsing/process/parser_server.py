"""The process that forks those that parse files, as seen by the process that starts it.

It starts with the first file and ends with the last one that is open, or with the block of `parsers_kept`.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.process import interpreter
from dreamfilters.networks.io.parsing.process.__main__ import END, FORK, NUMBER

_HAS_FORK = hasattr(os, "fork")


@dataclass(frozen=True)
class Parser:
    """A process that parses one file.

    Attributes:
        stream: a socket for requests and replies.
        end: function that ends the process and returns its exit code, minus the signal that ended it.
        complaint: function that returns the last line that it wrote to stderr.
    """

    stream: socket.socket
    end: Callable[[], int]
    complaint: Callable[[], str]


@contextmanager
def started_parser() -> Iterator[Parser]:
    """Yield a new process that parses one file; it ends with the block.

    Raises:
        ModelError: it could not be started.
    """
    if _HAS_FORK:
        with _server() as server, server.forked() as parser:
            yield parser
        return
    ours, theirs = socket.socketpair()
    process = _python("")
    try:
        with theirs:
            process.communicate(theirs.share(process.pid))  # type: ignore[attr-defined]
        with ours:
            yield Parser(ours, lambda: _ended(process), lambda: _complaint(process))
    finally:
        _ended(process)


_current: list[_Server] = []  # at most one
_lock = threading.Lock()


if _HAS_FORK:
    os.register_at_fork(after_in_child=_current.clear)  # two processes cannot share one socket


@contextmanager
def parsers_kept() -> Iterator[None]:
    """Keep the process that forks parsers until the block ends: files open faster."""
    with _server() if _HAS_FORK else nullcontext():
        yield


@contextmanager
def _server() -> Iterator[_Server]:
    """Yield the process that forks parsers; it starts if there is none, and ends with its last user."""
    with _lock:
        if not _current or _current[0].broken:
            _current[:] = [_Server()]
        server = _current[0]
        server.users += 1
    try:
        yield server
    finally:
        with _lock:
            server.users -= 1
            if not server.users:
                server.close()
                _current[:] = [other for other in _current if other is not server]


class _Server:
    """A process that forks a process for each file."""

    def __init__(self) -> None:
        self.users = 0
        self.broken = False
        self._complaint = ""
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(limits.SERVER_SECONDS)
        try:
            with theirs:
                self._process = _python(str(theirs.fileno()), theirs.fileno())
        except BaseException:
            self._control.close()
            raise

    @contextmanager
    def forked(self) -> Iterator[Parser]:
        """Yield a new process that parses one file; it ends with the block."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                number = self._request(FORK, [theirs.fileno()])
            ended: list[int] = []

            def end() -> int:
                ended[:] = ended or [self._request(END + NUMBER.pack(number))]
                return ended[0]

            try:
                yield Parser(ours, end, lambda: _complaint(self._process))
            finally:
                if not self.broken:
                    end()

    def close(self) -> None:
        """End the process, which ends those that it forked."""
        if self.broken:
            return
        self.broken = True
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(limits.SERVER_SECONDS)
        code = _ended(self._process)
        self._complaint = _complaint(self._process) or f"the exit code is {code}"
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _request(self, request: bytes, handles: Sequence[int] = ()) -> int:
        """Send a request and return the number in the reply.

        An exception, such as at Ctrl-C, may leave a reply unread, so that the process cannot be used any more.
        """
        try:
            with self._lock:
                socket.send_fds(self._control, [request], handles)
                reply = self._control.recv(NUMBER.size)
            return int(NUMBER.unpack(reply)[0])
        except BaseException as error:
            self.close()
            if not isinstance(error, (OSError, struct.error)):
                raise
            raise ModelError(f"cannot be parsed in a process of its own: {self._complaint}") from error


def _python(argument: str, *handles: int) -> subprocess.Popen[bytes]:
    """Start the process; it is in a session of its own, so that Ctrl-C reaches this process only."""
    try:
        return subprocess.Popen(
            interpreter.command(argument),
            stdin=subprocess.DEVNULL if _HAS_FORK else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=interpreter.environment(),
            pass_fds=handles,
            start_new_session=True,
        )
    except OSError as error:
        raise ModelError(f"cannot be parsed in a process of its own: {error.strerror or error}") from error


def _ended(process: subprocess.Popen[bytes]) -> int:
    """End a process, if it still runs, and return its exit code."""
    process.kill()
    return process.wait()


def _complaint(process: subprocess.Popen[bytes]) -> str:
    """Return the last line that a process wrote to stderr, without waiting for one."""
    if process.stderr is None or not _HAS_FORK:
        return ""
    os.set_blocking(process.stderr.fileno(), False)
    lines = (process.stderr.read(limits.LONGEST_ERROR) or b"").decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else ""
