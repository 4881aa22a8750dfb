"""Connections whose requests do not come to an end are ended: uvicorn itself waits for a first request for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class RequestTimeout(H11Protocol):
    """Uvicorn's protocol with a limit on how long the head of a request may take, however its bytes drip in.

    What comes after the head is the routes' to wait for; here it counts only once the answer is out.
    """

    patience = 20.0  # seconds
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the time that is left grows no longer by them."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._forget()
        super().connection_lost(exc)

    def _look(self) -> None:
        if not self._owes:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self.transport.abort)

    @property
    def _owes(self) -> bool:
        """Whether the client is to send something that nothing else waits for."""
        state: Any = self.conn.their_state
        answered = self.cycle is None or self.cycle.response_complete
        return state is h11.IDLE or (state is h11.SEND_BODY and answered)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
