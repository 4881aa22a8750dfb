"""Class activation maps without a gradient: the weight of a unit is the score with it alone shown, or left out.

Each unit of the layer is a forward pass: of the whole network where the image changes, and from the layer on where only
its output does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.fills import Fill, fill_of
from dreamfilters.attribution.methods.cam_layers import cam_layer, enlarging, over_image, planes_of
from dreamfilters.attribution.methods.versions import version_batches
from dreamfilters.attribution.network_split import split_before
from dreamfilters.attribution.scorer import Score, Scorer
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.settings import Settings
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.networks import LayerInfo, Network
from dreamfilters.networks.programs import programs_of


@dataclass(frozen=True)
class ScoreCam(Settings):
    """Score-CAM: the maps of a layer, weighted by the scores of the image where each of them is large.

    The map of unit k is enlarged to the image and scaled to [0, 1]. As a mask it shows the image over a fill, and s_k
    is the score of that. The weights are the softmax of the s_k over the units, and the map is max(0, sum of weight_k *
    a_k). The score of the fill alone, which the paper subtracts, cancels in the softmax. A unit whose map is constant
    has the weight 0. Every unit is a forward pass: 128 for `signs`, 2,048 for ResNet50.

    Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
    Workshops 2020 (arXiv 1910.01279), algorithm 1.

    Attributes:
        layer: the layer, as in `GradCam`.
        fill: what hidden pixels show, as in `Rise`; in the paper 0 after the preprocessing, near gray.

    Raises:
        RecipeError: there is no such fill.

    Example:
        >>> ScoreCam()(network, logit(14), images[:1]).shape
        (1, 48, 48)
    """

    name: ClassVar[str] = "score-cam"
    meaning: ClassVar[str] = "maps of the last layer with positions, weighted by the scores they show; positive part"

    layer: str | None = None
    fill: Fill = "gray"

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w), zero or more, for images (n, h, w, c) in [0, 1]."""
        scorer = Scorer(network, objective)
        program = scorer.program("unit masks", _scores_of_shown)

        def weights(image: Floats, values: Floats, planes: Floats, info: LayerInfo) -> NDArray[np.float64]:
            matrices = [side.astype(np.float32) for side in enlarging(image.shape[:2], planes.shape[:2], info)]
            given = [backend.tensor(each) for each in (image, fill_of(image, self.fill), planes, *matrices)]
            is_flat = np.ptp(planes, axis=(0, 1)) == 0
            scores = _collected(scorer, planes.shape[-1], lambda numbers, wanted: program(*given, numbers, wanted))
            return _softmax(np.where(is_flat, -np.inf, scores))

        return _heatmaps(scorer, images, self.layer, weights)


@dataclass(frozen=True)
class AblationCam(Settings):
    """Ablation-CAM: the maps of a layer, each weighted by the drop of the score when it is set to zero.

    The map is max(0, sum over k of (score - score without k) * a_k). The paper divides by the score, which scales the
    whole map, and would turn its sign where the score is negative. Every unit is a forward pass from the layer on.

    Source: Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
    Localization", WACV 2020.

    Attributes:
        layer: the layer, as in `GradCam`.

    Example:
        >>> AblationCam()(network, logit(14), images[:1]).shape
        (1, 48, 48)
    """

    name: ClassVar[str] = "ablation-cam"
    meaning: ClassVar[str] = "maps of the last layer with positions, weighted by the drop without each; positive part"

    layer: str | None = None

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w), zero or more, for images (n, h, w, c) in [0, 1]."""
        scorer = Scorer(network, objective)

        def weights(image: Floats, values: Floats, planes: Floats, info: LayerInfo) -> NDArray[np.float64]:
            first, program = programs_of(network).get(
                (AblationCam, info.name, objective.kind, objective.layers),
                lambda network: _programs_without(network, objective, info.name),
            )
            # paths that bypass the layer stay as they are
            activation, others = first(backend.tensor(image[None]))
            if any(value.shape[0] != 1 for value in others):  # windows of the image, which cannot be repeated
                key = (AblationCam, "whole", info.name, objective.kind, objective.layers)
                first, program = programs_of(network).get(key, lambda one: _whole_programs(one, objective, info.name))
                activation, others = first(backend.tensor(image[None]))
            # the number after the last unit leaves out none: the score itself
            scores = _collected(
                scorer, planes.shape[-1] + 1, lambda numbers, wanted: program(activation, others, numbers, wanted)
            )
            return np.asarray(scores[-1] - scores[:-1])

        return _heatmaps(scorer, images, self.layer, weights)


def _heatmaps(
    scorer: Scorer,
    images: Floats,
    layer: str | None,
    weights: Callable[[Floats, Floats, Floats, LayerInfo], NDArray[np.float64]],
) -> Floats:
    """Return the heatmaps of images from the function that gives the weights of one image's units."""
    size = (images.shape[1], images.shape[2])
    info = cam_layer(scorer.network, scorer.objective, layer, size)
    maps = []
    for image in images:
        (values,) = activations(scorer.network, image[None], [info.name])[info.name]
        (planes,) = planes_of(values[None], info)
        maps.append(np.maximum(0, planes.astype(np.float64) @ weights(image, values, planes, info)))
    return over_image(np.stack(maps), size, info)


def _collected(scorer: Scorer, count: int, score: Callable[[NDArray[np.int32], Wanted], Tensor]) -> NDArray[np.float64]:
    """Return the scores of the versions 0 to count - 1 of an image, (count,)."""

    def parts() -> Iterator[NDArray[np.float32]]:
        for numbers, wanted, real in version_batches(scorer, count):
            yield np.asarray(score(numbers, wanted))[:real]

    return np.concatenate(list(parts())).astype(np.float64)


def _softmax(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    top = numbers.max()
    if not np.isfinite(top):  # all maps are flat
        return np.zeros_like(numbers)
    powers = np.exp(numbers - top)
    return np.asarray(powers / powers.sum())


def _scores_of_shown(score: Score) -> Callable[..., Tensor]:
    """Return the program from an image and numbers of units to the score of what the map of each unit shows, (k,)."""

    def scores(
        image: Tensor, fill: Tensor, planes: Tensor, rows: Tensor, columns: Tensor, numbers: Tensor, wanted: Wanted
    ) -> Tensor:
        maps = ops.transpose(ops.take(planes, numbers, axis=-1), (2, 0, 1))
        large = ops.matmul(ops.matmul(rows, maps), ops.transpose(columns))
        low, high = (end(large, axis=(1, 2), keepdims=True) for end in (ops.min, ops.max))
        span = ops.where(high > low, high - low, 1.0)
        masks = ((large - low) / span)[..., None]
        return score(fill + masks * (image - fill), wanted)

    return scores


def _programs_without(network: Network, objective: Objective, layer: str) -> tuple[Callable[..., Any], ...]:
    """Return two compiled programs, which leave out one unit of a layer each, for one image.

    The first maps the image (1, h, w, c) to (values, others); the second these, numbers of units (k,) and `wanted` to
    the score without each unit, (k,). What the objective reads is computed from the layer on. An objective of several
    addresses, or of the layer itself, passes the whole network.
    """
    try:
        (address,) = objective.layers
        parts = split_before(network, layer, address)
        first = backend.compile(parts.first)
    except (ValueError, ModelError):
        return _whole_programs(network, objective, layer)

    def scores(activation: Tensor, others: tuple[Tensor, ...], numbers: Tensor, wanted: Wanted) -> Tensor:
        count = numbers.shape[0]
        kept = ops.repeat(activation, count, axis=0) - _taken(activation[0], numbers)
        bypassing = tuple(ops.repeat(other, count, axis=0) for other in others)
        return objective.score({address: parts.rest(kept, bypassing)}, wanted)

    return first, backend.compile(scores)


def _whole_programs(network: Network, objective: Objective, layer: str) -> tuple[Callable[..., Any], ...]:
    """Return the same programs; the second one passes the whole network."""
    only_layer, watch = network.watch(frozenset({layer})), network.watch(objective.layers | {layer})

    def first(images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return only_layer(network.to_input(images))[layer], (images,)

    def scores(activation: Tensor, others: tuple[Tensor, ...], numbers: Tensor, wanted: Wanted) -> Tensor:
        repeated = ops.repeat(others[0], numbers.shape[0], axis=0)
        added = {layer: -_taken(activation[0], numbers)}
        return objective.score(watch(network.to_input(repeated), added=added), wanted)

    return backend.compile(first), backend.compile(scores)


def _taken(values: Tensor, numbers: Tensor) -> Tensor:
    """Return what each of the units (k,) adds to the activation (..., c) of one image, (k, ..., c)."""
    chosen = ops.one_hot(numbers, values.shape[-1])
    return ops.reshape(chosen, (numbers.shape[0], *[1] * (len(values.shape) - 1), -1)) * values
