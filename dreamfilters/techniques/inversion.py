"""Feature inversion: the image of which a layer has the activations of a given image, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.ascent.canvas_watch import layer_activations
from dreamfilters.dreams.engine import canvas_of, dream
from dreamfilters.dreams.objectives.features import match
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.penalties import Lp, SquaredVariation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import TargetError
from dreamfilters.images import ImageArray
from dreamfilters.networks import AnyNetwork, network_of
from dreamfilters.techniques.given_image import GivenImage, given_image, name_of
from dreamfilters.techniques.layer_choice import chosen_layers
from dreamfilters.techniques.strip import Strip, TechniqueResult

LAYERS = 8  # by default
RECIPE = Recipe(
    Fourier(contrast="free", std=0.1),
    transforms=(),
    penalties=(SquaredVariation(3.0), Lp(20.0)),
    optimizer=Adam(0.02),
    steps=200,
    name="inversion",
)


@dataclass(frozen=True, eq=False)
class Inversion(TechniqueResult):
    """What several layers keep of an image.

    Attributes:
        name: name of the image.
        given: (h, w, c) the image at the size of the canvas.
        layers: names of the layers.
        dreams: of each layer, the image whose activations come closest to those of the given image.
    """

    name: str
    given: ImageArray
    layers: tuple[str, ...]
    dreams: tuple[Dream, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """The relative squared distance of each layer's activations: 0 is a perfect match, 1 that of silence."""
        return tuple(-each.score for each in self.dreams)

    @property
    def pixel_errors(self) -> tuple[float, ...]:
        """The root mean square of the difference of each dream's pixels to the given image."""
        return tuple(float(np.sqrt(np.mean((each.image - self.given) ** 2))) for each in self.dreams)

    @property
    def strip(self) -> Strip:
        """The image, and its inversion from each layer."""
        captions = [f"{layer}\ndistance {error:.3g}" for layer, error in zip(self.layers, self.errors, strict=True)]
        return Strip(
            f"Inversion of {self.name}", [self.given, *(each.image for each in self.dreams)], [self.name, *captions]
        )

    @property
    def text(self) -> str:
        """The distances in one line."""
        return "distance " + ", ".join(
            f"{error:.3g} in {layer}" for layer, error in zip(self.layers, self.errors, strict=True)
        )

    @property
    def images(self) -> dict[str, ImageArray]:
        """The inversion from each layer."""
        return {f"inversion-{number:02}": each.image for number, each in enumerate(self.dreams)}

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        rows = zip(self.layers, self.errors, self.pixel_errors, self.dreams, strict=True)
        return {
            "image": self.name,
            "layers": [
                {"layer": layer, "distance": error, "pixel_rms": pixels, "steps": each.steps, "note": each.note}
                for layer, error, pixels, each in rows
            ],
            "recipe": self.dreams[0].recipe.as_values(),
            "seed": self.dreams[0].seed,
        }


def invert(
    network: AnyNetwork,
    image: GivenImage,
    layers: str | Sequence[str] | None = None,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Inversion:
    """Return for each layer the image whose activations are those of the given image there, with smooth colors.

    What the inversion of a layer does not show, the layer has dropped. The objective is `match`; a penalty on the
    variation of neighboring pixels chooses the smoothest of the images that match. Source: Mahendran and Vedaldi,
    "Understanding deep image representations by inverting them", CVPR 2015.

    Args:
        network: a Keras model, or what `load` returned.
        image: (h, w, c) in [0, 1] or of uint8, a dream, or an image file; it is resized to the canvas.
        layers: names of layers; default: eight that end in a nonlinearity, spread over the depth.
        recipe: how the images are made; default: `inversion.RECIPE`.
        seed: random seed.
        on_step: callback after each step; each layer is an ascent of its own.

    Raises:
        UnknownNameError: there is no such layer.
        TargetError: a layer is silent on the image.
        RecipeError, ImageError: the canvas is too small, or the image cannot be read.

    Example:
        >>> found = invert(network, images[0], ["conv2", "conv6"], Recipe(steps=8, transforms=()))
        >>> found.errors[0] < 1
        True
    """
    network, recipe = network_of(network), recipe or RECIPE
    names = chosen_layers(network, layers, most=LAYERS)
    canvas = canvas_of(network, recipe)
    given = given_image(network, image, (canvas.height, canvas.width))
    seen = layer_activations(network, names, given[None])
    made: list[Dream] = []
    for number, layer in enumerate(names):
        if not np.any(seen[layer]):
            raise TargetError(
                f"{layer}: is silent on {name_of(image)}, so that there is nothing to invert; leave it out"
            )
        goal = replace(match(layer, seen[layer]), names=(f"invert:{layer}",))
        made += dream(network, goal, recipe, seed=seed, on_step=_part(on_step, number, len(names)))
    return Inversion(name_of(image), given, names, tuple(made))


def _part(on_step: OnStep | None, number: int, count: int) -> OnStep | None:
    """Return the callback of one of several ascents, each of one image."""
    return None if on_step is None else lambda step: on_step(replace(step, finished=number, total=count))
