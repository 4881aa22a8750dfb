"""Dreams in the worker: frames are sent while the image changes, and other requests run between the steps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.ascent.ascent import AscentStep
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.result import Dream
from dreamfilters.images import png_bytes
from dreamfilters.runs.dream_store import shown, side_by_side
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import DreamRequest, Values
from dreamfilters.viewer.worker.session import ModelSession

_FRAME_INTERVAL = 0.1  # seconds


def run_dream(
    session: ModelSession, request: DreamRequest, send: Callable[[Values], None], pause: Callable[[], None]
) -> Dream:
    """Return the dream; `send` gets its steps, and `pause`, called after each step, may raise `Cancelled`."""
    last_frame = -_FRAME_INTERVAL

    def on_step(step: AscentStep) -> None:
        nonlocal last_frame
        now, png = time.monotonic(), None
        if now - last_frame >= _FRAME_INTERVAL:
            last_frame, png = now, png_bytes(side_by_side(step.images()[0]))
        score = plain(float(step.scores[0]))
        send({"id": request.id, "step": step.step, "steps": step.steps, "score": score, "png": png})
        pause()

    target = session.description.target(request.layer, request.unit)
    return dream(session.network, target, recipes.read_recipe(request.recipe), seed=request.seed, on_step=on_step)[0]


class _FirstStepDone(Exception):  # noqa: N818 - not an error
    """Ends a dream after its first step."""


def compile_dream(session: ModelSession, layer: str, unit: int, recipe: str) -> None:
    """Compile the programs of a dream of this layer by this recipe, by running one step; later dreams use them."""

    def on_step(step: AscentStep) -> None:
        step.images()
        raise _FirstStepDone

    target = session.description.target(layer, unit)
    with contextlib.suppress(_FirstStepDone):
        dream(session.network, target, recipes.read_recipe(recipe), on_step=on_step)


def dream_values(session: ModelSession, request: DreamRequest, dream: Dream) -> Values:
    """Return a finished dream as values: its image, the unit's map on it, and the numbers of the ascent."""
    unit_map = session.unit_map(
        request.layer, request.unit, ("dream", request.id), session.network.form.fit(dream.image)
    )
    rows = [*unit_map["values"], unit_map["other_tokens"]]
    values = plain(dream.as_values())
    keys = ("target", "score", "robust", "steps", "activated", "recovered_by", "note", "history")
    return {
        "id": request.id,
        "png": png_bytes(shown(dream)),
        "map": unit_map,
        "maximum": max((value for row in rows for value in row if value is not None), default=None),
        **{key: values[key] for key in keys},
    }
