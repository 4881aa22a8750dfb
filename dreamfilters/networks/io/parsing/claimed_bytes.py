"""The bytes that the arrays of a file claim, together, relative to those that it stores."""

from __future__ import annotations

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits


def allowance(stored: int) -> int:
    """Return how many bytes a file with this many bytes may claim to hold."""
    return limits.SMALL_CLAIM + limits.CLAIMED_PER_STORED * stored


class ClaimedBytes:
    """The sum over the arrays of a file of `size` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._claimed = self._stored = 0
        self._largest = (0, "")

    def add(self, name: str, claimed: int, stored: int) -> None:
        """Add an array that claims and stores this many bytes."""
        self._claimed += claimed
        self._stored += stored
        self._largest = max(self._largest, (claimed - stored, name))

    def check(self) -> None:
        """Raise ModelError if the arrays claim far more than is stored; several may share the same stored bytes."""
        if self._claimed > allowance(min(self._stored, self._size)):
            claimed = with_unit(self._claimed)
            raise ModelError(
                f"claims to be larger than the file: its arrays have {claimed}, more than "
                f"{limits.CLAIMED_PER_STORED} times what it stores, such as {self._largest[1]}"
            )


def with_unit(count: float) -> str:
    """Return a count of bytes as text.

    >>> with_unit(2_100_000)
    '2.1 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
