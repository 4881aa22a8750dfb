"""Class activation maps: a weighted sum of the maps of one layer, with weights from the gradient of the score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.methods.cam_layers import activation_and_gradient, cam_layer, over_image, planes_of
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.settings import Settings
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network
from dreamfilters.networks.programs import programs_of

Plane: TypeAlias = NDArray[np.float64]
Combine: TypeAlias = Callable[[Plane, Plane], Plane]  # activation (h, w, c), gradient (h, w, c) -> map (h, w)


@dataclass(frozen=True)
class GradCam(Settings):
    """Grad-CAM: the maps of a layer, each weighted by the mean of its gradient.

    With a_k the map of unit k and w_k the mean over positions of d score / d a_k, the map is max(0, sum of w_k * a_k).
    If global average pooling and one dense layer follow, that is the class activation map of Zhou et al. ("Learning
    Deep Features for Discriminative Localization", CVPR 2016) where it is positive, over the number of positions. It
    is interpolated bilinearly between the centers of the receptive fields. The weights have no position: for a neuron
    of the layer itself it shows the whole map of its channel.

    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
    2017 (arXiv 1610.02391).

    Attributes:
        layer: the layer (default: the last one with positions, a map or patch tokens, that the objective depends on).

    Example:
        >>> GradCam()(network, logit(14), images[:2]).shape, GradCam("conv4")(network, logit(14), images[:1]).shape
        ((2, 48, 48), (1, 48, 48))
    """

    name: ClassVar[str] = "grad-cam"
    meaning: ClassVar[str] = "maps of the last layer with positions, weighted by their mean gradients; positive part"

    layer: str | None = None

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w), zero or more, for images (n, h, w, c) in [0, 1]."""
        return _heatmaps(network, objective, images, self.layer, grad_cam)


@dataclass(frozen=True)
class GradCamPlusPlus(Settings):
    """Grad-CAM++: as Grad-CAM, with weights that count positive gradients only, more evenly over several objects.

    With g the gradient d score / d a_k, the weight of unit k is the sum over positions of alpha * max(0, g), and alpha
    is g**2 / (2 * g**2 + sum(a_k) * g**3) = 1 / (2 + sum(a_k) * g). This closed form holds if the class score is
    exp(score) and the network behind the layer is piecewise linear, so that its higher derivatives are powers of g;
    the factor exp(score), which is the same for all units of an image, is left out. It takes maps of zero or more, as
    behind a ReLU: a negative sum counts as 0.

    Source: Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional
    Networks", WACV 2018 (arXiv 1710.11063), equation 19.

    Attributes:
        layer: the layer, as in `GradCam`.

    Example:
        >>> GradCamPlusPlus()(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "grad-cam++"
    meaning: ClassVar[str] = "maps of the last layer with positions, weighted by positive gradients; positive part"

    layer: str | None = None

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w), zero or more, for images (n, h, w, c) in [0, 1]."""
        return _heatmaps(network, objective, images, self.layer, grad_cam_plus_plus)


@dataclass(frozen=True)
class LayerCam(Settings):
    """LayerCAM: the maps of a layer, weighted at each position by the positive part of its own gradient.

    The map is max(0, sum over k of max(0, d score / d a_k) * a_k). Unlike Grad-CAM it is of use in early layers too,
    whose finer maps have weights that depend on the position.

    Source: Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions
    on Image Processing 30, 2021.

    Attributes:
        layer: the layer, as in `GradCam`.

    Example:
        >>> LayerCam("conv3")(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "layer-cam"
    meaning: ClassVar[str] = "maps of the last layer with positions, times their positive gradients; positive part"

    layer: str | None = None

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w), zero or more, for images (n, h, w, c) in [0, 1]."""
        return _heatmaps(network, objective, images, self.layer, layer_cam)


def grad_cam(activation: Plane, gradient: Plane) -> Plane:
    """Return the map (h, w) of Grad-CAM from an activation (h, w, c) and its gradient.

    >>> grad_cam(np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[4.0, 0.0], [0.0, -2.0]]])).tolist()
    [[0.0, 6.0]]
    """
    return np.asarray(np.maximum(0, activation @ gradient.mean(axis=(0, 1))))


def grad_cam_plus_plus(activation: Plane, gradient: Plane) -> Plane:
    """Return the map (h, w) of Grad-CAM++ from an activation (h, w, c) and its gradient.

    >>> grad_cam_plus_plus(np.array([[[1.0], [3.0]]]), np.array([[[0.5], [-1.0]]])).tolist()  # weight .5 / (2 + 4 * .5)
    [[0.125, 0.375]]
    """
    positive = np.maximum(0, gradient)
    alpha = 1 / (2 + np.maximum(0, activation.sum(axis=(0, 1))) * positive)
    return np.asarray(np.maximum(0, activation @ (alpha * positive).sum(axis=(0, 1))))


def layer_cam(activation: Plane, gradient: Plane) -> Plane:
    """Return the map (h, w) of LayerCAM from an activation (h, w, c) and its gradient.

    >>> layer_cam(np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[4.0, 0.5], [-1.0, 2.0]]])).tolist()
    [[5.0, 0.0]]
    """
    return np.asarray(np.maximum(0, (np.maximum(0, gradient) * activation).sum(axis=-1)))


def _heatmaps(network: Network, objective: Objective, images: Floats, layer: str | None, combine: Combine) -> Floats:
    scorer, size = Scorer(network, objective), (images.shape[1], images.shape[2])
    info = cam_layer(network, objective, layer, size)
    program = programs_of(network).get(
        (_heatmaps, info.name, objective.kind, objective.layers),
        lambda network: backend.compile(activation_and_gradient(network, objective, (info.name,))),
    )
    maps: list[Plane] = []
    for batch, count in scorer.batches(images):
        (activation,), (gradient,) = program(*batch)
        pairs = zip(planes_of(activation, info)[:count], planes_of(gradient, info)[:count], strict=True)
        # one image after the other, in double precision: its bytes do not depend on the batch
        maps += [combine(values.astype(np.float64), slopes.astype(np.float64)) for values, slopes in pairs]
    return over_image(np.stack(maps), size, info)
