"""`LiveView`: the latest look of a training in the cell of a notebook, one display that is updated in place."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from typing import Any

from dreamfilters.display import frame, heading, in_notebook, table
from dreamfilters.training.history import Training, look_parts

_LINES = 5  # of what was said last


class LiveView:
    """One display of the cell that trains. It shows the accuracy, the verdicts, the dreams and the last findings."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._handle: Any = None
        self._lines: deque[str] = deque(maxlen=_LINES)

    def update(self, training: Training | None, lines: Iterable[str] = ()) -> None:
        """Show the last look of a training, and new lines above those before."""
        self._lines.extendleft(lines)
        shown = _Html(live_html(training, self._lines))
        if self._handle is None:
            self._handle = sys.modules["IPython"].display.display(shown, display_id=True)
        else:
            self._handle.update(shown)


def live_view() -> LiveView | None:
    """Return a view for the cell that runs, None outside of a notebook."""
    return LiveView() if in_notebook() else None


def live_html(training: Training | None, lines: Iterable[str] = ()) -> str:
    """Return what the cell shows: the last look, the lines, and how many units of each layer have each verdict.

    >>> "1 dead" in live_html(None, ["1 dead"])
    True
    """
    if training is None or not training.looks:
        return frame(heading("Training", "no look yet"), *lines)
    head, bars, dreams = look_parts(training)
    last = training.looks[-1]
    counts = {layer.name: training.counts(last, layer.name) for layer in training.layers}
    kinds = [kind for kind in next(iter(counts.values()), {}) if any(found[kind] for found in counts.values())]
    rows = [{"layer": name, **{kind: found[kind] for kind in kinds}} for name, found in counts.items()]
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in last.logs.items())
    return frame(head, *([metrics] if metrics else []), *lines, bars, table("", rows), dreams)


class _Html:
    """HTML as a notebook shows it; the text is for front ends without HTML."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return "TrainingMonitor: the latest look"
