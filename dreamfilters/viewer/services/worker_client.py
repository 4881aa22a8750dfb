"""The server's side of the worker: it sends requests, awaits replies and restarts a worker that crashes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any, TypeAlias

from dreamfilters.executors.child_process import signals_blocked
from dreamfilters.viewer.messages import BusyError, Cancel, Cancelled, Event, Reply, Request, ScanRequest
from dreamfilters.viewer.worker.process import run_worker

_MAX_RESTARTS, _RESTART_WINDOW = 3, 60.0  # crashes within so many seconds after which a worker is restarted
_ENDING = 2.0  # seconds within which a terminated worker ends
_PAUSE = 0.3  # seconds before a worker that ended is restarted
_CRASHED = "The model worker crashed and is restarting."

_LOG = logging.getLogger(__name__)

Listener: TypeAlias = Callable[[str, Any], None]  # topic, value


@dataclass(eq=False)
class WorkerClient:
    """A client of a worker; its methods are called on the event loop that `start` was called on.

    Attributes:
        spec, options: the model and other arguments, as `load` takes them in the worker.
        listener: gets the worker's events, and ('phase', note) when `phase` changes.
        prepare: called first in the worker's process.
        separate: whether the worker is a process; a model that lives in this process is owned by a thread.
        entry: function that the worker runs, see `run_worker`.
        max_pending: number of pending requests above which further requests are refused.
        phase: 'starting', 'ready', 'restarting' or 'failed'.
        note: explains the phase in one line.
        opened: set when the network is open or failed to open.
    """

    spec: Any
    options: dict[str, Any]
    listener: Listener
    prepare: Callable[[], None] | None = None
    separate: bool = True
    entry: Callable[..., None] = run_worker
    max_pending: int = 512
    phase: str = "starting"
    note: str = "opening the network"
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    process: Any = None  # or thread
    _scan: ScanRequest | None = None
    _outbox: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    _pending: dict[int, tuple[Request, asyncio.Future[Any]]] = field(default_factory=dict)
    _started: set[int] = field(default_factory=set)
    _numbers: Any = field(default_factory=itertools.count)
    _crashes: list[float] = field(default_factory=list)
    _closing: bool = False

    def start(self) -> None:
        """Start the worker; it is ready when its network is open."""
        loop = asyncio.get_running_loop()
        connection, worker_end = Pipe()
        kind: Any = multiprocessing.get_context("spawn").Process if self.separate else threading.Thread
        arguments = (self.entry, worker_end, self.spec, self.options, self.prepare)
        self.process = kind(target=_run_and_close, args=arguments, daemon=True, name="dreamfilters-worker")
        with signals_blocked() if self.separate else contextlib.nullcontext():
            self.process.start()
        if self.separate:
            worker_end.close()  # otherwise this process would keep the worker's end open
        self._outbox = queue.SimpleQueue()
        threading.Thread(target=self._receive_all, args=(connection, loop), daemon=True).start()
        threading.Thread(target=_send_all, args=(connection, self._outbox), daemon=True).start()
        if self._scan is not None:
            self._outbox.put(self._scan)
        for request, future in self._pending.values():  # requests that the crashed worker had not started
            if not future.done():
                self._outbox.put(request)

    def use_form(self, found: bytes) -> None:
        """Let a worker that is restarted open the network with an input form that a search has found."""
        self.options = {**self.options, "found": found}

    def scan(self, request: ScanRequest) -> None:
        """Let the worker scan these images while no request is waiting."""
        self._scan = request
        self._outbox.put(request)

    async def request(self, action: str, *, priority: int = 0, number: int | None = None, **arguments: Any) -> Any:
        """Send a request and return the value of its reply.

        Args:
            action: name of the worker's handler.
            priority: see `messages.Request`.
            number: from `new_number`, to cancel the request; default: a new one.
            arguments: of the handler.

        Raises:
            BusyError: the worker failed, crashed while it handled the request, or too many requests are waiting.
            Cancelled: by `cancel`.
            DreamfiltersError: raised by the handler.
        """
        if self.phase == "failed":
            raise BusyError(self.note)
        if len(self._pending) >= self.max_pending:
            raise BusyError(f"{len(self._pending)} requests are waiting for the network; try again in a moment")
        request = Request(next(self._numbers) if number is None else number, priority, action, arguments)
        future = asyncio.get_running_loop().create_future()
        self._pending[request.number] = request, future
        self._outbox.put(request)
        try:
            return await future
        finally:
            self._pending.pop(request.number, None)
            self._started.discard(request.number)

    def new_number(self) -> int:
        """Return the number of a request that may be canceled."""
        return int(next(self._numbers))

    def cancel(self, number: int) -> None:
        """Cancel a request: its caller gets `Cancelled`, and the worker stops or skips it."""
        self._outbox.put(Cancel(number))
        _, future = self._pending.get(number, (None, None))
        if future is not None and not future.done():
            future.set_exception(Cancelled())

    def close(self) -> None:
        """End the worker and all requests."""
        self._closing = True
        self._fail_pending("the viewer is closing")
        self._outbox.put(None)
        if self.separate and self.process is not None:
            self.process.terminate()

    def end(self) -> None:
        """End the worker's process, from any thread, and wait until it has ended."""
        self._closing = True
        if self.separate and self.process is not None:
            for end in (self.process.terminate, self.process.kill):
                end()
                self.process.join(_ENDING)
                if self.process.exitcode is not None:
                    return

    def _receive_all(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Pass messages to the event loop until the other end is closed; runs in a thread."""
        try:
            while True:
                loop.call_soon_threadsafe(self._on_message, connection.recv())
        except (EOFError, OSError):
            with contextlib.suppress(RuntimeError):  # the loop has ended first
                loop.call_soon_threadsafe(self._on_exit)
        except RuntimeError:
            return

    def _on_message(self, message: Reply | Event) -> None:
        """Handle a message of the worker, on the event loop."""
        if isinstance(message, Event):
            self._on_event(message)
            return
        _, future = self._pending.get(message.number, (None, None))
        if future is None or future.done():
            return
        if message.error is not None:
            future.set_exception(message.error)
        else:
            future.set_result(message.value)

    def _on_event(self, event: Event) -> None:
        if event.topic == "failed":
            self._fail(event.value)
            return
        if event.topic == "started":
            self._started.update({event.value} & self._pending.keys())  # the request may have been canceled since
            return
        if event.topic == "network":
            self.opened.set()
            self._set_phase("ready", "")
        self.listener(event.topic, event.value)

    def _on_exit(self) -> None:
        """Restart a worker that ended unexpectedly, on the event loop."""
        if self._closing or self.phase == "failed":
            return
        self.opened.clear()
        self._fail_pending(_CRASHED, self._started)
        now = time.monotonic()
        self._crashes = [crash for crash in self._crashes if now - crash < _RESTART_WINDOW] + [now]
        if len(self._crashes) > _MAX_RESTARTS:
            self._fail(f"The model worker crashed {len(self._crashes)} times within a minute; see the terminal.")
            return
        self._set_phase("restarting", _CRASHED)
        asyncio.get_running_loop().call_later(_PAUSE, self._restart)

    def _restart(self) -> None:
        if not self._closing:  # a signal to all processes of the terminal may end the worker first
            _LOG.warning("the model worker ended (exit code %s)", getattr(self.process, "exitcode", None))
            self.start()

    def _fail(self, note: str) -> None:
        self._set_phase("failed", note)
        self._fail_pending(note)
        self.opened.set()

    def _set_phase(self, phase: str, note: str) -> None:
        self.phase, self.note = phase, note
        self.listener("phase", note)

    def _fail_pending(self, reason: str, numbers: Iterable[int] | None = None) -> None:
        for number in self._pending if numbers is None else numbers:
            _, future = self._pending[number]
            if not future.done():
                future.set_exception(BusyError(reason))


def _run_and_close(entry: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    try:
        entry(connection, *arguments)
    finally:
        connection.close()  # a thread does not close it when it ends


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Any]) -> None:
    """Send what is put into the outbox; runs in a thread, since a busy worker does not read and sending blocks."""
    with contextlib.suppress(OSError, ValueError):  # the worker has ended
        while True:
            message = outbox.get()
            connection.send(message)
            if message is None:
                return
