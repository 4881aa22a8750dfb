"""A dream made in the worker, told while it grows, that can be cancelled and lets others in between its steps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.ascent.ascent import AscentStep
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.result import Dream
from dreamfilters.images import png_bytes, resize
from dreamfilters.runs.dream_store import shown, side_by_side
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import DreamRequest, Values
from dreamfilters.viewer.worker.session import ModelSession

_BETWEEN = 0.1  # seconds from one frame to the next


def dreamt(
    looks: ModelSession, asked: DreamRequest, tell: Callable[[Values], None], pause: Callable[[], None]
) -> Dream:
    """Return the dream; `tell` gets its frames, and `pause`, called after each step, may raise `Cancelled`."""
    last = -_BETWEEN

    def on_step(moment: AscentStep) -> None:
        nonlocal last
        now = time.monotonic()
        image = None
        if now - last >= _BETWEEN:
            last, image = now, png_bytes(side_by_side(moment.images()[0]))
        tell(
            {
                "id": asked.id,
                "step": moment.step,
                "steps": moment.steps,
                "score": plain(float(moment.scores[0])),
                "png": image,
            }
        )
        pause()

    target, recipe = looks.facts.target(asked.layer, asked.unit), recipes.read_recipe(asked.recipe)
    return dream(looks.network, target, recipe, seed=asked.seed, on_step=on_step)[0]


class _Enough(Exception):  # noqa: N818 - it is no error
    """The first step is done."""


def prepared(looks: ModelSession, layer: str, unit: int, recipe: str) -> None:
    """Compile what a dream of this layer by this recipe runs, by dreaming its first step; it is kept for the others."""

    def on_step(moment: AscentStep) -> None:
        moment.images()
        raise _Enough

    with contextlib.suppress(_Enough):
        dream(looks.network, looks.facts.target(layer, unit), recipes.read_recipe(recipe), on_step=on_step)


def finished(looks: ModelSession, asked: DreamRequest, made: Dream) -> Values:
    """Return what is known of a dream that is done."""
    values = plain(made.as_values())
    image = resize(made.image, looks.facts.size)
    found = looks.map(asked.layer, asked.unit, ("dream", asked.id), image)
    return {
        "id": asked.id,
        "png": png_bytes(shown(made)),
        "map": found,
        "peak": max((value for row in found["values"] for value in row if value is not None), default=None),
        **{
            key: values[key]
            for key in ("target", "score", "robust", "steps", "activated", "recovered_by", "note", "history")
        },
    }
