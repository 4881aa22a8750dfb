"""The command `texture`: new images of the texture of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import Frames, Steps, images_of, run_technique
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import layer_names, parse_size

if TYPE_CHECKING:
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.texture_synthesis import Texture


@with_option_groups
def texture(
    model: options.Model,
    images: options.Images,
    layers: options.Layers = None,
    size: options.Size = None,
    steps: Steps = None,
    frames: Frames = 0,
    seed: options.Seed = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Synthesize new images of the texture of an image.

    \b
    Examples:
      dreamfilters texture signs image.jpg
      dreamfilters texture net.keras images/ --layers conv1,conv3 --size 128 --frames 20

    Default: the last layer at each resolution, and the size of the image, at most 256 pixels a side. Each image gets a
    folder with the texture, a strip beside the image, and the distance as JSON; index.html shows all strips. The same
    command resumes an interrupted run. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters style signs image.jpg other.jpg
    """
    import_backend()
    from dreamfilters.dreams.ascent.ascent import step_progress
    from dreamfilters.runs.by_image.technique_run import image_items
    from dreamfilters.techniques.given_image import adapted
    from dreamfilters.techniques.layer_choice import layers_with_positions
    from dreamfilters.techniques.texture_synthesis import LAYERS, RECIPE, texture as texture_of

    network = model_options.network(model)
    names = layers_with_positions(network, layer_names(layers), most=LAYERS)
    recipe = adapted(RECIPE, steps=steps, size=parse_size(size))

    def made(image: Path, progress: OnProgress) -> Texture:
        on_step = step_progress(progress, 1)
        return texture_of(network, image, names, recipe, seed=seed, frames=frames, on_step=on_step)

    chosen = {"layers": names, "recipe": recipe.as_values(), "frames": frames, "seed": seed}
    items = image_items(images_of(network, images), network, made)
    run_technique("texture", network, model, chosen, items, run_options)


COMMANDS = (texture,)
