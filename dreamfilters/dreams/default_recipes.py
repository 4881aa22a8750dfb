"""The recipes where none is given: `natural` for classes, whose dreams are easier to read by it, else `standard`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dreamfilters.dreams.builtin_recipes import CLASSES, OTHERS, text
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.recipe import ClassScore, Recipe, read_recipe

DEFAULT = "default"  # the name of the choice in the settings of a run


@dataclass(frozen=True)
class DefaultRecipes:
    """The default recipe of each target, with some settings changed.

    Attributes:
        settings: such as "steps=128", see `read_recipe`.
    """

    settings: tuple[str, ...] = ()

    def of(self, goal: Objective) -> Recipe:
        """Return the recipe of an objective."""
        return self.classes if goal.classes else self.others

    @property
    def class_score(self) -> ClassScore:
        """How a class is scored."""
        settings = [setting for setting in self.settings if setting.partition("=")[0].strip() == "class_score"]
        return read_recipe(CLASSES, settings=settings).class_score

    def as_values(self) -> Mapping[str, Any]:
        """Return the choice as JSON values, which change with the recipes."""
        texts = [text(name)[0] for name in (CLASSES, OTHERS)]
        digest = hashlib.sha256("".join(texts).encode()).hexdigest()
        return {"name": DEFAULT, "settings": list(self.settings), "digest": digest}

    @cached_property
    def classes(self) -> Recipe:
        """The recipe of a class."""
        return read_recipe(CLASSES, settings=self.settings)

    @cached_property
    def others(self) -> Recipe:
        """The recipe of everything else."""
        return read_recipe(OTHERS, settings=self.settings)


def recipe_of(goal: Objective, recipe: Recipe | DefaultRecipes) -> Recipe:
    """Return the recipe of an objective: the one that is given, or the default of its kind.

    Example:
        >>> from dreamfilters import channel, logit
        >>> [recipe_of(goal, DefaultRecipes()).name for goal in (channel("conv6", [12]), logit([14]))]
        ['standard', 'natural']
    """
    return recipe if isinstance(recipe, Recipe) else recipe.of(goal)


def given_recipe(recipe: Recipe | DefaultRecipes | str | None) -> Recipe | DefaultRecipes:
    """Return the recipe that is given, itself or by its name or TOML file, else the default ones.

    Example:
        >>> given_recipe("fast").name
        'fast'
    """
    return read_recipe(recipe) if isinstance(recipe, str) else recipe or DefaultRecipes()
