"""Layer-wise relevance propagation (LRP)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.relevance.rule import RelevanceRule, boxes_of, offsets_of
from dreamfilters.attribution.relevance.shares import Box
from dreamfilters.attribution.scorer import Scorer, activation_count, steps_run
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.settings import NonNegative, Settings
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_kinds import outputs_of
from dreamfilters.networks.programs import programs_of

_HALVES = 2  # the positive and the negative part of each activation, which the rules hold besides the activation


@dataclass(frozen=True)
class Lrp(Settings):
    """The relevance of each pixel: the score, shared out to the inputs of each layer back to the image.

    Dense layers use the epsilon rule, convolutions and averages alpha1-beta0 (z-plus), the first layer z-B with the
    valid values of the input. A batch normalization after a convolution or dense layer is part of its kernel; other
    steps of single values pass relevance on, max pooling passes it to the maximum, sums share it out, and products give
    it to the signal. The relevances add up to the score (conservation) less what biases and epsilon take.

    Sources: Bach et al., "On pixel-wise explanations for non-linear classifier decisions by layer-wise relevance
    propagation", PLOS ONE 2015; Montavon et al., "Layer-wise relevance propagation: an overview", 2019.

    Attributes:
        epsilon: of dense layers, as a share of the root mean square of a layer's outputs.

    Example:
        >>> Lrp()(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "lrp"
    meaning: ClassVar[str] = "the pixel's relevance, a share of the score; positive raises the score"

    epsilon: NonNegative = 0.01

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return signed heatmaps (n, h, w) for images (n, h, w, c) in [0, 1].

        Raises:
            ModelError: a layer between image and score has no rule, such as attention or layer normalization, or units
                are changed.
        """
        if network.graph.factors:
            raise ModelError(f"{self.name}: has no rule for changed units; use gradient")
        held = _HALVES * activation_count(network, objective)
        scorer, epsilon = Scorer(network, objective, held=held), self.epsilon
        key = (Lrp, epsilon, objective.kind, objective.layers)
        program = programs_of(network).get(
            key, lambda network: backend.compile(_relevance(network, objective, epsilon))
        )
        return np.concatenate([np.asarray(program(*batch))[:count] for batch, count in scorer.batches(images)])


def _relevance(network: Network, objective: Objective, epsilon: float) -> Callable[[Tensor, Wanted], Tensor]:
    """Return (images (n, h, w, c), wanted) -> the relevance of each pixel (n, h, w)."""
    outputs = outputs_of(network.graph)
    steps = tuple(step for step in steps_run(network, objective.layers) if outputs[step.name].of_image)

    def relevance(images: Tensor, wanted: Wanted) -> Tensor:
        x = network.to_input(images)
        rule = RelevanceRule(steps, boxes_of(steps, _box(network, x)), offsets_of(steps), epsilon)
        watch = network.watch(objective.layers, rule=rule)
        _, shares = backend.value_and_gradient(lambda x: (ops.sum(objective.score(watch(x), wanted)), None))(x)
        return ops.sum(shares, axis=-1)

    return relevance


def _box(network: Network, x: Tensor) -> Box:
    """Return the least and greatest values of the network's input, in its order of channels."""
    if network.form.standardized:  # no valid value of one image is beyond its own
        box = ops.min(x, axis=(1, 2, 3), keepdims=True), ops.max(x, axis=(1, 2, 3), keepdims=True)
    else:
        low, high = network.form.box()
        box = ops.convert_to_tensor(low, "float32"), ops.convert_to_tensor(high, "float32")
    low, high = (ops.broadcast_to(value, x.shape) for value in box)
    return (
        (ops.transpose(low, (0, 3, 1, 2)), ops.transpose(high, (0, 3, 1, 2)))
        if network.graph.channels_first
        else (low, high)
    )
