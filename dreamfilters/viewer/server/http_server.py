"""The HTTP server in a thread, and the handle that closes it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import quote

import uvicorn

from dreamfilters.viewer.errors import AccessError
from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.request_timeout import RequestTimeout
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
        return self._service.worker_pid

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
    url = f"http://{_url_host(host)}:{number}{access.base}?token={quote(access.token)}"
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


def _url_host(host: str) -> str:
    """Return a host as a URL has it; loopback for the wildcard addresses."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    return f"[{host}]" if ":" in host else host
