"""Server-sent events for all open pages; a slow page gets only the latest event of each kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from dreamfilters.viewer.messages import BusyError


@dataclass(eq=False)
class _Listener:
    pending: dict[str, str] = field(default_factory=dict)  # key -> text of the event; later events replace earlier ones
    has_events: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class EventHub:
    """Publishes events to all listeners; used on one event loop.

    Attributes:
        max_listeners: number of open pages.
        heartbeat: seconds after which a silent stream sends a comment; proxies close it after a minute.

    Example:
        >>> hub = EventHub()
        >>> hub.publish("dream", {"id": "D0", "step": 3}, key="D0")
    """

    max_listeners: int = 128
    heartbeat: float = 15.0
    _listeners: set[_Listener] = field(default_factory=set)
    _number: int = 0
    _closed: bool = False

    def publish(self, kind: str, values: Any, *, key: str = "") -> None:
        """Send an event to all listeners; it replaces an unread event of the same kind and key."""
        self._number += 1
        text = event_text(kind, values, self._number)
        for listener in self._listeners:
            listener.pending[f"{kind} {key}"] = text
            listener.has_events.set()

    def listen(self, first: Callable[[], list[tuple[str, Any]]]) -> AsyncIterator[str]:
        """Yield the text of events until `close`: those that `first` returns at the start, then published ones.

        Raises:
            BusyError: there are too many listeners.
        """
        if len(self._listeners) >= self.max_listeners:
            raise BusyError(f"{self.max_listeners} pages are open already; close some")
        return self._stream(first)

    async def _stream(self, first: Callable[[], list[tuple[str, Any]]]) -> AsyncIterator[str]:
        listener = _Listener()
        self._listeners.add(listener)  # before the first events are read, so that none is lost in between
        try:
            for kind, values in first():
                yield event_text(kind, values, self._number)
            while not self._closed:
                try:
                    await asyncio.wait_for(listener.has_events.wait(), self.heartbeat)
                except TimeoutError:
                    yield ": heartbeat\n\n"
                    continue
                listener.has_events.clear()
                pending, listener.pending = listener.pending, {}
                for text in pending.values():
                    yield text
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for listener in self._listeners:
            listener.has_events.set()


def event_text(kind: str, values: Any, number: int) -> str:
    r"""Return the text of an event in a stream (HTML, section 9.2, server-sent events).

    >>> event_text("dream", {"step": 1}, 7)
    'id: 7\nevent: dream\ndata: {"step": 1}\n\n'
    """
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(values, allow_nan=False)}\n\n"
