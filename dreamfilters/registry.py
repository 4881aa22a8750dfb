"""Named entries in a fixed order, to which a caller can add: measures, attribution methods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from dreamfilters.errors import UnknownNameError, close_names


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The key in the registry."""


Entry = TypeVar("Entry", bound=Named)


class Registry(dict[str, Entry]):
    """A mapping from names to entries, in the order of registration.

    >>> from types import SimpleNamespace as Tool
    >>> tools = Registry("tool", [Tool(name="saw")])
    >>> tools.register(Tool(name="hammer"))
    >>> list(tools)
    ['saw', 'hammer']
    """

    def __init__(self, kind: str, entries: Iterable[Entry]) -> None:
        """Register the first entries; `kind` names one of them in an error message."""
        super().__init__((entry.name, entry) for entry in entries)
        self._kind = kind

    def register(self, entry: Entry) -> None:
        """Add an entry, or raise UnknownNameError if its name is taken."""
        if entry.name in self:
            raise UnknownNameError(f"{self._kind} {entry.name}: is registered already; choose another name")
        self[entry.name] = entry

    def remove(self, name: str) -> None:
        """Remove the entry of this name, or raise UnknownNameError."""
        self[name]
        del self[name]

    def __missing__(self, name: str) -> Entry:
        raise unknown(self._kind, name, self)


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error of a name that is not among the known ones.

    >>> unknown("tool", "sow", ["saw"])
    UnknownNameError('tool sow: there is none. Close names: saw')
    """
    return UnknownNameError(f"{kind} {name}: there is none. {close_names(name, known)}")
