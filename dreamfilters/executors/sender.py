"""Messages to another process, sent from a thread: while that process computes or is stopped, it receives nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any


class Sender:
    """A thread that sends messages over a connection, in order, until it is closed or the other end has ended."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._send_all, daemon=True, name="dreamfilters-sender").start()

    def send(self, message: Any) -> None:
        """Queue a message, pickled at once: later changes are not sent, and what cannot be pickled raises here."""
        self._waiting.put(ForkingPickler.dumps(message))

    def close(self) -> None:
        """Send nothing more."""
        self._waiting.put(None)

    def _send_all(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the other process has ended, which its connection says
            while (content := self._waiting.get()) is not None:
                self._connection.send_bytes(content)
