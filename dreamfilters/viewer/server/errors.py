"""Why the viewer refuses what somebody asks for, beside the errors of the library."""

from __future__ import annotations

from dreamfilters.errors import DreamfiltersError


class AccessError(DreamfiltersError):
    """An address that cannot be listened at, or one that others could reach without a token."""


class BusyError(DreamfiltersError):
    """Not now: the network is not there, or too many ask at once."""


class TooLargeError(DreamfiltersError):
    """More bytes than are taken, or too slow in coming."""
