"""The server on its socket, in a thread of its own, and the handle to end it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import quote

import uvicorn

from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.errors import AccessError
from dreamfilters.viewer.server.request_timeout import RequestTimeout
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.services.service import Service, ViewerSettings

PORT, _TRIES = 5000, 20  # Quiver's; where it is taken, one of the next


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
        """The number of the process that owns the model, None for a thread."""
        return self._service.worker_pid

    def wait(self) -> None:
        """Return when the viewer ends: by `close`, or by Ctrl-C."""
        try:
            while self._thread.is_alive():
                time.sleep(0.1)  # a `join` that Ctrl-C interrupts takes a thread for ended (Python 3.11)
        except KeyboardInterrupt:
            pass
        self.close()

    def close(self) -> None:
        """End the viewer and its worker; uploads are forgotten."""
        self._service.hang_up()
        self._server.should_exit = True
        self._thread.join(5)

    def _repr_html_(self) -> str:
        return f'<a href="{escape(self.url)}" target="_blank" rel="noreferrer">{escape(self.url)}</a>'

    def __repr__(self) -> str:
        return f"Viewer({self.url!r})"


def started(settings: ViewerSettings, access: Access, host: str, port: int | None) -> Viewer:
    """Start the server in a thread of its own, which a notebook's event loop does not disturb.

    Raises:
        AccessError: see `serve`.
    """
    listening = _bound(host, port)
    number = listening.getsockname()[1]
    access = replace(access, cookie=f"dreamfilters-{number}")
    service = Service(settings)
    config = uvicorn.Config(
        application(service, access), http=RequestTimeout, log_level="error", access_log=False, lifespan="on",
        server_header=False, timeout_graceful_shutdown=1, timeout_keep_alive=30, limit_concurrency=1024, ws="none",
        proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True, name="dreamfilters")
    thread.start()
    return Viewer(f"http://{_named(host)}:{number}{access.base}?token={quote(access.token)}", server, thread, service)


def _bound(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = [port] if port is not None else [*range(PORT, PORT + _TRIES), 0]
    for each in ports:
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio lets Nagle delay
        if sys.platform != "win32":  # there it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, each))
        except (OSError, OverflowError) as error:
            listening.close()
            reason = getattr(error, "strerror", None) or error
        else:
            listening.listen(128)
            return listening
    raise AccessError(f"{host}:{port}: cannot be listened at ({reason}); take another --port, or 0 for any free one")


def _named(host: str) -> str:
    """Return a host as an address has it; this machine where it is every address of it."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    return f"[{host}]" if ":" in host else host
