"""The worker process: it owns the model and handles one request after the other, by priority."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from dreamfilters.errors import DreamfiltersError, ModelError
from dreamfilters.executors.child_process import end_with_parent
from dreamfilters.viewer.messages import BACKGROUND, Cancel, Cancelled, Disconnected, Event, Reply, Request, ScanRequest

_IDLE_DELAY = 0.25  # seconds after a reply during which no background step starts: further clicks are likely
_LOG = logging.getLogger(__name__)


def run_worker(
    connection: Connection, spec: Any, options: dict[str, Any], prepare: Callable[[], None] | None = None
) -> None:
    """Open a network and handle the messages of a connection until its other end is closed.

    `load` takes `spec` and `options`; `prepare` is called first if this is a separate process.
    """
    end_with_parent()
    if multiprocessing.parent_process() is not None and prepare is not None:
        prepare()
    with contextlib.suppress(Disconnected):
        channel = Channel(connection)
        try:
            from dreamfilters.viewer.worker.handlers import Handlers  # imports TensorFlow, which takes seconds

            handlers = Handlers(spec, options, lambda topic, value: channel.send(Event(topic, value)))
        except Exception as error:  # a restart would fail too
            if not isinstance(error, DreamfiltersError):
                _LOG.exception("the network could not be opened")
            channel.send(Event("failed", _one_line(error)))
            channel.receive()  # a process that ends here would count as a crash
            return
        Worker(channel, handlers).run()


@dataclass(frozen=True)
class Channel:
    """A connection to the server whose end raises `Disconnected`, which no handler mistakes for its own error."""

    connection: Connection

    def send(self, message: Reply | Event) -> None:
        """Send a message."""
        try:
            self.connection.send(message)
        except OSError:
            raise Disconnected from None

    def receive(self) -> Any:
        """Return the next message; None is the server's last one."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            raise Disconnected from None
        if message is None:
            raise Disconnected
        return message

    def has_message(self, timeout: float | None) -> bool:
        """Wait up to `timeout` seconds, None for ever, for a message; return whether there is one."""
        try:
            return self.connection.poll(timeout)
        except (EOFError, OSError):
            raise Disconnected from None


class Worker:
    """The queue of requests in front of the handlers."""

    def __init__(self, channel: Channel, handlers: Any) -> None:
        self._channel, self._handlers = channel, handlers
        self._queue: list[tuple[int, int, Request]] = []
        self._canceled: set[int] = set()
        self._background: Iterator[None] = handlers.warm_up()

    def run(self) -> None:
        """Handle messages until the connection is closed, then raise Disconnected."""
        timeout: float | None = 0.0  # seconds until the next background step, None if there is none
        while True:
            self._receive(timeout)
            if self._queue:
                self._handle(heapq.heappop(self._queue)[2])
                timeout = _IDLE_DELAY
            else:
                timeout = 0.0 if self._background_step() else None

    def enqueue(self, message: Request | Cancel | ScanRequest) -> None:
        """Queue a message."""
        if isinstance(message, Request):
            heapq.heappush(self._queue, (message.priority, message.number, message))
        elif isinstance(message, Cancel):
            self._canceled.add(message.number)
        else:
            self._background = itertools.chain(self._background, self._handlers.scan(message))

    def _pause(self, request: Request) -> None:
        """Handle the requests that do not wait for this one, between two of its steps.

        Raises:
            Cancelled: this request was canceled.
        """
        self._receive(0.0)
        first = request.priority if request.priority >= BACKGROUND else 1
        while self._queue and self._queue[0][0] < first:
            self._handle(heapq.heappop(self._queue)[2])
        if request.number in self._canceled:
            raise Cancelled

    def _receive(self, timeout: float | None) -> None:
        """Queue all messages that have arrived; wait up to `timeout` seconds for the first if the queue is empty."""
        while self._channel.has_message(0.0 if self._queue else timeout):
            self.enqueue(self._channel.receive())
            timeout = 0.0

    def _handle(self, request: Request) -> None:
        try:
            if request.number in self._canceled:
                raise Cancelled
            self._channel.send(Event("started", request.number))  # after a crash, only other requests are repeated
            reply = Reply(request.number, self._handlers.handle(request, lambda: self._pause(request)))
        except (DreamfiltersError, Cancelled) as error:
            reply = Reply(request.number, error=error)
        except Exception as error:  # a bug or a lack of memory: this request fails, later ones may succeed
            _LOG.exception("request %s failed", request.action)
            reply = Reply(request.number, error=ModelError(f"{request.action}: {_one_line(error)}"))
        self._canceled.discard(request.number)
        self._channel.send(reply)

    def _background_step(self) -> bool:
        """Run one step of the background work; return whether there was one."""
        try:
            next(self._background)
        except StopIteration:
            return False
        except Exception as error:  # maps and dreams work without evidence
            if not isinstance(error, DreamfiltersError):
                _LOG.exception("the scan of the images failed")
            self._handlers.send("progress", {"phase": "failed", "done": 0, "total": 0, "note": _one_line(error)})
        return True


def _one_line(error: Exception) -> str:
    """Return the message of an error on one line, shortened; with its type unless it is a DreamfiltersError."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, DreamfiltersError) else f"{type(error).__name__}: {text}"
