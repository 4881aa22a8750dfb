"""The options of every command that dreams by a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.given_files import readable_prior
from dreamfilters.cli.options.values import known_recipe, recipe_names, valid_seed, valid_settings
from dreamfilters.errors import RecipeError

if TYPE_CHECKING:
    from dreamfilters.dreams.default_recipes import DefaultRecipes
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior
    from dreamfilters.dreams.recipe import Recipe

Learned = Annotated[
    Path | None,
    of_recipe(
        "--prior",
        metavar="FILE",
        help="Prior for the recipe `learned`, which `dreamfilters prior` trains on images; `signs` has its own.",
        callback=readable_prior,
    ),
]
Seed = Annotated[int, of_recipe(help="Random seed of the dreams.", callback=valid_seed)]

TAKE_PRIOR = ("dream", "compare", "atlas")  # commands that have the option --prior and a recipe


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

    def check(self, command: str) -> None:
        """Raise RecipeError if the recipe, or a setting of it, is invalid, or needs a prior that the command lacks."""
        if self.recipe is not None:
            recipe = self._read(self.recipe)
            from dreamfilters.dreams.priors.denoised import Denoised

            if isinstance(recipe.parameterization, Denoised) and command not in TAKE_PRIOR:
                raise RecipeError(
                    f"recipe {recipe.name}: needs a learned prior, which `dreamfilters {command}` does not take; "
                    "choose another recipe"
                )
        elif self.settings:
            check_default_settings(self.settings)

    def prior(self, path: Path | None, model: str) -> LearnedPrior | None:
        """Return the prior of a file; without one, that of the built-in network if the recipe needs it, else None.

        Raises:
            RecipeError: the recipe needs a prior and there is none, or does not use the one that is given.
        """
        if path is None and self.recipe is None:
            return None  # without the imports below, which take a tenth of a second
        from dreamfilters.dreams.priors.denoised import Denoised, check_prior
        from dreamfilters.runs.storage.prior_files import read_prior

        if path is None and model == "signs" and isinstance(self._read(self.recipe or "").parameterization, Denoised):
            path = _built_in()
        found = None if path is None else read_prior(path)
        if self.recipe is not None:
            check_prior(self._read(self.recipe), found)
        elif found is not None:
            raise RecipeError(f"--prior {path}: is for --recipe learned; the default recipes use colors and spectrum")
        return found

    def chosen(self, *more: str) -> Recipe | DefaultRecipes:
        """Return the recipe; `more` are settings of other options."""
        if self.recipe is not None:
            return self._read(self.recipe, *more)
        from dreamfilters.dreams.default_recipes import DefaultRecipes

        return DefaultRecipes((*(self.settings or ()), *more))

    def _read(self, recipe: str, *more: str) -> Recipe:
        from dreamfilters.dreams.recipe import read_recipe

        return read_recipe(recipe, settings=(*(self.settings or ()), *more))


def check_default_settings(settings: Sequence[str]) -> None:
    """Raise RecipeError for settings that suit none of the default recipes, which depend on the target."""
    from dreamfilters.dreams.builtin_recipes import CLASSES, LARGE_CLASSES, OTHERS
    from dreamfilters.dreams.recipe import read_recipe

    errors = []
    for name in (OTHERS, CLASSES, LARGE_CLASSES):
        try:
            read_recipe(name, settings=settings)
        except RecipeError as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def _built_in() -> Path:
    """Return the file of the learned prior of the built-in network."""
    import importlib.resources

    from dreamfilters.dreams.priors.built_in_prior import NAME

    return Path(str(importlib.resources.files("dreamfilters.signs") / NAME))
