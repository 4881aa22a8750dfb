"""Dreams in the worker: run with frames for the page, compiled in advance, measured against the images."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measuring import compare_batch
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import units_of
from dreamfilters.dreams.ascent.ascent import AscentStep
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.images import png_bytes
from dreamfilters.images.encoding import channels_side_by_side
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import DreamRequest, Values
from dreamfilters.viewer.worker.session import ModelSession

Pause: TypeAlias = Callable[[], None]

_FRAME_INTERVAL = 0.1  # seconds


def run_dream(
    session: ModelSession,
    request: DreamRequest,
    send: Callable[[Values], None],
    pause: Pause,
    prior: LearnedPrior | None = None,
) -> Dream:
    """Return the dream; `send` gets its steps, with a frame at intervals, and `pause` is called after each step."""
    last_frame = -_FRAME_INTERVAL

    def on_step(step: AscentStep) -> None:
        nonlocal last_frame
        now, png = time.monotonic(), None
        if now - last_frame >= _FRAME_INTERVAL:
            last_frame, png = now, png_bytes(channels_side_by_side(step.images()[0]))
        score = plain(float(step.scores[0]))
        send({"id": request.id, "step": step.step, "steps": step.steps, "score": score, "png": png})
        pause()

    target = session.description.target(request.layer, request.unit)
    recipe = read_recipe(request.recipe)
    return dream(session.network, target, recipe, seed=request.seed, prior=prior, on_step=on_step)[0]


class _FirstStepDone(Exception):  # noqa: N818 - not an error
    """Ends a dream after its first step."""


def compile_dream(session: ModelSession, layer: str, unit: int, recipe: str, prior: LearnedPrior | None = None) -> None:
    """Compile the programs of a dream of this layer by this recipe, by running one step; later dreams use them."""

    def on_step(step: AscentStep) -> None:
        step.images()
        raise _FirstStepDone

    target = session.description.target(layer, unit)
    with contextlib.suppress(_FirstStepDone):
        dream(session.network, target, read_recipe(recipe), prior=prior, on_step=on_step)


def dream_measures(references: ReferenceSet, recipe: Recipe, dreams: Sequence[Dream]) -> Values:
    """Return what a comparison measures of the first of some dreams of one unit, all by one recipe and of other seeds.

    The headline and the captions are those of the report, `numbers` is the unit's row.
    """
    _, (unit,) = units_of(references.network, dreams[0].name, recipe)
    (compared,) = compare_batch(Batch(references, (unit,), {unit.name: tuple(dreams)}))
    values: Values = plain(
        {
            "headline": compared.headline,
            "measures": list(compared.captions.values()),
            "numbers": compared.row,
            "missing": compared.missing,
        }
    )
    return values
