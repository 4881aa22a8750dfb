"""What was computed once and may be asked for again, as many bytes of it as fit; the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """A cache bounded in bytes.

    Example:
        >>> kept = ByteCache(3, weigh=len)
        >>> for word in (b"ab", b"c", b"d"):
        ...     kept[word] = word
        >>> kept.get(b"ab"), kept.get(b"d")
        (None, b'd')
    """

    def __init__(self, room: int, *, weigh: Callable[[Value], int]) -> None:
        self._room, self._weigh = room, weigh
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._values)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.drop(lambda known: known == key)
        self._values[key] = value
        self.weight += self._weigh(value)
        while self.weight > self._room and len(self._values) > 1:  # the newest stays, however large
            self.weight -= self._weigh(self._values.popitem(last=False)[1])

    def get(self, key: Key) -> Value | None:
        """Return a value, None where it is not or no longer kept."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Forget the values under all keys that are unwanted."""
        for key in [key for key in self._values if unwanted(key)]:
            self.weight -= self._weigh(self._values.pop(key))
