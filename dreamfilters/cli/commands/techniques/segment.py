"""The command `segment`: the region of an image that a class depends on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import images_of, run_technique
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import existing_images, one_of, share, valid_target
from dreamfilters.errors import UsageError

if TYPE_CHECKING:
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.segmentation import Segmentation


@with_option_groups
def segment(
    model: options.Model,
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="An image or a folder of images.", callback=existing_images)
    ],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET", help="Class or unit; default: the class that is predicted.", callback=valid_target
        ),
    ] = None,
    method: Annotated[str, typer.Option(metavar="NAME", help="Attribution method of the saliency.")] = "lrp",
    algorithm: Annotated[
        str,
        typer.Option(
            metavar="watershed|random-walker",
            help="How the region grows from the seeds.",
            callback=one_of("watershed", "random-walker"),
        ),
    ] = "watershed",
    foreground: Annotated[
        float, typer.Option(help="Quantile of the saliency above which pixels are inside.", callback=share)
    ] = 0.8,
    background: Annotated[
        float, typer.Option(help="Quantile of the saliency below which pixels are outside.", callback=share)
    ] = 0.3,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Segment images by saliency: the region that a class depends on.

    \b
    Examples:
      dreamfilters segment signs image.jpg
      dreamfilters segment net.keras images/ --target class:3 --method gradient --algorithm random-walker

    Each image gets a folder with the mask, the region drawn over the image, a strip with saliency and seeds, and the
    numbers as JSON; index.html shows all strips. The same command resumes an interrupted run. Exit code 3: some images
    could not be read, or no region stands out.

    \b
    Next:
      dreamfilters attribute signs image.jpg
    """
    if background >= foreground:
        raise UsageError(f"--background {background} --foreground {foreground}: the first must be below the second")
    model_options.check_methods([method])
    import_backend()
    from dreamfilters.runs.by_image.technique_run import image_items
    from dreamfilters.techniques.segmentation import check_settings, segment as segment_image

    network = model_options.network(model)
    grown_by = check_settings(network, target, method, algorithm, foreground, background)

    def made(image: Path, progress: OnProgress) -> Segmentation:
        return segment_image(
            network, image, target, method=method, algorithm=grown_by, foreground=foreground, background=background
        )

    chosen = {
        "target": target, "method": method, "algorithm": algorithm, "foreground": foreground, "background": background
    }  # fmt: skip
    items = image_items(images_of(network, images), network, made)
    run_technique("segment", network, model, chosen, items, run_options)


COMMANDS = (segment,)
