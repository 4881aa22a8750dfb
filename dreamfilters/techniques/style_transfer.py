"""Style transfer: the content of one image in the texture of another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.ascent.canvas_watch import layer_activations
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.features import match
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.penalties import TotalVariation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.images import ImageArray
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.techniques.given_image import GivenImage, given_image, name_of, opened, own_size, scaled_size, sized
from dreamfilters.techniques.layer_choice import layers_with_positions
from dreamfilters.techniques.strip import Strip, TechniqueResult
from dreamfilters.techniques.texture_synthesis import LAYERS, gram_of

WEIGHT = 10.0  # of the style, to that of the content
RECIPE = Recipe(
    Pixels(), transforms=(), penalties=(TotalVariation(0.2),), optimizer=Adam(0.08), steps=200, name="style"
)
_SHOWN = 3  # frames on the strip


@dataclass(frozen=True, eq=False)
class StyleTransfer(TechniqueResult):
    """An image with the content of one image and the style of another.

    Attributes:
        content_name, style_name: names of the two images.
        content: (h, w, c) the image whose content is kept.
        style: (h, w, c) the image whose Gram matrices were taken.
        content_layer: the layer in which the activations of `content` are kept.
        style_layers: the layers of the Gram matrices.
        weight: of the style.
        dream: the image that was made.
        distances: the relative squared distances of the content and of the style.
        remark: how images of unlike sizes were resized, "" if they were not.
    """

    content_name: str
    style_name: str
    content: ImageArray
    style: ImageArray
    content_layer: str
    style_layers: tuple[str, ...]
    weight: float
    dream: Dream
    distances: tuple[float, float]
    remark: str = ""

    @property
    def text(self) -> str:
        """The distances, and how images were resized, in one line."""
        content, style_distance = self.distances
        distances = f"in the style of {self.style_name}: content {content:.3g}, style {style_distance:.3g}"
        return "; ".join(filter(None, [distances, self.remark]))

    @property
    def frames(self) -> tuple[ImageArray, ...]:
        """The images during the ascent, if they were recorded."""
        return self.dream.frames

    @property
    def strip(self) -> Strip:
        """The content, the style, some images during the ascent, and the result."""
        between = self.frames[:-1]
        chosen = between[:: max(1, -(-len(between) // _SHOWN))] if between else ()
        return Strip(
            f"{self.content_name} in the style of {self.style_name}",
            [self.content, self.style, *chosen, self.dream.image],
            [
                f"content\n{self.content_name}",
                f"style\n{self.style_name}",
                *(f"during the ascent\n{number + 1} of {len(chosen)}" for number in range(len(chosen))),
                f"result\ncontent {self.distances[0]:.3g}, style {self.distances[1]:.3g}",
            ],
        )

    @property
    def images(self) -> dict[str, ImageArray]:
        """The result."""
        return {"style": self.dream.image}

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "content": self.content_name,
            "style": self.style_name,
            "content_layer": self.content_layer,
            "style_layers": list(self.style_layers),
            "weight": self.weight,
            "content_distance": self.distances[0],
            "style_distance": self.distances[1],
            "remark": self.remark,
            "steps": self.dream.steps,
            "recipe": self.dream.recipe.as_values(),
            "seed": self.dream.seed,
        }


def style(
    network: AnyNetwork,
    content: GivenImage,
    style_image: GivenImage,
    recipe: Recipe | None = None,
    *,
    weight: float = WEIGHT,
    content_layer: str | None = None,
    style_layers: str | Sequence[str] | None = None,
    seed: int = 0,
    frames: int = 0,
    on_step: OnStep | None = None,
) -> StyleTransfer:
    """Return an image with the content of one image and the style of another.

    It starts from the content. One layer keeps the activations of the content (`match`), several take on the Gram
    matrices of the style (`gram`). Source: Gatys, Ecker and Bethge, "Image style transfer using convolutional neural
    networks", CVPR 2016.

    Args:
        network: a Keras model, or what `load` returned.
        content, style_image: (h, w, c) in [0, 1] or of uint8, dreams, or image files. The content keeps its size, at
            most 256 pixels a side; a style of another size is resized to the same longer side, see
            `StyleTransfer.remark`.
        recipe: how the image is made, and its size; default: `style_transfer.RECIPE` at the size of the content.
        weight: of the style, relative to the content.
        content_layer: default: the middle one of the default style layers.
        style_layers: names of layers with positions; default: those of `texture`.
        seed: random seed.
        frames: number of images to record during the ascent.
        on_step: callback after each step.

    Raises:
        TargetError: a layer has no positions, or is silent on the image.
        UnknownNameError: there is no such layer.
        RecipeError, ImageError: the canvas is too small, the weight is negative, or an image cannot be read.

    Example:
        >>> made = style(network, images[0], images[9], Recipe(steps=8, transforms=()))
        >>> made.dream.image.shape
        (48, 48, 3)
    """
    check_weight(weight)
    network, recipe = network_of(network), recipe or RECIPE
    known = layers_with_positions(network, None, most=LAYERS)
    kept = known[len(known) // 2] if content_layer is None else network.layer(content_layer).name
    taken = layers_with_positions(network, style_layers, most=LAYERS)
    opened_content, opened_style = opened(network, content), opened(network, style_image)
    height, width = recipe.canvas_size or own_size(opened_content)
    shown = given_image(network, opened_content, (height, width))
    worn = given_image(network, opened_style, scaled_size(opened_style, max(height, width)))
    of_content = match(kept, layer_activations(network, [kept], shown[None])[kept])
    of_style = gram_of(network, worn, taken)
    goal = replace(of_content + weight * of_style, names=("style",))
    how = sized(recipe, (height, width))
    made = dream(network, goal, how, seed=seed, start=shown, frames=frames, on_step=on_step)[0]
    resized = [_resized(*pair) for pair in (("content", opened_content, shown), ("style", opened_style, worn))]
    return StyleTransfer(
        content_name=name_of(content, "content"),
        style_name=name_of(style_image, "style"),
        content=shown,
        style=worn,
        content_layer=kept,
        style_layers=taken,
        weight=weight,
        dream=made,
        distances=(_distance(network, of_content, made.image), _distance(network, of_style, made.image)),
        remark="; ".join(filter(None, resized)),
    )


def check_weight(weight: float) -> None:
    """Raise RecipeError for a weight that is negative or not finite."""
    if not 0 <= weight < math.inf:
        raise RecipeError(f"weight={weight}: must be 0 or more")


def _distance(network: Network, objective: Objective, image: ImageArray) -> float:
    """Return how far an image is from a match: minus its score."""
    seen = layer_activations(network, objective.layers, image[None])
    return -float(np.asarray(objective.score(seen, objective.wanted))[0])


def _resized(what: str, image: ImageArray, used: ImageArray) -> str:
    """Return the line that an image was resized, "" if it was not."""
    (height, width), (new_height, new_width) = image.shape[:2], used.shape[:2]
    same = (height, width) == (new_height, new_width)
    return "" if same else f"{what} resized from {height}x{width} to {new_height}x{new_width}"
