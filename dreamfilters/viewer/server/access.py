"""Who may ask: the one gate before all routes. What it does not know to be right is refused.

After Jupyter's server: a token in the address, turned into a cookie that other sites cannot use; a list of host names
against DNS rebinding; the exact origin; changes by POST alone, with a header that no form and no foreign page can send.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """What opens the gate.

    Attributes:
        token: of the address that is printed at the start.
        cookie: name of the cookie; cookies do not tell ports apart, so it names the port.
        hosts: further names under which the viewer may be asked for, as a proxy has them, `name` or `name:port`.
        addresses: whether any IP address will do as a host, for a viewer that is open to others: DNS rebinding, which
            the list is against, needs a name.
        base: the path that a proxy puts before all addresses, from slash to slash.
    """

    token: str
    cookie: str = "dreamfilters"
    hosts: tuple[str, ...] = ()
    addresses: bool = False
    base: str = "/"

    @property
    def pass_(self) -> str:
        """What the cookie holds: it proves that the token was known and does not tell it."""
        return hashlib.sha256(f"dreamfilters viewer {self.token}".encode()).hexdigest()

    def knows_host(self, host: str) -> bool:
        """Say whether the viewer goes by this name."""
        if host in self.hosts:
            return True
        name, port = _split(host)
        if not (port == "" or (port.isascii() and port.isdecimal())):
            return False
        return name in _LOOPBACK or name in self.hosts or (self.addresses and _is_address(name))

    def refusal(self, method: str, headers: dict[str, list[str]]) -> str:
        """Return why a request is refused whoever sends it, "" if it is not."""
        if any(len(headers.get(name, [])) > 1 for name in ("host", "origin", "cookie", "x-dreamfilters")):
            return "a header is given twice"
        host, origin = _one(headers, "host"), _one(headers, "origin")
        if not self.knows_host(host):
            return "this host name is not one of the viewer's; a proxy's is allowed by --allow-host"
        if method not in ("GET", "HEAD", "POST"):
            return "GET and POST are all there is"
        if "origin" in headers and origin not in self._origins(host):
            return "another site is asking"
        if method == "POST" and ("origin" not in headers or _one(headers, "x-dreamfilters") != "1"):
            return "changes need an Origin and the header X-Dreamfilters: 1"
        return ""

    def from_elsewhere(self, headers: dict[str, list[str]]) -> bool:
        """Say whether the browser says that another site has made the request."""
        return _one(headers, "sec-fetch-site") not in ("", "same-origin", "none")

    def admits(self, headers: dict[str, list[str]]) -> bool:
        """Say whether the request has the cookie."""
        try:
            cookies = SimpleCookie(_one(headers, "cookie"))
        except CookieError:
            return False
        return self.cookie in cookies and hmac.compare_digest(cookies[self.cookie].value.encode(), self.pass_.encode())

    def has_token(self, query: str) -> bool:
        """Say whether an address has the token."""
        given = parse_qs(query, max_num_fields=32).get("token", [""]) if len(query) < 4096 else [""]
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), self.token.encode())

    def set_cookie(self) -> str:
        """Return the header that gives the cookie."""
        return f"{self.cookie}={self.pass_}; Path={self.base}; HttpOnly; SameSite=Strict"

    def _origins(self, host: str) -> set[str]:
        """Return where the page itself may come from; a proxy may speak HTTPS to the browser, under its own name."""
        return {f"{scheme}://{name}" for scheme in ("http", "https") for name in (host, *self.hosts)}


@dataclass(frozen=True)
class Gate:
    """The gate as an ASGI application before another one."""

    app: App
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _guarded(send))
        else:  # there are no WebSockets
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        scope = _below(scope, self.access.base)
        reason = self.access.refusal(scope["method"], headers)
        if reason:
            await _refuse(send, 403, reason)
        elif scope["path"] == "/" and scope["method"] == "GET" and self.access.has_token(_query(scope)):
            await self._welcome(send, elsewhere=self.access.from_elsewhere(headers))
        elif self.access.from_elsewhere(headers):
            await _refuse(send, 403, "another site is asking")
        elif not self.access.admits(headers):
            await _refuse(send, 403, "open the address with the token that `dreamfilters serve` printed")
        else:
            await self.app(scope, receive, send)

    async def _welcome(self, send: Send, *, elsewhere: bool) -> None:
        """Give the cookie and go on without the token in the address.

        Browsers do not send a Strict cookie after a redirect that began on another site, so there a page goes on.
        """
        base = self.access.base
        if elsewhere:
            body = f'<!doctype html><meta http-equiv="refresh" content="0;url={base}"><title>dreamfilters</title>'
            extra = {"content-type": "text/html; charset=utf-8"}
        else:
            body, extra = "", {"location": base}
        extra |= {"set-cookie": self.access.set_cookie(), "cache-control": "no-store"}
        await _answer(send, 200 if elsewhere else 303, body, extra)


def _guarded(send: Send) -> Send:
    """Put the headers that every answer has, errors too."""

    async def guarded(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message.get("headers", [])}
            added = {**_HEADERS, "cache-control": "no-store"}
            extra = [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in known]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return guarded


def _below(scope: Scope, base: str) -> Scope:
    """Return the request with its path from the base on; some proxies take the base off, some do not."""
    path: str = scope["path"]
    if base == "/" or not path.startswith(base):
        return scope
    below = "/" + path.removeprefix(base)
    return {**scope, "path": below, "raw_path": below.encode()}


def _query(scope: Scope) -> str:
    return str(scope["query_string"].decode("latin-1"))


def _one(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _split(host: str) -> tuple[str, str]:
    """Split a host into its lower-case name and its port, "" for none."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, ""
    return name.lower(), port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name[1:-1] if name[:1] == "[" and name[-1:] == "]" else name)
    except ValueError:
        return False
    return True


async def _refuse(send: Send, status: int, reason: str) -> None:
    await _answer(send, status, json.dumps({"error": reason}), {"content-type": "application/json"})


async def _answer(send: Send, status: int, body: str, headers: dict[str, str]) -> None:
    content = body.encode()
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*pairs, length]})
    await send({"type": "http.response.body", "body": content})
