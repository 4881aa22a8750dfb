"""One request without a port: `dreamfilters serve --get PATH`."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.services.service import Service, ViewerSettings


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
    sent: list[MutableMapping[str, Any]] = []
    received = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(received, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    service = Service(settings)
    service.start()
    try:
        await service.wait_until_ready()
        await application(service, access)(scope, receive, send)
    finally:
        service.close()
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    return status, b"".join(message.get("body", b"") for message in sent)
