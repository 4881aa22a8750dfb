"""The command `invert`: what each layer keeps of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.commands.techniques.technique_runs import Steps, images_of, run_technique
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import layer_names, parse_size

if TYPE_CHECKING:
    from dreamfilters.progress import OnProgress
    from dreamfilters.techniques.inversion import Inversion


@with_option_groups
def invert(
    model: options.Model,
    images: options.Images,
    layers: options.Layers = None,
    size: options.Size = None,
    steps: Steps = None,
    seed: options.Seed = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Invert the features of an image, to see what layers keep.

    \b
    Examples:
      dreamfilters invert signs image.jpg
      dreamfilters invert net.keras images/ --layers conv2,conv4,dense --steps 400

    Default: eight layers. Each image gets a folder with its inversions, a strip of all of them, and the distances as
    JSON; index.html shows all strips. The same command resumes an interrupted run. Exit code 3: some images could not
    be read.

    \b
    Next:
      dreamfilters texture signs image.jpg
    """
    import_backend()
    from dreamfilters.dreams.ascent.ascent import step_progress
    from dreamfilters.runs.by_image.technique_run import image_items
    from dreamfilters.techniques.given_image import adapted
    from dreamfilters.techniques.inversion import LAYERS, RECIPE, invert as invert_image
    from dreamfilters.techniques.layer_choice import chosen_layers

    network = model_options.network(model)
    names = chosen_layers(network, layer_names(layers), most=LAYERS)
    recipe = adapted(RECIPE, steps=steps, size=parse_size(size))

    def made(image: Path, progress: OnProgress) -> Inversion:
        on_step = step_progress(progress, len(names))
        return invert_image(network, image, names, recipe, seed=seed, on_step=on_step)

    chosen = {"layers": names, "recipe": recipe.as_values(), "seed": seed}
    run_technique("invert", network, model, chosen, image_items(images_of(network, images), network, made), run_options)


COMMANDS = (invert,)
