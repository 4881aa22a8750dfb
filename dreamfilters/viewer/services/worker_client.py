"""The worker as the server sees it: asked and awaited, watched, and started anew when it falls over."""

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

from dreamfilters.viewer.messages import Cancel, Cancelled, Event, Reply, Request, ScanRequest
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.worker.process import work

_MOST_WAITING = 512  # requests; beyond that a click is refused
_RESTARTS, _WITHIN = 3, 60.0  # a worker that falls over more often within so many seconds stays down

_LOG = logging.getLogger(__name__)

Listener: TypeAlias = Callable[[str, Any], None]  # topic, value


@dataclass(eq=False)
class WorkerClient:
    """A worker process; all its methods are called on the event loop that `start` was called on.

    Attributes:
        spec: what `load` is given in the worker.
        options: the other arguments of `load`.
        listener: told the worker's news, and 'phase' with 'starting', 'ready', 'restarting' or 'failed' and a line.
        prepare: called in a worker's process before anything else.
        apart: whether the worker is a process of its own; a model that lives in this process is owned by a thread.
    """

    spec: Any
    options: dict[str, Any]
    listener: Listener
    prepare: Callable[[], None] | None = None
    apart: bool = True
    phase: str = "starting"
    note: str = "opening the network"
    process: Any = None
    _images: ScanRequest | None = None
    _outbox: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    _waiting: dict[int, tuple[Request, asyncio.Future[Any]]] = field(default_factory=dict)
    _begun: set[int] = field(default_factory=set)
    _numbers: Any = field(default_factory=itertools.count)
    _falls: list[float] = field(default_factory=list)
    _closing: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        """Start the worker; it is ready when its network is open."""
        loop = asyncio.get_running_loop()
        ours, theirs = Pipe()
        self.process = _started(theirs, (self.spec, self.options, self.prepare), apart=self.apart)
        if self.apart:
            theirs.close()  # or this process would hold the worker's end open
        self._outbox = queue.SimpleQueue()
        for target, arguments in ((_listen, (ours, loop, self._take, self._fell)), (_speak, (ours, self._outbox))):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        if self._images is not None:
            self._outbox.put(self._images)
        for request, future in self._waiting.values():  # what the last worker had not begun
            if not future.done():
                self._outbox.put(request)

    def survey(self, images: ScanRequest) -> None:
        """Let the worker look at these images whenever nobody waits."""
        self._images = images
        self._outbox.put(images)

    async def ask(self, deed: str, *, rank: int = 0, number: int | None = None, **arguments: Any) -> Any:
        """Return what the worker answers.

        Raises:
            BusyError: it failed, fell over while it was at it, or too much is waiting.
            Cancelled: by `cancel`.
            DreamfiltersError: what the worker raised.
        """
        if self.phase == "failed":
            raise BusyError(self.note)
        if len(self._waiting) >= _MOST_WAITING:
            raise BusyError(f"{len(self._waiting)} requests are waiting for the network; try again in a moment")
        request = Request(next(self._numbers) if number is None else number, rank, deed, arguments)
        future = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = request, future
        self._outbox.put(request)
        try:
            return await future
        finally:
            self._waiting.pop(request.number, None)
            self._begun.discard(request.number)

    async def opened(self) -> None:
        """Wait until the network is open or could not be opened."""
        await self._ready.wait()

    def new_number(self) -> int:
        """Return a number for a request that may be cancelled."""
        return int(next(self._numbers))

    def cancel(self, number: int) -> None:
        """Say that a request is not wanted any longer: to who waits for it, and to the worker."""
        self._outbox.put(Cancel(number))
        _, future = self._waiting.get(number, (None, None))
        if future is not None and not future.done():
            future.set_exception(Cancelled())

    def close(self) -> None:
        """End the worker."""
        self._closing = True
        self._abandon("the viewer is closing")
        self._outbox.put(None)
        if self.apart and self.process is not None:
            self.process.terminate()

    def _take(self, message: Reply | Event) -> None:
        """On the event loop: hand on what the worker says."""
        if isinstance(message, Event):
            if message.topic == "failed":
                self._fail(message.value)
                return
            if message.topic == "begun":
                self._begun.update({message.value} & self._waiting.keys())  # not what was cancelled meanwhile
                return
            if message.topic == "network":
                self._ready.set()
                self._tell("ready", "")
            self.listener(message.topic, message.value)
            return
        _, future = self._waiting.get(message.number, (None, None))
        if future is None or future.done():
            return
        if message.error is not None:
            future.set_exception(message.error)
        else:
            future.set_result(message.value)

    def _fell(self) -> None:
        """On the event loop: the worker has ended without being asked to."""
        if self._closing or self.phase == "failed":
            return
        _LOG.warning("the process that owns the model ended (exit code %s)", getattr(self.process, "exitcode", None))
        self._ready.clear()
        self._abandon("the process that owns the model fell over while it was at it; it is started anew", self._begun)
        now = time.monotonic()
        self._falls = [fall for fall in self._falls if now - fall < _WITHIN] + [now]
        if len(self._falls) > _RESTARTS:
            self._fail(
                f"the process that owns the model ended {len(self._falls)} times within a minute; see the terminal"
            )
            return
        self._tell("restarting", "the process that owns the model ended; it is started anew")
        self.start()

    def _fail(self, note: str) -> None:
        self._tell("failed", note)
        self._abandon(note)
        self._ready.set()  # so that whoever waits is told

    def _tell(self, phase: str, note: str) -> None:
        self.phase, self.note = phase, note
        self.listener("phase", note)

    def _abandon(self, why: str, only: Iterable[int] | None = None) -> None:
        for number in self._waiting if only is None else only:
            _, future = self._waiting[number]
            if not future.done():
                future.set_exception(BusyError(why))


def _started(connection: Connection, what: tuple[Any, ...], *, apart: bool) -> Any:
    arguments = (connection, *what)
    if apart:
        process: Any = multiprocessing.get_context("spawn").Process(
            target=work, args=arguments, daemon=True, name="dreamfilters-worker"
        )
    else:
        process = threading.Thread(target=_work_and_close, args=arguments, daemon=True, name="dreamfilters-worker")
    process.start()
    return process


def _work_and_close(connection: Connection, *what: Any) -> None:
    try:
        work(connection, *what)
    finally:
        connection.close()  # as a process's end would


def _listen(
    connection: Connection,
    loop: asyncio.AbstractEventLoop,
    take: Callable[[Any], None],
    fell: Callable[[], None],
) -> None:
    """In a thread: hand what comes to the event loop until the other end is closed."""
    try:
        while True:
            loop.call_soon_threadsafe(take, connection.recv())
    except (EOFError, OSError):
        with contextlib.suppress(RuntimeError):  # the loop has ended first
            loop.call_soon_threadsafe(fell)
    except RuntimeError:
        return


def _speak(connection: Connection, outbox: queue.SimpleQueue[Any]) -> None:
    """In a thread: send what is put out, for a busy worker does not read and the event loop must not wait for it."""
    with contextlib.suppress(OSError, ValueError):  # it has fallen over
        while True:
            message = outbox.get()
            connection.send(message)
            if message is None:
                return
