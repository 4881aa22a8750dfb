"""Steps of an ascent as progress in finished dreams."""

from __future__ import annotations

from dreamfilters.dreams.ascent.ascent import AscentStep, OnStep
from dreamfilters.progress import OnProgress, Progress


def step_progress(progress: OnProgress, total: int, before: int = 0) -> OnStep:
    """Return a callback for the steps of an ascent that reports dreams done, of `total`.

    The count never decreases, although a fallback starts a dream again.

    Args:
        progress: called with the progress.
        total: number of dreams in all.
        before: number of dreams finished before this ascent.
    """
    furthest = 0.0

    def on_step(step: AscentStep) -> None:
        nonlocal furthest
        names = tuple(dict.fromkeys(step.names))
        furthest = max(furthest, step.finished + len(names) * step.step / step.steps)
        progress(Progress(min(before + furthest, total), total, names[0]))

    return on_step
