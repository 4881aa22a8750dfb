"""News for whoever listens: of each kind only the latest is kept for a listener that is slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from dreamfilters.viewer.server.errors import BusyError

_MOST = 128  # listeners
_HEARTBEAT = 15.0  # seconds; proxies cut a silent line after a minute


@dataclass(eq=False)
class _Listener:
    waiting: dict[str, str] = field(default_factory=dict)  # key -> the event's text; a later one takes its place
    activated: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class EventHub:
    """Hands events to every listener; used on one event loop.

    Example:
        >>> hub.publish("dream", {"id": "D0", "step": 3}, key="D0")
    """

    _listeners: set[_Listener] = field(default_factory=set)
    _number: int = 0
    _closed: bool = False

    def publish(self, kind: str, values: Any, *, key: str = "") -> None:
        """Tell all listeners; an event of the same kind and key that one has not read yet is replaced."""
        self._number += 1
        text = event_text(kind, values, self._number)
        for listener in self._listeners:
            listener.waiting[f"{kind} {key}"] = text
            listener.activated.set()

    def listen(self, first: Callable[[], list[tuple[str, Any]]]) -> AsyncIterator[str]:
        """Return the text of the events that `first` gives when it begins, then of what is published, until `close`.

        Raises:
            BusyError: as many listen already as can be served.
        """
        if len(self._listeners) >= _MOST:
            raise BusyError(f"{_MOST} pages are open already; close some")
        return self._stream(first)

    async def _stream(self, first: Callable[[], list[tuple[str, Any]]]) -> AsyncIterator[str]:
        listener = _Listener()
        self._listeners.add(listener)  # before the first events are taken, so that none falls between
        try:
            for kind, values in first():
                yield event_text(kind, values, self._number)
            while not self._closed:
                try:
                    await asyncio.wait_for(listener.activated.wait(), _HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                listener.activated.clear()
                waiting, listener.waiting = listener.waiting, {}
                for text in waiting.values():
                    yield text
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for listener in self._listeners:
            listener.activated.set()


def event_text(kind: str, values: Any, number: int) -> str:
    r"""Return an event as the stream has it (HTML, section 9.2, server-sent events).

    >>> event_text("dream", {"step": 1}, 7)
    'id: 7\nevent: dream\ndata: {"step": 1}\n\n'
    """
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(values, allow_nan=False)}\n\n"
