"""One request answered without a port: `dreamfilters serve --get PATH`."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.services.service import Service, ViewerSettings


def answered(settings: ViewerSettings, address: str) -> tuple[int, bytes]:
    """Return status and content of the answer to a GET; the network is open by then.

    Example:
        >>> answered(settings, "/api/state")[0]  # doctest: +SKIP
        200
    """
    return asyncio.run(_answered(settings, address))


async def _answered(settings: ViewerSettings, address: str) -> tuple[int, bytes]:
    access = Access("once")
    path, _, query = address.partition("?")
    headers = {"host": "localhost", "cookie": f"{access.cookie}={access.pass_}"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/" + path.lstrip("/"), "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None, "server": None,
    }  # fmt: skip
    parts: list[MutableMapping[str, Any]] = []
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(asked, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message)

    service = Service(settings)
    service.start()
    try:
        await service.settled()
        await application(service, access)(scope, receive, send)
    finally:
        service.close()
    status = next(part["status"] for part in parts if part["type"] == "http.response.start")
    return status, b"".join(part.get("body", b"") for part in parts)
