"""Evaluations with the units behind the most confused classes: what separates them, and what the mistakes lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.logit_attribution import margin_contributions
from dreamfilters.backend import Tensor
from dreamfilters.errors import ModelError, RecipeError
from dreamfilters.evidence.activations import Activations, stream_program
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.evaluation.result import ClassPair, Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation, UnitRows, separation
from dreamfilters.evidence.features import penultimate
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.progress import OnProgress, Progress

PAIRS = 6  # confused pairs whose units are compared
MOST_IMAGES = 200  # of a class, evenly spread, and of the mistakes of a pair in one direction


def evaluate(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    labels: Sequence[object] | None = None,
    *,
    layer: str | None = None,
    pairs: int = PAIRS,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Evaluation:
    """Return how well a network classifies labeled images: accuracy, confusions, calibration, and units behind them.

    Images are streamed: only their logits are kept. Images of no class are left out, unreadable ones are listed in
    `failures`. For the most confused pairs of classes, the units of a layer are compared on at most `MOST_IMAGES`
    images of each class.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8; resized to the network's
            input size.
        labels: one label per image, a name or a number, "" for none (default: those of the folder).
        layer: whose units are compared (default: the layer before the logits).
        pairs: number of confused pairs whose units are compared.
        batch: images per batch; it changes the running time, never the result.
        progress: called after each batch with the number of images done.

    Raises:
        ModelError: the network predicts no classes of whole images.
        ImageError: no image can be read, none has a label, or all are of one class.
        UnknownNameError: no label means a class, or the network has no such layer.

    Example:
        >>> found = evaluate(network, image_folder("signs"), pairs=1)
        >>> found.count, [pair.count for pair in found.pairs[:2]]
        (172, [1, 1])
    """
    network = network_of(network)
    job = EvaluationJob(network, source_of(images, labels), batch)
    named = compared_layer(network, layer)
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, len(job.wanted), name))
    return with_separations(job, job.result(state), named, pairs)


def compared_layer(network: Network, layer: str | None) -> str:
    """Return the exact name of the layer whose units are compared; "" where there is none before the logits.

    Raises:
        UnknownNameError: the network has no such layer.
        RecipeError: its units have no responses to images.
    """
    named = penultimate(network) if layer is None else layer
    if named == LOGITS:
        return ""
    info = network.layer(named)
    if not info.is_visual:
        raise RecipeError(f"{named}: {info.reason}; choose another layer")
    return info.name


def with_separations(job: EvaluationJob, evaluation: Evaluation, layer: str, pairs: int) -> Evaluation:
    """Return the evaluation with the units of its most confused pairs.

    Args:
        job: whose network and images they are.
        evaluation: its result.
        layer: a name that `compared_layer` returns.
        pairs: number of pairs.
    """
    if pairs < 0:
        raise RecipeError(f"pairs={pairs}: must be 0 or more")
    chosen = evaluation.pairs[:pairs] if layer else ()
    return replace(evaluation, separations=separations(job, evaluation, layer, chosen) if chosen else ())


def separations(
    job: EvaluationJob, evaluation: Evaluation, layer: str, pairs: Sequence[ClassPair]
) -> tuple[ClassSeparation, ...]:
    """Return the units of a layer that separate each pair, from one more pass over images of their classes."""
    shown: list[int] = []  # the rows whose image could be read, in their order
    samples = [_Sample.of(evaluation, pair) for pair in pairs]
    rows = sorted(set().union(*(sample.rows for sample in samples)))
    program, remark = _program(job.network, layer, pairs)
    images = _images(job, evaluation, rows, shown)
    responses: dict[int, NDArray[np.float32]] = {}
    contributions: dict[tuple[int, int], NDArray[np.float32]] = {}  # of a pair and a row
    place = 0
    for part in stream_program(job.network, images, program, [layer], batch=job.batch):
        for at in range(len(part["response"])):
            row = shown[place + at]
            responses[row] = part["response"][at].copy()  # the batch is then free
            for number, sample in enumerate(samples):
                if not remark and row in sample.rows:
                    contributions[number, row] = part[f"contribution {number}"][at].copy()
        place += len(part["response"])
    found = (
        _separated(evaluation, layer, sample, responses, _of_pair(contributions, number), remark)
        for number, sample in enumerate(samples)
    )
    return tuple(each for each in found if each is not None)


@dataclass(frozen=True)
class _Sample:
    """The rows of a pair: `spread`, evenly over the images of both classes, and the mistakes."""

    pair: ClassPair
    spread: frozenset[int]
    rows: frozenset[int]

    @classmethod
    def of(cls, evaluation: Evaluation, pair: ClassPair) -> _Sample:
        spread = frozenset(
            int(row)
            for number in (pair.first, pair.second)
            for row in _spread(np.flatnonzero(evaluation.truth == number))
        )
        both = {(pair.first, pair.second), (pair.second, pair.first)}
        groups = (one.rows[:MOST_IMAGES] for one in evaluation.misclassified if (one.label, one.predicted) in both)
        return cls(pair, spread, spread.union(*groups))


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most `MOST_IMAGES` rows, evenly spread, because neighbors often show the same object."""
    return np.asarray(rows[np.linspace(0, len(rows) - 1, min(MOST_IMAGES, len(rows))).astype(int)])


def _images(job: EvaluationJob, evaluation: Evaluation, rows: Sequence[int], shown: list[int]) -> Iterator[ImageArray]:
    """Yield the images of rows that can be read, and append each one's row to `shown`."""
    fitted = job.source.fitted(job.size, job.network.form)
    for row in rows:
        image = fitted.tried(int(evaluation.indices[row]))
        if not isinstance(image, str):
            shown.append(row)
            yield image


def _program(network: Network, layer: str, pairs: Sequence[ClassPair]) -> tuple[Callable[[Tensor], Activations], str]:
    """Return the program from images to responses and contributions, and why it has no contributions, or ''."""
    try:
        margins = [(pair.first, pair.second) for pair in pairs]
        return backend.compile(margin_contributions(network, layer, margins)), ""
    except ModelError as error:
        return backend.compile(_responses(network, layer)), str(error)


def _responses(network: Network, layer: str) -> Callable[[Tensor], Activations]:
    """Return the function from images to the mean of each unit's map."""
    watch = network.watch(frozenset({layer}))

    def responses(images: Tensor) -> Activations:
        values = watch(network.to_input(images))[layer]
        return {"response": ops.mean(values, axis=position_axes(values))}

    return responses


def _of_pair(contributions: dict[tuple[int, int], NDArray[np.float32]], number: int) -> dict[int, NDArray[np.float32]]:
    return {row: values for (pair, row), values in contributions.items() if pair == number}


def _separated(
    evaluation: Evaluation,
    layer: str,
    sample: _Sample,
    responses: dict[int, NDArray[np.float32]],
    contributions: dict[int, NDArray[np.float32]],
    remark: str,
) -> ClassSeparation | None:
    """Return how units separate a pair; None if an image of either class cannot be read any more."""
    rows = np.array(sorted(sample.rows & responses.keys()), np.intp)
    truth, (first, second) = evaluation.truth[rows], (sample.pair.first, sample.pair.second)
    if not {first, second} <= set(truth.tolist()):
        return None
    logits = evaluation.logits[rows]
    return separation(
        layer,
        first,
        second,
        UnitRows(
            responses=np.stack([responses[row] for row in rows]),
            contributions=np.stack([contributions[row] for row in rows]) if contributions else None,
            margins=logits[:, first] - logits[:, second],
            labels=truth,
            predicted=evaluation.predicted[rows],
            spread=np.array([row in sample.spread for row in rows], bool),
        ),
        remark=remark,
    )
