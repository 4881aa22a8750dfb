"""Errors of the viewer."""

from __future__ import annotations

from dreamfilters.errors import DreamfiltersError


class AccessError(DreamfiltersError):
    """The viewer cannot listen at this address, or must not without a token."""


class BusyError(DreamfiltersError):
    """The network is not available, or too many requests are waiting."""


class TooLargeError(DreamfiltersError):
    """The body of a request is too large or arrives too slowly."""
