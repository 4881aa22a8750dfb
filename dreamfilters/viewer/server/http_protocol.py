"""The protocol of one connection: it refuses requests that are slow or that two readers may understand differently."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD = 2**16  # bytes of a request's head; browsers send the cookies of every application on this host
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_REPAIRED = re.compile(rb"\n[ \t]|\ncontent-length:[^\n]*,|\ncontent-length:.*\ncontent-length:", re.I | re.S)


class StrictConnection(h11.Connection):
    """The server's end of a connection, which refuses every request whose end is not certain.

    h11 accepts some of them: Transfer-Encoding beside Content-Length, of which it takes the first, or in HTTP/1.0;
    equal Content-Lengths; and header lines that are continued. A proxy in front of the server may take the other, and
    would pass the rest of the body on as a request of its own (RFC 9112, sections 5.2, 6.1 and 6.3).
    """

    def next_event(self) -> Any:
        """Return the next event.

        Raises:
            h11.RemoteProtocolError: the request is refused.
        """
        received = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        event = super().next_event()
        if isinstance(event, h11.Request) and (reason := _objection(received, event)):
            raise h11.RemoteProtocolError(reason)
        return event


def _objection(received: bytes, request: h11.Request) -> str:
    """Return why a request is refused, "" if it is not; `received` begins with its head."""
    end = _END_OF_HEAD.search(received)
    head = received[: end.start() if end else None]
    if len(head) > MAX_HEAD:
        return "the head is too large"
    if _REPAIRED.search(head):
        return "a line is continued, or Content-Length occurs twice"
    names = [name.lower() for name, _ in request.headers]
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version < b"1.1"):
        return "Transfer-Encoding beside Content-Length, or in HTTP/1.0"
    return ""


class StrictProtocol(H11Protocol):
    """Uvicorn's protocol with strict requests, and a limit on the time in which the head of a request must arrive.

    The routes limit the time of the body; here a body counts only once its response has been sent.
    """

    timeout = 20.0  # seconds
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take the arguments of uvicorn's protocol."""
        super().__init__(*arguments, **named)
        self.conn = StrictConnection(h11.SERVER, MAX_HEAD)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer."""
        super().connection_made(transport)
        self._update_deadline()

    def data_received(self, data: bytes) -> None:
        """Process data; only a complete head stops the timer."""
        super().data_received(data)
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def _update_deadline(self) -> None:
        if not self._is_receiving:
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.timeout, self.transport.abort)

    @property
    def _is_receiving(self) -> bool:
        """Whether the client has to send data that no route waits for."""
        state: Any = self.conn.their_state
        responded = self.cycle is None or self.cycle.response_complete
        return state is h11.IDLE or (state is h11.SEND_BODY and responded)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
