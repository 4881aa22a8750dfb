"""The command `unit`: a unit at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import items_of_targets, run_technique
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.unit_overview import UnitOverview


@with_option_groups
def unit(
    model: options.Model,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET... [IMAGES]",
            help="Units and classes such as conv6:12; then a folder of images; default for signs: rendered samples.",
        ),
    ],
    *,
    count: Annotated[int, typer.Option(help="Number of dreams, and of images.", callback=at_least(1))] = 9,
    recipe_options: options.RecipeOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show the dreams, strongest images and deconvolutions of a unit.

    \b
    Examples:
      dreamfilters unit signs conv6:12
      dreamfilters unit net.keras conv4:0-15 images/ --recipe fast

    Each unit gets a folder with the images, a strip of all of them, and the scores as JSON; index.html shows all
    strips. The same command resumes an interrupted run.

    \b
    Next:
      dreamfilters facets signs conv6:12
    """
    targets, folder = options.targets_and_images(model, words)
    import_backend()
    from dreamfilters.dreams.default_recipes import recipe_values
    from dreamfilters.techniques.unit_overview import unit_overview

    network = model_options.network(model)
    recipe = recipe_options.chosen()

    def made(target: str, images: ImageFolder, progress: OnProgress) -> UnitOverview:
        return unit_overview(network, target, images, recipe, count=count, seed=recipe_options.seed, progress=progress)

    chosen = {"count": count, "recipe": recipe_values(network, recipe), "seed": recipe_options.seed}
    run_technique("unit", network, model, chosen, items_of_targets(network, targets, folder, made), run_options)


COMMANDS = (unit,)
