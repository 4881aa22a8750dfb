"""The command `style`: the content of one image in the style of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import Frames, Steps, images_of, run_technique
from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.given_files import readable_image
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import above_or_at, existing_images, layer_names, parse_size, valid_size

if TYPE_CHECKING:
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.style_transfer import StyleTransfer


@with_option_groups
def style(
    model: options.Model,
    images: Annotated[
        Path,
        typer.Argument(
            metavar="CONTENT", help="Image or folder of images whose content is kept.", callback=existing_images
        ),
    ],
    style_image: Annotated[
        Path, typer.Argument(metavar="STYLE", help="Image whose style they take on.", callback=readable_image)
    ],
    weight: Annotated[
        float, of_recipe(help="Weight of the style, relative to the content.", callback=above_or_at(0))
    ] = 10.0,
    content_layer: Annotated[
        str | None, of_recipe(metavar="NAME", help="Layer that keeps the content; default: at half of the depth.")
    ] = None,
    layers: Annotated[
        list[str] | None,
        of_recipe(
            "--style-layers", metavar="NAME,...", help="Layers of the style; default: the last one at each resolution."
        ),
    ] = None,
    size: Annotated[
        str | None,
        of_recipe(
            metavar="N|HxW",
            help="Size in pixels; default: that of the content, at most 256 a side.",
            callback=valid_size,
        ),
    ] = None,
    steps: Steps = None,
    frames: Frames = 0,
    seed: options.Seed = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Transfer the style of an image to others.

    \b
    Examples:
      dreamfilters style applications:VGG16 image.jpg painting.jpg --frames 20
      dreamfilters style net.keras images/ painting.jpg --weight 40 --size 256

    A style of another size is resized to the longer side of the content, and a line says so. Each content image gets a
    folder with the result, a strip with images during the ascent, and the distances as JSON; index.html shows all
    strips. The same command resumes an interrupted run. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters texture signs painting.jpg
    """
    import_backend()
    from dreamfilters.dreams.ascent.ascent import step_progress
    from dreamfilters.runs.by_image.technique_run import image_items
    from dreamfilters.runs.storage.checksums import sha256
    from dreamfilters.techniques.given_image import adapted, opened
    from dreamfilters.techniques.layer_choice import layers_with_positions
    from dreamfilters.techniques.style_transfer import RECIPE, check_weight, style as style_of
    from dreamfilters.techniques.texture_synthesis import LAYERS

    network = model_options.network(model)
    names = layers_with_positions(network, layer_names(layers), most=LAYERS)
    recipe = adapted(RECIPE, steps=steps, size=parse_size(size))
    check_weight(weight)
    opened(network, style_image)  # raises the error of an image that cannot be read

    def made(image: Path, progress: OnProgress) -> StyleTransfer:
        return style_of(
            network, image, style_image, recipe, weight=weight, content_layer=content_layer, style_layers=names,
            seed=seed, frames=frames, on_step=step_progress(progress, 1),
        )  # fmt: skip

    chosen = {
        "style": style_image.name, "style_sha256": sha256(style_image.read_bytes()), "weight": weight,
        "content_layer": content_layer, "style_layers": names, "recipe": recipe.as_values(), "frames": frames,
        "seed": seed,
    }  # fmt: skip
    run_technique("style", network, model, chosen, image_items(images_of(network, images), network, made), run_options)


COMMANDS = (style,)
