"""The options of every command that dreams by a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.values import existing_file, known_recipe, recipe_names, valid_settings

if TYPE_CHECKING:
    from dreamfilters.dreams.default_recipes import DefaultRecipes
    from dreamfilters.dreams.recipe import Recipe

Learned = Annotated[
    Path | None,
    of_recipe(
        "--prior",
        metavar="FILE",
        help="Prior for the recipe `learned`, which `dreamfilters prior` trains on images.",
        callback=existing_file,
    ),
]
Seed = Annotated[int, of_recipe(help="Random seed of the dreams.")]


@dataclass(frozen=True)
class RecipeOptions:
    """The options of every command that dreams by a recipe."""

    recipe: Annotated[
        str | None,
        of_recipe(
            "--recipe",
            metavar="NAME|FILE",
            help="Recipe name or TOML file, see `dreamfilters recipes`; default: natural for classes, else standard.",
            callback=known_recipe,
            autocompletion=recipe_names,
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        of_recipe(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the recipe; may be repeated.",
            callback=valid_settings,
        ),
    ] = None
    seed: Seed = 0

    def chosen(self, *more: str) -> Recipe | DefaultRecipes:
        """Return the recipe; `more` are settings of other options."""
        from dreamfilters.dreams.default_recipes import DefaultRecipes
        from dreamfilters.dreams.recipe import read_recipe

        settings = (*(self.settings or ()), *more)
        return DefaultRecipes(settings) if self.recipe is None else read_recipe(self.recipe, settings=settings)
