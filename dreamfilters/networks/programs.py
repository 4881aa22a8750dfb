"""Compiled programs: one bounded cache for each network, outside the network, which it never keeps alive."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from dreamfilters.networks.network import Network

MOST = 64  # programs of a network; compiling one takes about as long as running it on dozens of images

T = TypeVar("T")


class Programs:
    """The compiled programs of one network; the one that was not used for the longest time is evicted first."""

    def __init__(self, network: Network) -> None:
        network.graph  # noqa: B018 - computed once, then shared with the copy
        # Programs hold on to the network they are made with. They get a copy, so that the user's own value can go.
        self._network = copy.copy(network)
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()  # making a program may need another one

    def get(self, key: Hashable, make: Callable[[Network], T]) -> T:
        """Return the program of a key, made by `make` from the network if it is not cached."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make(self._network)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            program: T = self._kept[key]
            return program

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """The keys of the cached programs, the last used one last."""
        return tuple(self._kept)

    def clear(self) -> None:
        """Drop all programs."""
        self._kept.clear()


_of_networks: WeakKeyDictionary[Network, Programs] = WeakKeyDictionary()


def programs_of(network: Network) -> Programs:
    """Return the cache of a network, empty at first."""
    return _of_networks.get(network) or _of_networks.setdefault(network, Programs(network))
