"""Texture synthesis: a new image in which the units of several layers respond together as in a given one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.ascent.canvas_watch import layer_activations
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.textures import gram, gram_matrices
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.penalties import Lp, TotalVariation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.images import ImageArray
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.techniques.given_image import GivenImage, given_image, name_of, opened, own_size, sized
from dreamfilters.techniques.layer_choice import layers_with_positions
from dreamfilters.techniques.strip import Strip, TechniqueResult

LAYERS = 5  # by default, as many as Gatys et al. use of VGG
RECIPE = Recipe(
    Pixels(),
    transforms=(),
    penalties=(TotalVariation(0.02), Lp(20.0)),
    optimizer=Adam(0.05),
    steps=300,
    name="texture",
)


@dataclass(frozen=True, eq=False)
class Texture(TechniqueResult):
    """An image of the same texture.

    Attributes:
        name: name of the given image.
        given: (h, w, c) the given image, of which the Gram matrices were taken.
        layers: names of the layers.
        dream: the synthesized texture.
    """

    name: str
    given: ImageArray
    layers: tuple[str, ...]
    dream: Dream

    @property
    def distance(self) -> float:
        """The relative squared distance of the Gram matrices, the mean over the layers: 0 is a perfect match."""
        return -self.dream.score

    @property
    def text(self) -> str:
        """The distance in one line."""
        return f"distance {self.distance:.3g}, at the start {-self.dream.start:.3g}; layers {', '.join(self.layers)}"

    @property
    def frames(self) -> tuple[ImageArray, ...]:
        """The images during the ascent, if they were recorded."""
        return self.dream.frames

    @property
    def strip(self) -> Strip:
        """The given image and the texture."""
        made = f"texture\ndistance {self.distance:.3g}"
        return Strip(f"Texture of {self.name}", [self.given, self.dream.image], [self.name, made])

    @property
    def images(self) -> dict[str, ImageArray]:
        """The texture."""
        return {"texture": self.dream.image}

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "image": self.name,
            "layers": list(self.layers),
            "distance": self.distance,
            "distance_at_start": -self.dream.start,
            "steps": self.dream.steps,
            "recipe": self.dream.recipe.as_values(),
            "seed": self.dream.seed,
        }


def texture(
    network: AnyNetwork,
    image: GivenImage,
    layers: str | Sequence[str] | None = None,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    frames: int = 0,
    on_step: OnStep | None = None,
) -> Texture:
    """Return a new image of the same texture, made from noise.

    The Gram matrices of several layers are those of the given image: the units respond together as they do there, at
    other positions. Source: Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks", NeurIPS
    2015; see `gram`.

    Args:
        network: a Keras model, or what `load` returned.
        image: (h, w, c) in [0, 1] or of uint8, a dream, or an image file; it is read at its own size, at most 256
            pixels a side, so that a pattern keeps its scale.
        layers: names of layers with positions; default: the last one at each resolution, at most five.
        recipe: how the texture is made, and its size; default: `texture_synthesis.RECIPE` at the size of the image.
        seed: random seed.
        frames: number of images to record during the ascent.
        on_step: callback after each step.

    Raises:
        TargetError: a layer has no positions, or is silent on the image.
        UnknownNameError: there is no such layer.
        RecipeError, ImageError: the canvas is too small, or the image cannot be read.

    Example:
        >>> texture(network, images[0], ["conv1", "conv2"], Recipe(steps=8, transforms=())).dream.image.shape
        (48, 48, 3)
    """
    network, recipe = network_of(network), recipe or RECIPE
    names = layers_with_positions(network, layers, most=LAYERS)
    values = opened(network, image)
    given = given_image(network, values, own_size(values))
    if recipe.canvas_size is None:
        recipe = sized(recipe, own_size(values))
    goal = replace(gram_of(network, given, names), names=("texture",))
    made = dream(network, goal, recipe, seed=seed, frames=frames, on_step=on_step)[0]
    return Texture(name_of(image), given, names, made)


def gram_of(network: Network, image: ImageArray, layers: Iterable[str]) -> Objective:
    """Return the objective of the Gram matrices of an image (h, w, c) in these layers."""
    seen = layer_activations(network, layers, image[None])
    return gram({layer: gram_matrices(values) for layer, values in seen.items()})
