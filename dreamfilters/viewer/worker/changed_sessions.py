"""Sessions of the network with changed units; the latest ones are kept, with their compiled programs."""

from __future__ import annotations

from collections import OrderedDict

from dreamfilters.attribution.ablation.changed_network import changed_network
from dreamfilters.attribution.ablation.unit_change import UnitChange
from dreamfilters.viewer.worker.session import ModelSession

_MOST = 3  # sessions that are kept
_CACHE = 2**26  # bytes of activations of each


class ChangedSessions:
    """The session of a network, and those of the same network with changed units."""

    def __init__(self, plain: ModelSession) -> None:
        self.plain = plain
        self._changed: OrderedDict[tuple[UnitChange, ...], ModelSession] = OrderedDict()

    def of(self, changes: tuple[UnitChange, ...]) -> ModelSession:
        """Return the session of the network with these changes; the plain one where there are none.

        Raises:
            DreamfiltersError: as `changed_network`.
        """
        if not changes:
            return self.plain
        if changes not in self._changed:
            network = changed_network(self.plain.network, changes)
            self._changed[changes] = ModelSession(network, cache=_CACHE, description=self.plain.description)
        self._changed.move_to_end(changes)
        while len(self._changed) > _MOST:
            self._changed.popitem(last=False)
        return self._changed[changes]
