"""The bodies of requests: limited in size and in time, and JSON of the expected keys and types."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dreamfilters.errors import DreamfiltersError

_MAX_JSON = 2**16  # bytes
_TIMEOUT = 30.0  # seconds
_LOG = logging.getLogger(__name__)


class TooLargeError(DreamfiltersError):
    """The body of a request is too large or arrives too slowly."""


class CutOffError(DreamfiltersError):
    """The client has disconnected before the end of the body."""


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        TooLargeError: it is larger than `limit` bytes or arrives too slowly.
        CutOffError: it is not complete.
    """
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        raise TooLargeError(f"{length[:20]} bytes: at most {size_text(limit)} are accepted")
    content = bytearray()
    try:
        async with asyncio.timeout(_TIMEOUT):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise TooLargeError(f"more than {len(content) - 1} bytes: at most {size_text(limit)} are accepted")
    except TimeoutError:
        raise TooLargeError(f"the body did not arrive within {_TIMEOUT:.0f} seconds") from None
    except ClientDisconnect:
        reason = f"{request.url.path}: cut off after {len(content)} bytes; nothing of it is kept"
        _LOG.warning(reason)
        raise CutOffError(reason) from None
    return bytes(content)


async def read_json(request: Request, keys: Mapping[str, type], **defaults: Any) -> dict[str, Any]:
    """Return the JSON body of a request with exactly these keys and types; lists hold integers.

    Raises:
        HTTPException: it is anything else.
        TooLargeError, CutOffError: as `read_body`.
    """
    try:
        values = {**defaults, **json.loads(await read_body(request, _MAX_JSON))}
        numbers = [each for value in values.values() if isinstance(value, list) for each in value]
    except (ValueError, TypeError, RecursionError):
        values, numbers = {}, []
    matches = values.keys() == keys.keys() and all(type(values[key]) is kind for key, kind in keys.items())
    if not matches or not all(type(number) is int for number in numbers):
        expected = ", ".join(f"{key}: {kind.__name__}" for key, kind in keys.items())
        raise HTTPException(400, f"expected JSON with {expected}")
    return values


def size_text(count: int) -> str:
    """Return a number of bytes in the unit of which it is a multiple.

    >>> size_text(2**16), size_text(2**25), size_text(47)
    ('64 KiB', '32 MiB', '47 bytes')
    """
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"
