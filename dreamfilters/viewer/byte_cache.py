"""A least-recently-used cache bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """A mapping that drops its least recently used values when they exceed a number of bytes.

    Example:
        >>> cache = ByteCache(3, size_of=len)
        >>> for word in (b"ab", b"c", b"d"):
        ...     cache[word] = word
        >>> cache.get(b"ab"), cache.get(b"d")
        (None, b'd')
    """

    def __init__(self, limit: int, *, size_of: Callable[[Value], int]) -> None:
        self._limit, self._size_of = limit, size_of
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self.byte_count = 0

    def __setitem__(self, key: Key, value: Value) -> None:
        self.drop(lambda known: known == key)
        self._values[key] = value
        self.byte_count += self._size_of(value)
        while self.byte_count > self._limit and len(self._values) > 1:  # the newest value stays, whatever its size
            self.byte_count -= self._size_of(self._values.popitem(last=False)[1])

    def get(self, key: Key) -> Value | None:
        """Return a value; None if it is not in the cache."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def drop(self, matches: Callable[[Key], bool]) -> None:
        """Drop the values of all matching keys."""
        for key in [key for key in self._values if matches(key)]:
            self.byte_count -= self._size_of(self._values.pop(key))
