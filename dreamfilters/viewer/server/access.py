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
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dreamfilters.errors import DreamfiltersError
from dreamfilters.viewer.server.security_headers import security_headers

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class AccessError(DreamfiltersError):
    """The viewer cannot listen at this address, or must not without a token."""


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
        frames: origins of the pages that may show the viewer in a frame.
    """

    token: str
    cookie: str = "dreamfilters"
    hosts: tuple[str, ...] = ()
    any_address: bool = False
    base: str = "/"
    frames: tuple[str, ...] = ()

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

    def refusal(self, method: str, headers: Headers) -> str:
        """Return why a request is refused regardless of its cookie; "" if it is not."""
        if any(len(headers.getlist(name)) > 1 for name in ("host", "origin", "cookie", "x-dreamfilters")):
            return "a header occurs twice"
        host, origin = headers.get("host", ""), headers.get("origin", "")
        if not self.accepts_host(host):
            return "unknown host name; --allow-host adds the name of a proxy"
        if method not in ("GET", "HEAD", "POST"):
            return "only GET and POST are supported"
        if "origin" in headers and origin not in self._origins(host):
            return "the request comes from another site"
        if method == "POST" and ("origin" not in headers or headers.get("x-dreamfilters", "") != "1"):
            return "changes require an Origin and the header X-Dreamfilters: 1"
        return ""

    def is_cross_site(self, headers: Headers) -> bool:
        """Return whether the browser states that another site made the request."""
        return headers.get("sec-fetch-site", "") not in ("", "same-origin", "none")

    def is_foreign_frame(self, headers: Headers) -> bool:
        """Return whether the browser states that an allowed page of another site shows the viewer in a frame."""
        of_frame = headers.get("sec-fetch-site", "") == "cross-site" and headers.get("sec-fetch-dest", "") == "iframe"
        return bool(self.frames) and of_frame

    def has_cookie(self, headers: Headers) -> bool:
        """Return whether a request has the cookie.

        A browser sends the cookies of every application on this host, whatever their content. Of several with our name,
        one has to be right.
        """
        pairs = (each.strip(" \t").partition("=") for each in headers.get("cookie", "").split(";"))
        values = [value.encode("latin-1") for name, _, value in pairs if name == self.cookie]
        return any(hmac.compare_digest(value, self.cookie_value.encode()) for value in values)

    def has_token(self, query: str) -> bool:
        """Return whether the query of an address has the token."""
        given = parse_qs(query, max_num_fields=32).get("token", [""]) if len(query) < 4096 else [""]
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), self.token.encode())

    def _origins(self, host: str) -> set[str]:
        """Return the origins of the page itself; a proxy may serve it over HTTPS, under its own name."""
        return {f"{scheme}://{name}" for scheme in ("http", "https") for name in (host, *self.hosts)}


@dataclass(frozen=True)
class Gate:
    """The gate: an ASGI application that wraps another one."""

    app: ASGIApp
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle or refuse one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send, security_headers(self.access.frames)))
        else:  # no WebSockets
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(raw=[(name.lower(), value) for name, value in scope["headers"]])
        scope = _without_base(scope, self.access.base)
        query = scope["query_string"].decode("latin-1")
        app: ASGIApp
        if reason := self.access.refusal(scope["method"], headers):
            app = _refusal(reason)
        elif scope["path"] == "/" and scope["method"] == "GET" and self.access.has_token(query):
            app = self._sign_in(headers)
        elif self.access.is_cross_site(headers):
            app = _refusal("the request comes from another site")
        elif not self.access.has_cookie(headers):
            app = _refusal("open the address that `dreamfilters serve` printed, with its token")
        else:
            app = self.app
        await app(scope, receive, send)

    def _sign_in(self, headers: Headers) -> Response:
        """Return the response that sets the cookie and redirects to the address without the token.

        Browsers do not send a Strict cookie after a redirect that began on another site, so a page redirects there. Nor
        do they send it in a frame on a page of another site. Such a frame gets a cookie that the browser keeps for this
        one site of pages (CHIPS, https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies).
        """
        access, base = self.access, self.access.base
        kind = "SameSite=None; Secure; Partitioned" if access.is_foreign_frame(headers) else "SameSite=Strict"
        cookie = f"{access.cookie}={access.cookie_value}; Path={base}; HttpOnly; {kind}"
        if not access.is_cross_site(headers):
            return Response(status_code=303, headers={"location": base, "set-cookie": cookie})
        body = f'<!doctype html><meta http-equiv="refresh" content="0;url={base}"><title>dreamfilters</title>'
        return Response(body, headers={"set-cookie": cookie}, media_type="text/html")


def _with_headers(send: Send, added: Mapping[str, str]) -> Send:
    """Add the security headers to every response, including errors."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in added.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _without_base(scope: Scope, base: str) -> Scope:
    """Return the request with its path relative to the base, which only some proxies remove."""
    path: str = scope["path"]
    if base == "/" or not path.startswith(base):
        return scope
    relative = "/" + path.removeprefix(base)
    return {**scope, "path": relative, "raw_path": relative.encode()}


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


def _refusal(reason: str) -> Response:
    return Response(json.dumps({"error": reason}), 403, media_type="application/json")
