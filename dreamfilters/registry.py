"""Named entries in a fixed order, to which a caller can add: measures, attribution methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeVar

from dreamfilters.errors import UnknownNameError, close_names


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The key in the registry."""


Entry = TypeVar("Entry", bound=Named)


class Registry(Mapping[str, Entry]):
    """A mapping from names to entries, in the order of registration.

    Example:
        >>> from types import SimpleNamespace as Tool
        >>> tools = Registry("tool", [Tool(name="saw")])
        >>> tools.register(Tool(name="hammer"))
        >>> list(tools)
        ['saw', 'hammer']
    """

    def __init__(self, kind: str, entries: list[Entry]) -> None:
        """Register the first entries; `kind` names one of them in an error message."""
        self._kind = kind
        self._entries = {entry.name: entry for entry in entries}

    def register(self, entry: Entry) -> None:
        """Add an entry.

        Raises:
            UnknownNameError: the name is taken.
        """
        if entry.name in self._entries:
            raise UnknownNameError(f"{self._kind} {entry.name}: is registered already; choose another name")
        self._entries[entry.name] = entry

    def remove(self, name: str) -> None:
        """Remove the entry of this name, or raise UnknownNameError."""
        self[name]
        del self._entries[name]

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise UnknownNameError(f"{self._kind} {name}: there is none. {close_names(name, self._entries)}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
