"""A unit at a glance: nine dreams, its nine strongest images and their deconvolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dreamfilters.attribution.methods.guided_backprop import DECONVNET
from dreamfilters.attribution.scorer import Scorer, steps_run
from dreamfilters.dreams.ascent.ascent import step_progress
from dreamfilters.dreams.default_recipes import DefaultRecipes, given_recipe, recipe_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.units import neuron
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.evidence.patches import Patch, extract_patch
from dreamfilters.images import ImageArray
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.activation_functions import is_relu
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.techniques.strip import Strip, TechniqueResult
from dreamfilters.techniques.strongest_images import GivenImages, StrongestImages, strongest_images

COUNT = 9  # of dreams and of images, as in the toolbox
_TILE = 96  # pixels
_BRIGHTEST = 0.995  # quantile of a signal that is drawn at full strength
_SEARCH = 0.3  # share of the time that the search among the images takes


@dataclass(frozen=True, eq=False)
class StrongImage:
    """A real image that activates the unit.

    Attributes:
        name, label: of the image.
        score: of the unit.
        patch: the part of the image that its strongest position depends on.
        signal: (h, w, c) the deconvolution of that position on the patch; positive values raise the response.
    """

    name: str
    label: str
    score: float
    patch: Patch
    signal: Floats

    @property
    def drawn_signal(self) -> ImageArray:
        """The signal around mid gray, (h, w, c) in [0, 1]."""
        top = float(np.quantile(np.abs(self.signal), _BRIGHTEST)) or 1.0
        return np.asarray(np.clip(0.5 + 0.5 * self.signal / top, 0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class UnitOverview(TechniqueResult):
    """A unit: dreams from several seeds, its strongest images, and what in them activates it.

    Attributes:
        target: the unit or class.
        dreams: from several seeds.
        strongest: real images by descending score.
        searched: number of images that were searched.
        rule: the backward pass of the signals: "deconvolution", or "gradient" where the network has no ReLU.
        failures: name and reason of each file that cannot be read.
    """

    target: str
    dreams: tuple[Dream, ...]
    strongest: tuple[StrongImage, ...]
    searched: int
    rule: str
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The scores in one line."""
        best = max(each.score for each in self.dreams)
        first = self.strongest[0]
        found = f"strongest of {self.searched} images {first.score:.4g} ({first.name})"
        return f"{self.target}: best dream {best:.4g}, {found}"

    @property
    def strip(self) -> Strip:
        """Three rows: dreams, strongest images, deconvolutions."""
        count = max(len(self.dreams), len(self.strongest))
        empty = np.full((1, 1, 3), 26 / 255, np.float32)  # the color between the tiles
        labels = [f"{each.label or each.name}\n{each.score:.4g}" for each in self.strongest]
        rows: tuple[tuple[list[Any], list[str]], ...] = (
            ([each.image for each in self.dreams], [f"dream {each.score:.4g}" for each in self.dreams]),
            ([each.patch.image for each in self.strongest], labels),
            ([each.drawn_signal for each in self.strongest], [self.rule] * len(self.strongest)),
        )
        images = [image for row, _ in rows for image in [*row, *[empty] * (count - len(row))]]
        captions = [text for row, texts in rows for text in [*texts, *[""] * (count - len(row))]]
        return Strip(
            f"{self.target}: dreams, strongest images, {self.rule}s", images, captions, columns=count, tile=_TILE
        )

    @property
    def images(self) -> dict[str, ImageArray]:
        """The dreams, the parts of the strongest images, and the signals."""
        found = {f"dream-{number}": each.image for number, each in enumerate(self.dreams, 1)}
        for number, each in enumerate(self.strongest, 1):
            found |= {f"image-{number}": each.patch.image, f"image-{number}-{self.rule}": each.drawn_signal}
        return found

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "target": self.target,
            "dreams": [each.as_values() for each in self.dreams],
            "strongest": [
                {
                    "image": each.name,
                    "label": each.label,
                    "score": each.score,
                    "patch": each.patch.describe(),
                    "box": list(each.patch.box),
                }
                for each in self.strongest
            ],
            "searched": self.searched,
            "signal": self.rule,
            "failures": [list(pair) for pair in self.failures],
        }


def unit_overview(
    network: AnyNetwork,
    target: str,
    images: GivenImages,
    recipe: Recipe | DefaultRecipes | str | None = None,
    *,
    count: int = COUNT,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> UnitOverview:
    """Return a unit at a glance: dreams from several seeds, its strongest images and their deconvolutions.

    This is the page of a unit in the Deep Visualization Toolbox (Yosinski et al., "Understanding neural networks
    through deep visualization", 2015). The deconvolution shows what in an image activates the position with the largest
    value of the map (Zeiler and Fergus 2014); image and deconvolution are cut to the receptive field of that position.

    Args:
        network: a Keras model, or what `load` returned.
        target: one unit or class, such as "conv6:12" or "class:STOP".
        images: a folder, its `ImageFolder`, or images (n, h, w, c) in [0, 1] or of uint8.
        recipe: how the dreams are made; default: as in `dream`.
        count: number of dreams, and of images.
        seed: random seed.
        progress: called with the share that is done.

    Raises:
        TargetError, UnknownNameError: no such unit or class.
        ImageError: no image can be read.
        RecipeError: the count is below 1, or the recipe does not fit.

    Example:
        >>> found = unit_overview(network, "conv6:12", images, Recipe(steps=4), count=3)
        >>> len(found.dreams), len(found.strongest), found.strongest[0].patch.image.shape
        (3, 3, (32, 32, 3))
    """
    if count < 1:
        raise RecipeError(f"count={count}: at least 1")
    network, overall = network_of(network), OverallProgress(progress)
    found = strongest_images(network, target, images, count, progress=overall.part(0.0, _SEARCH))
    goal = found.objective[[0] * count]  # each of equal names has its own seed
    how = recipe_of(network, found.objective, given_recipe(recipe))
    report = step_progress(overall.part(_SEARCH, 1.0, "dream"), count)
    dreams = dream(network, goal, how, seed=seed, on_step=report)
    rectifies = any(is_relu(step) for step in steps_run(network, found.objective.layers))
    return UnitOverview(
        target=found.objective.names[0],
        dreams=tuple(dreams),
        strongest=tuple(_strong_image(network, found, row, rectifies) for row in range(len(found.names))),
        searched=found.searched,
        rule="deconvolution" if rectifies else "gradient",
        failures=found.failures,
    )


def _strong_image(network: Network, found: StrongestImages, row: int, rectifies: bool) -> StrongImage:
    image = found.images[row]
    objective, patch = _at_strongest(network, found.objective, image)
    signal = Scorer(network, objective, DECONVNET if rectifies else None).gradients(image[None])[1][0]
    return StrongImage(found.names[row], found.labels[row], float(found.scores[row]), patch, _cut(signal, patch))


def _at_strongest(network: Network, objective: Objective, image: Floats) -> tuple[Objective, Patch]:
    """Return the objective of the position with the largest value of a unit's map, and the patch that it depends on.

    A class, a unit of a dense layer and a sum of units depend on the whole image.
    """
    height, width = image.shape[:2]
    whole = Patch(image, (0, 0, height, width), (0, 0, 0, 0), whole_image=True)
    (layer, *others) = objective.layers
    is_unit = (
        not others and layer != LOGITS and objective.kind in (("channel", layer, "mean"), ("channel", layer, "max"))
    )
    if not is_unit or network.layer(layer).kind == "vector":
        return objective, whole
    unit = int(np.asarray(objective.wanted)[0])
    unit_map = activations(network, image[None], [layer])[layer][0][..., unit]
    place = tuple(int(number) for number in np.unravel_index(int(unit_map.argmax()), unit_map.shape))
    patch = extract_patch(image, network.layer(layer), (place[0], place[1] if len(place) > 1 else 0))
    return neuron(layer, [(unit, *place)]), patch


def _cut(signal: Floats, patch: Patch) -> Floats:
    """Return the part of a signal (h, w, c) in the box of a patch, 0 outside of the image."""
    top, left, bottom, right = patch.box
    cut = np.zeros((bottom - top, right - left, signal.shape[-1]), np.float32)
    inside = signal[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    cut[
        patch.outside[0] : patch.outside[0] + inside.shape[0], patch.outside[1] : patch.outside[1] + inside.shape[1]
    ] = inside
    return cut
