"""Segmentation by saliency: the region of an image that a class depends on, grown from its most salient pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, sobel
from skimage.segmentation import random_walker, watershed

from dreamfilters.attribution.attribute import attribute, objective_of
from dreamfilters.attribution.overlays import overlay
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.images import ImageArray
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.number_format import percent
from dreamfilters.techniques.given_image import GivenImage, given_image, name_of
from dreamfilters.techniques.strip import Strip, TechniqueResult

Algorithm: TypeAlias = Literal["random-walker", "watershed"]
Mask: TypeAlias = NDArray[np.bool_]

METHOD = "lrp"
# Quantiles of the saliency. Simonyan et al. take 0.95 and 0.3 of the gradient for GraphCut. On 20 rendered signs, whose
# true masks are known, the mean IoU is .86 with 0.8 and LRP, .70 with 0.95 and LRP, and .81 with the gradient at best.
FOREGROUND, BACKGROUND = 0.8, 0.3
_SMOOTHED = 0.04  # sigma of the saliency, as a share of the longer side: single pixels of a gradient are noise
_STIFFNESS = 300.0  # of the random walker: how much a difference of colors hinders it
_NOT_REACHED, _INSIDE, _OUTSIDE = 0, 1, 2
_OUTLINE = np.array([1.0, 0.35, 0.1], np.float32)
_DIMMED = 0.35  # brightness of what lies outside of the region


@dataclass(frozen=True, eq=False)
class Segmentation(TechniqueResult):
    """The region of an image that a target depends on.

    Attributes:
        name: name of the image.
        target: the class or unit.
        image: (h, w, c) in [0, 1], at the network's size.
        method: the attribution method.
        algorithm: "random-walker" or "watershed".
        saliency: (h, w) of zero or more, smoothed.
        seeds: (h, w) 1 for the most salient pixels, 2 for the least salient ones, 0 for those between.
        mask: (h, w) whether a pixel belongs to the region.
    """

    name: str
    target: str
    image: ImageArray
    method: str
    algorithm: Algorithm
    saliency: Floats
    seeds: NDArray[np.int32]
    mask: Mask

    @property
    def share(self) -> float:
        """The share of the image that the region covers."""
        return float(self.mask.mean())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The bounding box of the region, (top, left, bottom, right) in pixels, the ends not included."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    @property
    def text(self) -> str:
        """The region in one line."""
        top, left, bottom, right = self.box
        place = f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
        return f"{self.target}: {percent(self.share, 0)} of the image, {place}"

    @cached_property
    def drawn(self) -> ImageArray:
        """The region over the image: its outline, and everything else darker, (h, w, 3)."""
        color = in_channels(with_channels(self.image), 3)
        drawn = np.where(self.mask[..., None], color, _DIMMED * color)
        return np.asarray(np.where(outline(self.mask)[..., None], _OUTLINE, drawn), np.float32)

    def iou(self, mask: ArrayLike) -> float:
        """Return the intersection of the region and another mask (h, w), divided by their union.

        Raises:
            ImageError: the mask has another size.
        """
        other = np.asarray(mask) > 0
        if other.shape != self.mask.shape:
            raise ImageError(f"mask {other.shape}: must have the size of the image, {self.mask.shape}")
        return float((self.mask & other).sum() / max(1, (self.mask | other).sum()))

    @property
    def strip(self) -> Strip:
        """The image, its saliency, the seeds and the region."""
        gray = 0.25 + 0.5 * np.mean(in_channels(with_channels(self.image), 3), axis=-1, keepdims=True)
        color = np.array([[0, 0, 0], [1, 0.35, 0.1], [0.1, 0.4, 1]], np.float32)[self.seeds]
        seeded = np.where(self.seeds[..., None] == _NOT_REACHED, gray, 0.4 * gray + 0.6 * color)
        return Strip(
            f"{self.name}: the region of {self.target}",
            [self.image, overlay(self.image, self.saliency, signed=False), seeded, self.drawn],
            [
                self.name,
                f"saliency\n{self.method}",
                "seeds: inside red\noutside blue",
                f"region\n{percent(self.share, 0)} of the image",
            ],
        )

    @property
    def images(self) -> dict[str, ImageArray]:
        """The mask, white inside, and the region drawn over the image."""
        return {"mask": self.mask.astype(np.float32)[..., None], "region": self.drawn}

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "image": self.name,
            "target": self.target,
            "method": self.method,
            "algorithm": self.algorithm,
            "share": self.share,
            "box": list(self.box),
        }


def segment(
    network: AnyNetwork,
    image: GivenImage,
    target: Objective | str | None = None,
    *,
    method: str = METHOD,
    algorithm: Algorithm = "watershed",
    foreground: float = FOREGROUND,
    background: float = BACKGROUND,
) -> Segmentation:
    """Return the region of an image that a class depends on.

    The most salient pixels are seeds inside of the region and the least salient ones seeds outside, as in Simonyan,
    Vedaldi and Zisserman ("Deep inside convolutional networks", 2014), who used GraphCut. From them, the watershed of
    the edges, or a random walker (Grady 2006), assigns every other pixel by the colors between it and the seeds. No
    mask is needed; the network was trained for classes only.

    Args:
        network: a Keras model, or what `load` returned.
        image: (h, w, c) in [0, 1] or of uint8, a dream, or an image file; it is resized to the network's size.
        target: a class or unit, such as "class:STOP"; default: the class that the network predicts.
        method: the attribution method of the saliency, see `ATTRIBUTIONS`.
        algorithm: "watershed", or "random-walker".
        foreground: quantile of the saliency above which pixels are seeds inside.
        background: quantile of the saliency below which pixels are seeds outside.

    Raises:
        TargetError, UnknownNameError: no such target or method.
        RecipeError: the quantiles or the algorithm are invalid.
        ImageError: the image cannot be read, or the saliency is the same everywhere.

    Example:
        >>> found = segment(network, images[0], "class:0")
        >>> found.mask.shape, 0 < found.share < 1
        ((48, 48), True)
    """
    network = network_of(network)
    check_settings(network, target, method, algorithm, foreground, background)
    given = given_image(network, image)
    found = attribute(network, target, given, methods=method)
    heatmap = np.maximum(found.heatmaps[method][0], 0)  # what lowers the score is no evidence for the target
    saliency = gaussian_filter(heatmap.astype(np.float64), _SMOOTHED * max(heatmap.shape)).astype(np.float32)
    if not np.isfinite(saliency).all() or np.ptp(saliency) == 0:
        raise ImageError(f"{name_of(image)}: {method} is the same for all pixels, so that no region stands out")
    seeds = np.full(saliency.shape, _NOT_REACHED, np.int32)
    seeds[saliency <= np.quantile(saliency, background)] = _OUTSIDE
    seeds[saliency >= np.quantile(saliency, foreground)] = _INSIDE
    return Segmentation(
        name_of(image), found.targets[0], given, method, algorithm, saliency, seeds, _grown(given, seeds, algorithm)
    )


def check_settings(
    network: Network,
    target: Objective | str | None,
    method: str,
    algorithm: str,
    foreground: float,
    background: float,
) -> Algorithm:
    """Return the algorithm; raise the error of a setting that is invalid, see `segment`."""
    if algorithm not in get_args(Algorithm):
        raise RecipeError(f"algorithm={algorithm!r}: 'watershed' or 'random-walker'")
    if not 0 < background < foreground < 1:
        given = f"background={background}, foreground={foreground}"
        raise RecipeError(f"{given}: must be quantiles, 0 < background < foreground < 1")
    ATTRIBUTIONS[method]  # raises where there is none
    if target is not None:
        objective_of(network, target)
    return algorithm  # type: ignore[return-value]


def outline(mask: Mask) -> Mask:
    """Return the pixels of a mask (h, w) that touch its outside.

    >>> outline(np.array([[0, 0, 0], [1, 1, 0], [1, 1, 0]], bool)).astype(int).tolist()
    [[0, 0, 0], [1, 1, 0], [0, 1, 0]]
    """
    padded = np.pad(mask, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def _grown(image: ImageArray, seeds: NDArray[np.int32], algorithm: Algorithm) -> Mask:
    """Return which pixels the seeds inside reach before those outside."""
    if algorithm == "watershed":
        edges = np.sqrt(sum(sobel(image, axis=axis) ** 2 for axis in (0, 1)).sum(axis=-1))
        return np.asarray(watershed(edges, seeds) == _INSIDE)
    labels = random_walker(image.astype(np.float64), seeds, beta=_STIFFNESS, mode="bf", channel_axis=-1)  # exact
    return np.asarray(labels == _INSIDE)
