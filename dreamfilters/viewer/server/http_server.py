"""The HTTP server in a thread with the handle that closes it, and one request without a server."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.types import Message

from dreamfilters.errors import DreamfiltersError
from dreamfilters.viewer.server.access import Access, AccessError
from dreamfilters.viewer.server.http_protocol import StrictProtocol
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.server.stop_signals import StopSignals, stop_signals
from dreamfilters.viewer.services.service import Service, ViewerSettings

PORT, _PORTS = 5000, 20  # Quiver's port, and how many are tried from there on
_POLL = 0.1  # seconds between checks whether the server has ended
_CLOSING = 5.0  # seconds within which the server ends its responses


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

    def wait(self, signals: StopSignals | None = None) -> None:
        """Wait until the viewer is closed or Ctrl-C is pressed, or until a signal is noted in `signals`; close it."""
        with nullcontext(signals) if signals is not None else stop_signals() as stop:
            while self._thread.is_alive() and not stop.noted:
                time.sleep(_POLL)
            self.close()

    def close(self) -> None:
        """Close the viewer and its worker, and delete the uploads."""
        self._service.close_streams()
        self._server.should_exit = True
        self._thread.join(_CLOSING)
        self._service.abandon()  # in case the server has not started or does not end

    def write_start_page(self) -> Path:
        """Write a page, readable for this user only, that leads to `url`, and return its path.

        A browser that gets its path as an argument does not show the token to other users, who can list processes.

        Raises:
            OutputError: it cannot be written.
        """
        url = escape(self.url)
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url={url}"><a href="{url}">dreamfilters</a>'
        return self._service.write_private(f"open-{secrets.token_hex(4)}.html", page.encode())

    def _repr_html_(self) -> str:
        return f'<a href="{escape(self.url)}" target="_blank" rel="noreferrer">{escape(self.url)}</a>'

    def __repr__(self) -> str:
        return f"Viewer({self.url!r})"


def start_server(settings: ViewerSettings, access: Access, host: str, port: int | None) -> Viewer:
    """Start the server in a thread, which is independent of a notebook's event loop, and return its handle.

    Raises:
        AccessError: the server cannot listen at this host and port.
        OutputError: temporary files cannot be written.
    """
    listener = _bind(host, port)
    number = listener.getsockname()[1]
    access = replace(access, cookie=f"dreamfilters-{number}")
    try:
        service = Service(settings)
    except DreamfiltersError:
        listener.close()
        raise
    config = uvicorn.Config(
        application(service, access), http=StrictProtocol, log_level="error", access_log=False, lifespan="on",
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


def respond_once(settings: ViewerSettings, address: str) -> tuple[int, bytes]:
    """Return status and body of the response to a GET request, once the network is open.

    Raises:
        BusyError: the network cannot be opened.
    """
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
        await service.catalog.network()
        await application(service, access)(scope, receive, send)
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    return status, b"".join(message.get("body", b"") for message in sent)
