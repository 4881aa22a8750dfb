"""The HTTP server in a thread with the handle that closes it, and one request without a server."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote

import h11
import uvicorn
from starlette.types import Message
from uvicorn.protocols.http.h11_impl import H11Protocol

from dreamfilters.viewer.server.access import Access, AccessError
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.services.service import Service, ViewerSettings

PORT, _PORTS = 5000, 20  # Quiver's port, and how many are tried from there on


@dataclass(eq=False)
class Viewer:
    """A running viewer.

    Attributes:
        url: the address to open, with its token.
    """

    url: str
    _server: uvicorn.Server
    _thread: threading.Thread
    _service: Service

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker that owns the model; None for a thread."""
        return getattr(self._service.catalog.worker.process, "pid", None)

    def wait(self) -> None:
        """Wait until the viewer is closed, by `close` or by Ctrl-C."""
        try:
            while self._thread.is_alive():
                time.sleep(0.1)  # Python 3.11 marks a thread as ended when Ctrl-C interrupts its `join`
        except KeyboardInterrupt:
            pass
        self.close()

    def close(self) -> None:
        """Close the viewer and its worker, and delete the uploads."""
        self._service.close_streams()
        self._server.should_exit = True
        self._thread.join(5)

    def _repr_html_(self) -> str:
        return f'<a href="{escape(self.url)}" target="_blank" rel="noreferrer">{escape(self.url)}</a>'

    def __repr__(self) -> str:
        return f"Viewer({self.url!r})"


def start_server(settings: ViewerSettings, access: Access, host: str, port: int | None) -> Viewer:
    """Start the server in a thread, which is independent of a notebook's event loop, and return its handle.

    Raises:
        AccessError: the server cannot listen at this host and port.
    """
    listener = _bind(host, port)
    number = listener.getsockname()[1]
    access = replace(access, cookie=f"dreamfilters-{number}")
    service = Service(settings)
    config = uvicorn.Config(
        application(service, access), http=RequestTimeout, log_level="error", access_log=False, lifespan="on",
        server_header=False, timeout_graceful_shutdown=1, timeout_keep_alive=30, limit_concurrency=1024, ws="none",
        proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="dreamfilters")
    thread.start()
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # loopback for the wildcard addresses
    address = f"[{name}]:{number}" if ":" in name else f"{name}:{number}"
    url = f"http://{address}{access.base}?token={quote(access.token)}"
    return Viewer(url, server, thread, service)


def _bind(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = [port] if port is not None else [*range(PORT, PORT + _PORTS), 0]
    for each in ports:
        # With the protocol given, asyncio disables Nagle's algorithm, which would delay small responses.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # on Windows, two servers could share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, each))
        except (OSError, OverflowError) as error:
            listener.close()
            reason = getattr(error, "strerror", None) or error
        else:
            listener.listen(128)
            return listener
    raise AccessError(f"{host}:{port}: cannot listen there ({reason}); choose another --port, or 0 for any free one")


class RequestTimeout(H11Protocol):
    """Uvicorn's protocol with a limit on the time in which the head of a request must arrive.

    The routes limit the time of the body; here a body counts only once its response has been sent.
    """

    timeout = 20.0  # seconds
    _deadline: asyncio.TimerHandle | None = None

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


def respond_once(settings: ViewerSettings, address: str) -> tuple[int, bytes]:
    """Return status and body of the response to a GET request, once the network is open."""
    return asyncio.run(_respond(settings, address))


async def _respond(settings: ViewerSettings, address: str) -> tuple[int, bytes]:
    access = Access("once")
    path, _, query = address.partition("?")
    headers = {"host": "localhost", "cookie": f"{access.cookie}={access.cookie_value}"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/" + path.lstrip("/"), "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None, "server": None,
    }  # fmt: skip
    sent: list[Message] = []
    received = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        return next(received, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    service = Service(settings)
    async with service.running():
        await service.wait_until_ready()
        await application(service, access)(scope, receive, send)
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    return status, b"".join(message.get("body", b"") for message in sent)
