"""The process that owns the model: it answers one request after the other, a person's click before all others."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from dreamfilters.errors import DreamfiltersError, ModelError
from dreamfilters.viewer.messages import Cancel, Cancelled, Event, Reply, Request, ScanRequest

_LULL = 0.25  # seconds after an answer in which a person may ask for more, before something long is begun
_LOG = logging.getLogger(__name__)


def work(connection: Connection, spec: Any, options: dict[str, Any], prepare: Callable[[], None] | None = None) -> None:
    """Open a network and answer what comes through the connection until its other end is closed.

    `prepare` is called first, in a process of its own.
    """
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which closes the connection
        if prepare is not None:
            prepare()
    with contextlib.suppress(EOFError, OSError):  # the server is gone
        try:
            from dreamfilters.viewer.worker.handlers import Handlers  # imports TensorFlow, which takes seconds

            desk = Handlers(spec, options, lambda topic, value: connection.send(Event(topic, value)))
        except Exception as error:  # it would fail again
            if not isinstance(error, DreamfiltersError):
                _LOG.exception("the network could not be opened")
            connection.send(Event("failed", _line(error)))
            connection.recv()  # so that it is no crash
            return
        Worker(connection, desk).run()


class Worker:
    """The queue of requests before a desk."""

    def __init__(self, connection: Connection, desk: Any) -> None:
        self._connection, self._desk = connection, desk
        self._waiting: list[tuple[int, int, Request]] = []
        self._canceled: set[int] = set()
        self._idle: Iterator[None] = desk.warm()

    def run(self) -> None:
        """Answer for ever; raise EOFError when nobody asks any longer."""
        patience: float | None = 0.0  # seconds until the next slice, None for no slice left
        while True:
            self._receive(patience)
            if self._waiting:
                self._answer(heapq.heappop(self._waiting)[2])
                patience = _LULL
            else:
                patience = 0.0 if self._slice() else None

    def pause(self, number: int) -> None:
        """Between two steps of a long request: answer what a person waits for.

        Raises:
            Cancelled: the long request is not wanted any longer.
        """
        self._receive(0.0)
        while self._waiting and self._waiting[0][0] == 0:
            self._answer(heapq.heappop(self._waiting)[2])
        if number in self._canceled:
            raise Cancelled

    def _receive(self, patience: float | None) -> None:
        """Take what has come; where nothing waits, what comes within so many seconds, or ever."""
        while self._connection.poll(0.0 if self._waiting else patience):
            self._take(self._connection.recv())
            patience = 0.0

    def _take(self, message: Request | Cancel | ScanRequest | None) -> None:
        if message is None:
            raise EOFError
        if isinstance(message, Request):
            heapq.heappush(self._waiting, (message.rank, message.number, message))
        elif isinstance(message, Cancel):
            self._canceled.add(message.number)
        else:
            self._idle = itertools.chain(self._idle, self._desk.survey(message))

    def _answer(self, request: Request) -> None:
        try:
            if request.number in self._canceled:
                raise Cancelled
            self._connection.send(Event("begun", request.number))  # what is not begun outlives this process
            reply = Reply(request.number, self._desk.do(request, lambda: self.pause(request.number)))
        except (DreamfiltersError, Cancelled) as error:
            reply = Reply(request.number, error=error)
        except Exception as error:  # a bug, or memory that does not suffice: this request fails, not those behind it
            _LOG.exception("request %s failed", request.deed)
            reply = Reply(request.number, error=ModelError(f"{request.deed}: {_line(error)}"))
        self._canceled.discard(request.number)
        self._connection.send(reply)

    def _slice(self) -> bool:
        """Do a slice of what nobody waits for; say whether there was one."""
        try:
            next(self._idle)
        except StopIteration:
            return False
        except Exception as error:  # without evidence there are still maps and dreams
            if not isinstance(error, DreamfiltersError):
                _LOG.exception("the images could not be looked at")
            self._desk.tell("progress", {"phase": "failed", "done": 0, "total": 0, "note": _line(error)})
        return True


def _line(error: Exception) -> str:
    """Return what an error says on one line, cut short, and of what kind it is where it is no user's mistake."""
    said = " ".join(str(error).split())[:300]
    return said if isinstance(error, DreamfiltersError) else f"{type(error).__name__}: {said}"
