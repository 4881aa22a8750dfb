"""The real images for which a target has the highest score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.attribution.attribute import check_objective, objective_of
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, files_for
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress

GivenImages: TypeAlias = ImageFolder | ArrayLike | str | Path

_CHUNK = 64  # images that are in memory besides the strongest


@dataclass(frozen=True, eq=False)
class StrongestImages:
    """Images by descending score.

    Attributes:
        objective: what is scored.
        names, labels: (n,) of the images; the label is "" where it is unknown.
        images: (n, h, w, c) in [0, 1], at the network's size.
        scores: (n,).
        searched: number of images that were read.
        failures: name and reason of each file that cannot be read.
    """

    objective: Objective
    names: tuple[str, ...]
    labels: tuple[str, ...]
    images: Floats
    scores: Floats
    searched: int
    failures: tuple[tuple[str, str], ...] = ()


def strongest_images(
    network: Network,
    target: Objective | str,
    images: GivenImages,
    count: int,
    *,
    progress: OnProgress | None = None,
) -> StrongestImages:
    """Return the `count` images with the highest scores, or all if there are fewer; equal scores keep their order.

    Args:
        network: the network.
        target: one target, such as "conv6:12" or "class:STOP".
        images: a folder, its `ImageFolder`, or images (n, h, w, c) in [0, 1] or of uint8.
        count: number of images that are kept.
        progress: called with the number of images that were read.

    Raises:
        TargetError, UnknownNameError: the target is not one of the network.
        ImageError: no image can be read, or they differ in size and the network accepts any size.
    """
    objective = objective_of(network, target)
    found = opened_images(images, network.form.channels)
    source = files_for(network, found) if isinstance(found, ImageFolder) else ImageArrays.of(found)
    pairs = ((index, network.form.fit(image)) for index, image in source.only(range(len(source))))
    best: list[tuple[float, int, Floats]] = []
    searched = 0
    scorer = Scorer(network, objective)
    for chunk in _chunks(pairs):
        stack = np.stack([image for _, image in chunk])
        if not searched:
            check_objective(network, objective, stack.shape[1:])
        scores = scorer.scores(stack)
        best += [(float(score), index, image) for score, (index, image) in zip(scores, chunk, strict=True)]
        best = sorted(best, key=lambda one: (-one[0], one[1]))[:count]
        searched += len(chunk)
        if progress is not None:
            progress(Progress(searched, len(source), source.names[chunk[-1][0]]))
    names = dict(zip(getattr(source, "paths", ()), source.names, strict=False))
    failures = tuple((names[path], reason) for path, reason in source.failures)
    if not best:
        raise ImageError(f"none of {len(source)} images can be read{f'; {failures[0]}' if failures else ''}")
    return StrongestImages(
        objective,
        tuple(source.names[index] for _, index, _ in best),
        tuple(source.labels[index] for _, index, _ in best),
        np.stack([image for _, _, image in best]),
        np.array([score for score, _, _ in best], np.float32),
        searched,
        failures,
    )


def _chunks(pairs: Iterator[tuple[int, Floats]]) -> Iterator[list[tuple[int, Floats]]]:
    """Yield images of one size in lists."""
    shape = None
    while chunk := list(islice(pairs, _CHUNK)):
        shape = shape or chunk[0][1].shape
        other = next((image.shape for _, image in chunk if image.shape != shape), None)
        if other is not None:
            raise ImageError(f"images of shapes {shape} and {other}: give images of one size and number of channels")
        yield chunk
