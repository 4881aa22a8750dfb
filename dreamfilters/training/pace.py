"""How often a training is looked at: as often as the looks take at most a share of the training time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Pace:
    """The time of a training and of the looks at it.

    Attributes:
        share: greatest share of the training time that looks may take; None for a look at every period.
        clock: returns seconds.
        trained: seconds of training, without the looks.
        spent: seconds of the looks.
        cost: seconds of the last look.

    >>> pace = Pace(0.05, clock=iter([0.0, 10.0, 10.0, 30.0]).__next__, cost=1.0)
    >>> pace.resume(); pace.pause(); pace.is_due
    False
    >>> pace.resume(); pace.pause(); pace.is_due
    True
    """

    share: float | None
    clock: Callable[[], float] = time.perf_counter
    trained: float = 0.0
    spent: float = 0.0
    cost: float = 0.0
    _since: float | None = None

    def resume(self) -> None:
        """Note that the training goes on now."""
        self._since = self.clock()

    def pause(self) -> None:
        """Note that the training waits from now on."""
        if self._since is not None:
            self.trained += self.clock() - self._since
            self._since = None

    @property
    def is_due(self) -> bool:
        """Whether another look stays within the share."""
        return self.share is None or self.spent + self.cost <= self.share * self.trained

    def add(self, seconds: float) -> None:
        """Add a look that took so long."""
        self.spent, self.cost = self.spent + seconds, seconds

    @property
    def used(self) -> float:
        """The share of the training time that the looks took."""
        return self.spent / self.trained if self.trained else 0.0
