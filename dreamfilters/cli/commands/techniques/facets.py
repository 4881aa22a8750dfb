"""The command `facets`: the kinds of real images that activate a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import items_of_targets, run_technique
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import above_or_at, at_least

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.facet_search import Facets


@with_option_groups
def facets(
    model: options.Model,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET... [IMAGES]",
            help="Units and classes such as conv6:12; then a folder of images; default for signs: rendered samples.",
        ),
    ],
    *,
    count: Annotated[
        int | None,
        typer.Option(help="Number of facets; default: 2 to 5, by their silhouette.", callback=at_least(2)),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Layer whose activations are clustered; default: the one before the classes."
        ),
    ] = None,
    strongest: Annotated[
        int, typer.Option(help="Number of images among which facets are searched.", callback=at_least(6))
    ] = 100,
    weight: Annotated[float, typer.Option(help="Weight of the direction of a facet.", callback=above_or_at(0))] = 1.0,
    recipe_options: options.RecipeOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Find the facets of a unit in real images, and dream each of them.

    \b
    Examples:
      dreamfilters facets signs conv5:3
      dreamfilters facets net.keras conv4:3 class:2 images/ --count 4

    Each unit gets a folder with the dreams of its facets, a strip with the images of each, and the purity of the facets
    by the labels of the images as JSON; index.html shows all strips. The same command resumes an interrupted run.

    \b
    Next:
      dreamfilters unit signs conv5:3
    """
    targets, folder = options.targets_and_images(model, words)
    import_backend()
    from dreamfilters.dreams.default_recipes import recipe_values
    from dreamfilters.techniques.facet_search import check_settings, facets as facets_of

    network = model_options.network(model)
    check_settings(network, count, layer, strongest, weight)
    recipe = recipe_options.chosen()

    def made(target: str, images: ImageFolder, progress: OnProgress) -> Facets:
        return facets_of(
            network, target, images, recipe, count=count, layer=layer, strongest=strongest, weight=weight,
            seed=recipe_options.seed, progress=progress,
        )  # fmt: skip

    chosen = {
        "count": count, "layer": layer, "strongest": strongest, "weight": weight,
        "recipe": recipe_values(network, recipe), "seed": recipe_options.seed,
    }  # fmt: skip
    run_technique("facets", network, model, chosen, items_of_targets(network, targets, folder, made), run_options)


COMMANDS = (facets,)
