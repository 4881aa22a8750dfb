"""The recipes where none is given: `natural`, or `natural-large`, for classes, else `standard`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from dreamfilters.dreams.builtin_recipes import CLASSES, LARGE_CLASSES, OTHERS, default_name, is_large, text
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.recipe import ClassScore, Recipe, read_recipe
from dreamfilters.dreams.transforms import limited
from dreamfilters.networks import Network
from dreamfilters.networks.preprocessing.tolerance import TYPICAL, TYPICAL_LARGE

DEFAULT = "default"  # the name of the choice in the settings of a run
_DEFAULT_SIDE = 128  # pixels, if neither the recipe nor the network has a size


@dataclass(frozen=True)
class DefaultRecipes:
    """The default recipe of each target, with some settings changed.

    Classes have their own, of few large shapes on a large canvas; `natural` keeps the spectrum of real images, which an
    object that fills a small part of a large canvas would not fill.

    Attributes:
        settings: such as "steps=128", see `read_recipe`.
    """

    settings: tuple[str, ...] = ()

    def of(self, network: Network, goal: Objective) -> Recipe:
        """Return the recipe of an objective on a network."""
        if not goal.classes:
            return self.others
        size = canvas_size(network, _read(CLASSES, self.settings))
        return _read(default_name(size, is_class=True), self.settings)

    @property
    def others(self) -> Recipe:
        """The recipe of everything that is no class."""
        return _read(OTHERS, self.settings)

    @property
    def class_score(self) -> ClassScore:
        """How a class is scored."""
        settings = [setting for setting in self.settings if setting.partition("=")[0].strip() == "class_score"]
        return read_recipe(CLASSES, settings=settings).class_score

    def as_values(self) -> Mapping[str, Any]:
        """Return the choice as JSON values, which change with the recipes."""
        texts = [text(name)[0] for name in (CLASSES, LARGE_CLASSES, OTHERS)]
        digest = hashlib.sha256("".join(texts).encode()).hexdigest()
        return {"name": DEFAULT, "settings": list(self.settings), "digest": digest}


@cache
def _read(name: str, settings: tuple[str, ...]) -> Recipe:
    return read_recipe(name, settings=settings)


def recipe_of(network: Network, goal: Objective, recipe: Recipe | DefaultRecipes) -> Recipe:
    """Return the recipe of an objective on a network: the one that is given, or the default of its kind, calibrated.

    Example:
        >>> from dreamfilters import channel, load, logit
        >>> goals = channel("conv6", [12]), logit([14])
        >>> [recipe_of(load("signs"), goal, DefaultRecipes()).name for goal in goals]
        ['standard', 'natural']
    """
    return calibrated(network, recipe if isinstance(recipe, Recipe) else recipe.of(network, goal))


def calibrated(network: Network, recipe: Recipe) -> Recipe:
    """Return the recipe with motions that the network tolerates, unless its motions are to stay as they are.

    Where the tolerance of the network was not measured, it is that of an ordinary one, `TYPICAL`. Limiting twice
    changes nothing: the result is a recipe whose motions stay.
    """
    if not recipe.calibrated:
        return recipe
    size = canvas_size(network, recipe)
    tolerance = network.tolerance or (TYPICAL_LARGE if is_large(size) else TYPICAL)
    return replace(recipe, transforms=limited(recipe.transforms, tolerance, min(size)), calibrated=False)


def recipe_values(network: Network, recipe: Recipe | DefaultRecipes) -> Mapping[str, Any]:
    """Return what decides the recipe of each objective on a network, as JSON values."""
    if isinstance(recipe, Recipe):
        return calibrated(network, recipe).as_values()
    tolerance = network.tolerance
    return {**recipe.as_values(), **({} if tolerance is None else {"tolerance": tolerance.as_values()})}


def canvas_size(network: Network, recipe: Recipe) -> tuple[int, int]:
    """Return (height, width) of the canvas in pixels: that of the recipe, else the network's input size."""
    height, width = (side or _DEFAULT_SIDE for side in network.form.size)
    return recipe.canvas_size or (height, width)


def given_recipe(recipe: Recipe | DefaultRecipes | str | None) -> Recipe | DefaultRecipes:
    """Return the recipe that is given, itself or by its name or TOML file, else the default ones.

    Example:
        >>> given_recipe("fast").name
        'fast'
    """
    return read_recipe(recipe) if isinstance(recipe, str) else recipe or DefaultRecipes()
