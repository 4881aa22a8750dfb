"""Toy methods of attribution, and a context in which they are registered."""

from contextlib import contextmanager
from dataclasses import dataclass

from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.errors import ModelError


@dataclass(frozen=True)
class Gradient:
    """A toy method: the sum of the gradient over the channels."""

    name: str = "toy-gradient"
    meaning: str = "a toy"

    def __call__(self, network, objective, images):
        return Scorer(network, objective).gradients(images)[1].sum(axis=-1)


@dataclass(frozen=True)
class Unfitting:
    """A toy method that fits no network."""

    name: str = "toy-unfitting"
    meaning: str = "a toy"

    def __call__(self, network, objective, images):
        raise ModelError(f"toy-unfitting: {network.name} has no layer that this method needs")


@dataclass(frozen=True)
class Magnitude:
    """A toy method without sign, with a remark on images whose first pixel is bright."""

    name: str = "toy-magnitude"
    meaning: str = "a toy"
    signed: bool = False

    def __call__(self, network, objective, images):
        return images.mean(axis=-1)

    def remarks(self, network, objective, images, heatmaps):
        return ["is bright" if heatmap[0, 0] > 0.5 else "" for heatmap in heatmaps]


@contextmanager
def registered(*methods):
    """Register methods, and remove them at the end."""
    for method in methods:
        ATTRIBUTIONS.register(method)
    try:
        yield
    finally:
        for method in methods:
            ATTRIBUTIONS.remove(method.name)
