"""Images of confused pairs: the dream of the margin between the classes, and the pixels behind their mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamfilters.attribution.methods.integrated_gradients import IntegratedGradients
from dreamfilters.attribution.overlays import overlay
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.errors import DreamfiltersError
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.images import ImageArray

RECIPE = "fast"
_MISTAKES = 4  # of a pair, the most confident ones of both directions


@dataclass(frozen=True, eq=False)
class MistakeImages:
    """A mistake: its label, its predicted class, and the heatmap of the predicted class's logit minus the label's."""

    name: str
    label: str
    predicted: str
    heatmap: ImageArray


@dataclass(frozen=True, eq=False)
class MarginImages:
    """The images of a pair.

    Attributes:
        dream: what raises the logit of the first class over that of the second.
        mistakes: heatmaps of mistakes in both directions.
    """

    dream: ImageArray
    mistakes: tuple[MistakeImages, ...]


def margin_images(job: EvaluationJob, evaluation: Evaluation) -> tuple[MarginImages | None, ...]:
    """Return the images of each pair in `separations`; None for a network whose logits have no gradient."""
    pairs = evaluation.separations
    if not pairs:
        return ()
    goal = logit([pair.first for pair in pairs]) - logit([pair.second for pair in pairs])
    try:
        dreams = dream(job.network, goal, RECIPE)
        return tuple(
            MarginImages(made.image, _mistakes(job, evaluation, pair)) for made, pair in zip(dreams, pairs, strict=True)
        )
    except DreamfiltersError:  # the commands of the page say why
        return (None,) * len(pairs)


def _mistakes(job: EvaluationJob, evaluation: Evaluation, pair: ClassSeparation) -> tuple[MistakeImages, ...]:
    found: list[MistakeImages] = []
    for label, predicted in ((pair.first, pair.second), (pair.second, pair.first)):
        rows = next(
            (one.rows for one in evaluation.misclassified if (one.label, one.predicted) == (label, predicted)), ()
        )
        names, images = _read(job, evaluation, rows[: _MISTAKES // 2])
        if not images:
            continue
        heatmaps = IntegratedGradients()(job.network, logit(predicted) - logit(label), np.stack(images))
        classes = evaluation.classes[label], evaluation.classes[predicted]
        found += [
            MistakeImages(name, *classes, overlay(image, heatmap))
            for name, image, heatmap in zip(names, images, heatmaps, strict=True)
        ]
    return tuple(found)


def _read(job: EvaluationJob, evaluation: Evaluation, rows: Sequence[int]) -> tuple[list[str], list[ImageArray]]:
    """Return the names and images of the rows whose image can be read."""
    fitted = job.source.fitted(job.size, job.network.form)
    tried = [(evaluation.name_of(row), fitted.tried(int(evaluation.indices[row]))) for row in rows]
    known = [(name, image) for name, image in tried if not isinstance(image, str)]
    return [name for name, _ in known], [image for _, image in known]
