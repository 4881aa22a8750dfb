"""Progress of a long computation: how much is done, of how much, and what is being done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Progress:
    """The state of a long computation."""

    done: float  # amount of work done, in units of `total`
    total: float  # amount of work in all; 0 if it is unknown
    note: str  # what is being done, one line
    # Of an ascent: returns the images as they are now, (n, h, w, c); only while the listener is called.
    images: Callable[[], np.ndarray] | None = field(default=None, compare=False, repr=False)

    @property
    def share(self) -> float:
        """The share of the work that is done, 0 if the total is unknown.

        >>> Progress(3, 4, "stop.png").share
        0.75
        """
        return self.done / self.total if self.total else 0.0


OnProgress: TypeAlias = Callable[[Progress], None]


class OverallProgress:
    """Progress of a computation in several parts, reported as a share that never decreases.

    >>> overall = OverallProgress(print)
    >>> overall.part(0.5, 1.0, "scanning")(Progress(1, 2, "stop.png"))
    Progress(done=0.75, total=1.0, note='scanning stop.png')
    """

    def __init__(self, listener: OnProgress | None) -> None:
        """Report to `listener`, if there is one."""
        self._listener = listener
        self._share = 0.0

    def report(self, share: float, note: str, images: Callable[[], np.ndarray] | None = None) -> None:
        """Report the share of the whole computation that is done, between 0 and 1; `images` as in `Progress`."""
        self._share = max(self._share, share)
        if self._listener is not None:
            self._listener(Progress(self._share, 1.0, note, images))

    def part(self, start: float, end: float, doing: str = "") -> OnProgress:
        """Return a callback for the part from share `start` to share `end`; notes are prefixed with `doing`."""

        def report(part: Progress) -> None:
            self.report(start + (end - start) * part.share, f"{doing} {part.note}".strip(), part.images)

        return report
