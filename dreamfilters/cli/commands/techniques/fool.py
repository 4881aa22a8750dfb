"""The command `fool`: fooling images, from real images or from noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import images_of, run_technique
from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import (
    at_least,
    existing_images,
    one_of,
    parse_radius,
    share,
    valid_radius,
    valid_seed,
    valid_target,
)

if TYPE_CHECKING:
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.fooling import Fooling


@with_option_groups
def fool(
    model: options.Model,
    target: Annotated[
        str, typer.Argument(metavar="CLASS", help="The class to predict, such as class:STOP.", callback=valid_target)
    ],
    images: Annotated[
        Path | None,
        typer.Argument(
            metavar="[IMAGES]", help="An image or a folder of images; default: noise.", callback=existing_images
        ),
    ] = None,
    norm: Annotated[
        str,
        typer.Option(
            metavar="linf|l2",
            help="Bound the largest change of a value, or the root mean square.",
            callback=one_of("linf", "l2"),
        ),
    ] = "linf",
    radius: Annotated[
        str,
        typer.Option(
            metavar="X", help="The bound, as a share of the range from black to white.", callback=valid_radius
        ),
    ] = "8/255",
    confidence: Annotated[float, typer.Option(help="Stop at this probability of the class.", callback=share)] = 0.99,
    steps: Annotated[int, typer.Option(help="Number of steps at most.", callback=at_least(1))] = 100,
    seed: Annotated[int, of_recipe(help="Random seed of the noise.", callback=valid_seed)] = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Make fooling images, predicted as a class that they do not show.

    \b
    Examples:
      dreamfilters fool signs class:yield image.jpg
      dreamfilters fool signs class:STOP
      dreamfilters fool net.keras class:3 images/ --norm l2 --radius 16/255 --json

    Each image gets a folder with the fooling image, a strip with the perturbation, and the norms and probabilities as
    JSON; index.html shows all of them. The same command resumes an interrupted run. Exit code 3: some images could not
    be read.

    \b
    Next:
      dreamfilters attribute signs outputs/signs/fool
    """
    import_backend()
    from dreamfilters.dreams.ascent.ascent import step_progress
    from dreamfilters.runs.by_image.technique_run import Item, image_items
    from dreamfilters.techniques.fooling import check_settings, class_objective, fool as fool_image

    network = model_options.network(model)
    bound = check_settings(norm, parse_radius(radius), confidence)
    class_objective(network, target)

    def made(image: Path | None, progress: OnProgress) -> Fooling:
        return fool_image(
            network, target, image, norm=bound, radius=parse_radius(radius), confidence=confidence, steps=steps,
            seed=seed, on_step=step_progress(progress, 1),
        )  # fmt: skip

    noise = (Item("noise", "", lambda progress: made(None, progress)),)
    items = noise if images is None else image_items(images_of(network, images), network, made)
    chosen = {
        "target": target, "norm": norm, "radius": parse_radius(radius), "confidence": confidence, "steps": steps,
        "seed": seed,
    }  # fmt: skip
    run_technique("fool", network, model, chosen, items, run_options)


COMMANDS = (fool,)
