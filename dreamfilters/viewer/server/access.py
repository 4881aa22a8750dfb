"""Access control: the one gate in front of all routes, which refuses every request that it does not recognize.

The rules follow Jupyter's server: a token in the address, exchanged for a cookie that other sites cannot use; a list of
host names against DNS rebinding; the exact origin; changes only by POST, with a header that no form and no other site
can send.
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
    """The credentials and names that the gate accepts.

    Attributes:
        token: of the address that is printed at the start.
        cookie: name of the cookie; it includes the port, since cookies do not distinguish ports.
        hosts: additional host names, as a proxy sends them, `name` or `name:port`.
        any_address: whether any IP address is accepted as a host, for a viewer on a non-loopback host. DNS rebinding,
            which the list of hosts prevents, needs a name.
        base: path prefix that a proxy adds, from slash to slash.
    """

    token: str
    cookie: str = "dreamfilters"
    hosts: tuple[str, ...] = ()
    any_address: bool = False
    base: str = "/"

    @property
    def cookie_value(self) -> str:
        """The value of the cookie, which proves knowledge of the token without containing it."""
        return hashlib.sha256(f"dreamfilters viewer {self.token}".encode()).hexdigest()

    def accepts_host(self, host: str) -> bool:
        """Return whether the viewer is known by this host name."""
        if host in self.hosts:
            return True
        name, port = _split_port(host)
        if not (port == "" or (port.isascii() and port.isdecimal())):
            return False
        return name in _LOOPBACK or name in self.hosts or (self.any_address and _is_address(name))

    def refusal(self, method: str, headers: dict[str, list[str]]) -> str:
        """Return why a request is refused regardless of its cookie; "" if it is not."""
        if any(len(headers.get(name, [])) > 1 for name in ("host", "origin", "cookie", "x-dreamfilters")):
            return "a header occurs twice"
        host, origin = _first(headers, "host"), _first(headers, "origin")
        if not self.accepts_host(host):
            return "unknown host name; --allow-host adds the name of a proxy"
        if method not in ("GET", "HEAD", "POST"):
            return "only GET and POST are supported"
        if "origin" in headers and origin not in self._origins(host):
            return "the request comes from another site"
        if method == "POST" and ("origin" not in headers or _first(headers, "x-dreamfilters") != "1"):
            return "changes require an Origin and the header X-Dreamfilters: 1"
        return ""

    def is_cross_site(self, headers: dict[str, list[str]]) -> bool:
        """Return whether the browser states that another site made the request."""
        return _first(headers, "sec-fetch-site") not in ("", "same-origin", "none")

    def has_cookie(self, headers: dict[str, list[str]]) -> bool:
        """Return whether a request has the cookie."""
        try:
            cookies = SimpleCookie(_first(headers, "cookie"))
        except CookieError:
            return False
        known = cookies.get(self.cookie)
        return known is not None and hmac.compare_digest(known.value.encode(), self.cookie_value.encode())

    def has_token(self, query: str) -> bool:
        """Return whether the query of an address has the token."""
        given = parse_qs(query, max_num_fields=32).get("token", [""]) if len(query) < 4096 else [""]
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), self.token.encode())

    def set_cookie(self) -> str:
        """Return the value of the Set-Cookie header."""
        return f"{self.cookie}={self.cookie_value}; Path={self.base}; HttpOnly; SameSite=Strict"

    def _origins(self, host: str) -> set[str]:
        """Return the origins of the page itself; a proxy may serve it over HTTPS, under its own name."""
        return {f"{scheme}://{name}" for scheme in ("http", "https") for name in (host, *self.hosts)}


@dataclass(frozen=True)
class Gate:
    """The gate: an ASGI application that wraps another one."""

    app: App
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle or refuse one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        else:  # no WebSockets
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        scope = _without_base(scope, self.access.base)
        reason = self.access.refusal(scope["method"], headers)
        if reason:
            await _refuse(send, 403, reason)
        elif scope["path"] == "/" and scope["method"] == "GET" and self.access.has_token(_query(scope)):
            await self._sign_in(send, cross_site=self.access.is_cross_site(headers))
        elif self.access.is_cross_site(headers):
            await _refuse(send, 403, "the request comes from another site")
        elif not self.access.has_cookie(headers):
            await _refuse(send, 403, "open the address that `dreamfilters serve` printed, with its token")
        else:
            await self.app(scope, receive, send)

    async def _sign_in(self, send: Send, *, cross_site: bool) -> None:
        """Set the cookie and redirect to the address without the token.

        Browsers do not send a Strict cookie after a redirect that began on another site, so a page redirects there.
        """
        base = self.access.base
        if cross_site:
            body = f'<!doctype html><meta http-equiv="refresh" content="0;url={base}"><title>dreamfilters</title>'
            extra = {"content-type": "text/html; charset=utf-8"}
        else:
            body, extra = "", {"location": base}
        extra |= {"set-cookie": self.access.set_cookie(), "cache-control": "no-store"}
        await _respond(send, 200 if cross_site else 303, body, extra)


def _with_headers(send: Send) -> Send:
    """Add the security headers to every response, including errors."""

    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message.get("headers", [])}
            added = {**_HEADERS, "cache-control": "no-store"}
            extra = [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in known]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return send_with_headers


def _without_base(scope: Scope, base: str) -> Scope:
    """Return the request with its path relative to the base, which only some proxies remove."""
    path: str = scope["path"]
    if base == "/" or not path.startswith(base):
        return scope
    relative = "/" + path.removeprefix(base)
    return {**scope, "path": relative, "raw_path": relative.encode()}


def _query(scope: Scope) -> str:
    return str(scope["query_string"].decode("latin-1"))


def _first(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _split_port(host: str) -> tuple[str, str]:
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
    await _respond(send, status, json.dumps({"error": reason}), {"content-type": "application/json"})


async def _respond(send: Send, status: int, body: str, headers: dict[str, str]) -> None:
    content = body.encode()
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*pairs, length]})
    await send({"type": "http.response.body", "body": content})
