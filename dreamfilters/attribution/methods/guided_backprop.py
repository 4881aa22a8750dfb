"""Backward passes with another gradient of ReLUs: guided backpropagation and the deconvnet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from keras import ops

from dreamfilters.attribution.methods.gradients import largest
from dreamfilters.attribution.scorer import Scorer, steps_run
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network
from dreamfilters.networks.activation_functions import ReluRule, is_relu


def _guided(x: Tensor, upstream: Tensor, ceiling: float) -> Tensor:
    return ops.where((x > 0) & (x < ceiling) & (upstream > 0), upstream, ops.zeros_like(upstream))


def _rectified(x: Tensor, upstream: Tensor, ceiling: float) -> Tensor:
    return ops.maximum(upstream, ops.zeros_like(upstream))


GUIDED, DECONVNET = ReluRule(_guided), ReluRule(_rectified)


@dataclass(frozen=True)
class GuidedBackprop:
    """The gradient without what passes a ReLU backward that is inactive, or with a negative value.

    The value is the maximum over the channels of the magnitude. The map shows sharp edges; it depends little on the
    class and on the weights of late layers (Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018). Other
    activations than ReLU keep their gradient. Source: Springenberg et al., "Striving for simplicity", arXiv 1412.6806
    (2014), section 3.4.

    Example:
        >>> GuidedBackprop()(network, channel("conv6", 12), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "guided-backprop"
    meaning: ClassVar[str] = "the largest magnitude of the channels of the guided gradient; no sign"
    signed: ClassVar[bool] = False

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of zero or more for images (n, h, w, c) in [0, 1].

        Raises:
            ModelError: the score depends on no ReLU.
        """
        return _heatmaps(self.name, GUIDED, network, objective, images)


@dataclass(frozen=True)
class Deconvnet:
    """The backward pass in which every ReLU passes what is positive, whether it is active or not.

    The value is the maximum over the channels of the magnitude. Max pooling passes back to where its maximum was.
    Other activations than ReLU keep their gradient. Source: Zeiler and Fergus, "Visualizing and understanding
    convolutional networks", arXiv 1311.2901 (2013); as a modified gradient, Springenberg et al. 2014.

    Example:
        >>> Deconvnet()(network, channel("conv6", 12), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "deconvnet"
    meaning: ClassVar[str] = "the largest magnitude of the channels of the deconvnet's signal; no sign"
    signed: ClassVar[bool] = False

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of zero or more for images (n, h, w, c) in [0, 1].

        Raises:
            ModelError: the score depends on no ReLU.
        """
        return _heatmaps(self.name, DECONVNET, network, objective, images)


def _heatmaps(name: str, rule: ReluRule, network: Network, objective: Objective, images: Floats) -> Floats:
    """Return the largest magnitudes of the gradient by a rule, (n, h, w); raise ModelError if there is no ReLU."""
    check_rectifies(name, network, objective)
    return largest(Scorer(network, objective, rule).gradients(images)[1])


def check_rectifies(name: str, network: Network, objective: Objective) -> None:
    """Raise ModelError if the score depends on no ReLU, so that a method of this name is the gradient."""
    if not any(is_relu(step) for step in steps_run(network, objective.layers)):
        raise ModelError(
            f"{name}: {network.name} has no ReLU up to {objective.names[0]}, so that this is the gradient; use gradient"
        )
