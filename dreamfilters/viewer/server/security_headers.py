"""The security headers of every response, and which pages may show the viewer in a frame: those that are named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors "
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
# An origin, with * for any port or in place of the first part of the name; the page's own; or the panes of VS Code.
_FRAME = re.compile(r"https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:([0-9]{1,5}|\*))?|'self'|vscode-webview:")


def security_headers(frames: Sequence[str] = ()) -> Mapping[str, str]:
    """Return the headers of a viewer that pages of these origins may show in a frame.

    >>> security_headers()["x-frame-options"]
    'DENY'
    >>> security_headers(["http://localhost:8888"])["content-security-policy"].rpartition(";")[2]
    ' frame-ancestors http://localhost:8888'
    """
    if not frames:
        return {"content-security-policy": f"{_POLICY}'none'", "x-frame-options": "DENY", **_HEADERS}
    return {"content-security-policy": f"{_POLICY}{' '.join(frames)}", **_HEADERS}  # X-Frame-Options knows no origins


def is_frame_source(text: str) -> bool:
    """Return whether a text is an origin as the policy takes it, and nothing more.

    >>> [is_frame_source(text) for text in ("http://localhost:*", "https://hub.example/lab", "*", "http://a; x")]
    [True, False, False, False]
    """
    return _FRAME.fullmatch(text) is not None
