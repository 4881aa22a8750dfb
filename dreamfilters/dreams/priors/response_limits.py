"""How strongly real images activate a unit: beyond it, an ascent under a learned prior has nothing to gain.

A network can be made surer of a class than any image makes it, by what is not in images. The score that is raised is
therefore cut off at what the sample images of the prior reach.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.images import resize
from dreamfilters.networks import LOGITS, Network

QUANTILE = 0.95  # of the images' scores for the class that each one is predicted as
_BATCH = 32


def response_limits(network: Network, goal: Objective, canvas: Canvas) -> NDArray[np.float32]:
    """Return the largest score of each row of a goal that is worth reaching, (n,).

    For a class, it is the 95 % quantile of the scores that the sample images have for the class with the highest one;
    for other goals, the highest score of a sample image. Infinity stands for none: images scored together.
    """
    if canvas.learned is None or goal.group > 1:
        return np.full(len(goal), np.inf, np.float32)
    if is_of_classes(network, goal):
        return np.full(len(goal), np.quantile(real_scores(network, goal[[0]], canvas)[0], QUANTILE), np.float32)
    return np.asarray(real_scores(network, goal, canvas).max(axis=1))


def real_scores(network: Network, goal: Objective, canvas: Canvas) -> NDArray[np.float32]:
    """Return the scores of the sample images of a canvas's learned prior for each row of a goal, (rows, n).

    For a class, they are the scores of each image for the class with the highest one, the same in every row: an image
    of another class says nothing about how high a score can be.
    """
    assert canvas.learned is not None
    images = _on(canvas, canvas.learned)
    evaluator = Evaluator(network, goal, canvas)
    if is_of_classes(network, goal):
        return np.tile(_top_scores(evaluator, goal, images), (len(goal), 1))
    score = backend.compile(evaluator.score)
    return np.stack([_scores(score, goal, row, images) for row in range(len(goal))])


def is_of_classes(network: Network, goal: Objective) -> bool:
    """Return whether the goal raises whole classes of a classifier."""
    return network.is_classifier and isinstance(goal.kind, tuple) and goal.kind[0] in ("logit", "margin")


def _top_scores(evaluator: Evaluator, goal: Objective, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the score of each image (n, h, w, c) for the class that has the largest logit."""
    logits = backend.compile(evaluator.logits)
    found = []
    for part in _parts(images):
        values = logits(backend.tensor(part))
        best = backend.tensor(np.asarray(values).argmax(axis=-1).astype("int32"))
        found.append(np.asarray(goal.score({LOGITS: values}, best)))
    return np.concatenate(found)[: len(images)]


def _scores(
    score: Callable[[Tensor, object], Tensor], goal: Objective, row: int, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the scores of all images for one row of the goal."""
    wanted = keras.tree.map_structure(backend.tensor, goal[[row] * _BATCH].wanted)
    return np.concatenate([np.asarray(score(backend.tensor(part), wanted)) for part in _parts(images)])[: len(images)]


def _parts(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the images in batches of one size, the last one filled up with the first ones."""
    padded = np.resize(images, (-(-len(images) // _BATCH) * _BATCH, *images.shape[1:]))
    return [padded[first : first + _BATCH] for first in range(0, len(padded), _BATCH)]


def _on(canvas: Canvas, prior: LearnedPrior) -> NDArray[np.float32]:
    """Return the sample images in [0, 1] at the size of the canvas."""
    size = (canvas.height, canvas.width)
    return np.stack([resize(image / np.float32(255), size) for image in prior.sample])
