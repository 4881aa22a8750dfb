"""The options on real images, and the images that they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli.help import of_images
from dreamfilters.cli.options.given_files import readable_labels
from dreamfilters.cli.options.values import existing_images, valid_size, valid_targets
from dreamfilters.cli.output import say, status

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network
    from dreamfilters.networks.classes.accuracy import Accuracy

Images = Annotated[
    Path,
    typer.Argument(metavar="IMAGES", help="Folder of images, at any depth, or an image.", callback=existing_images),
]
ImagesOrSamples = Annotated[
    Path | None,
    typer.Argument(
        metavar="[IMAGES]",
        help="Folder of images, at any depth, or an image; default for signs: rendered samples.",
        callback=existing_images,
    ),
]
Labels = Annotated[
    Path | None,
    of_images(
        metavar="CSV",
        help="File with path and class of each image; default: the folder names.",
        callback=readable_labels,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="N|HxW", help="Image size in pixels, for a network that accepts any size.", callback=valid_size
    ),
]


def images_or_samples(model: str, images: Path | None) -> Path:
    """Return the images that are given, else the folder with the samples of the built-in network."""
    from dreamfilters.errors import ImageError
    from dreamfilters.runs.storage.file_names import OUTPUTS

    if images is not None:
        return images
    if model != "signs":
        raise ImageError(f"{model}: no images; give an image or a folder of images as the last argument")
    folder = OUTPUTS / "samples"
    with status("Writing the sample images"):
        from dreamfilters.signs.rendering.scenes import write_samples

        write_samples(folder)
    return folder


def targets_and_images(model: str, words: list[str]) -> tuple[list[str], Path]:
    """Return the targets and the images; the built-in network has samples where the last word is no path."""
    from dreamfilters.errors import TargetError

    *targets, last = words
    is_path = Path(last).exists() or "/" in last or "\\" in last
    if not is_path and (model == "signs" or not targets):
        return valid_targets(words), images_or_samples(model, None)
    if not targets:
        raise TargetError(f"{last}: give at least one target, such as conv6:12 or class:STOP, before the images")
    existing_images(Path(last))
    return valid_targets(targets), Path(last)


def labeled_images(
    network: Network, model: str, images: Path, labels: Path | None = None, *, model_words: Sequence[str] = ()
) -> ImageFolder:
    """Return the images of a folder, or a single one; print how many the network predicts correctly.

    Labels from a file have to mean classes of the network, if it has classes; of folder names that do not, a line says
    so. `model_words` are the options on the model, for the command that a warning names.
    """
    from dreamfilters.errors import UnknownNameError
    from dreamfilters.evidence.accuracy import accuracy_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks.classes.class_labels import class_labels

    found = image_folder(images, channels=network.form.channels, labels=labels)
    try:
        class_labels(network, found.labels if network.is_classifier else ())
    except UnknownNameError as error:
        if labels is not None:
            raise
        say(f"no accuracy: {error}")
    more = [] if labels is None else ["--labels", str(labels)]
    say_accuracy(accuracy_of(network, found), [model, str(images), *more, *model_words])
    return found


def say_accuracy(accuracy: Accuracy | None, arguments: Sequence[str]) -> None:
    """Print the accuracy if there is one; a poor one as a warning, with the `arguments` of the command `inputs`."""
    if accuracy is not None:
        say(accuracy.warning(arguments) or accuracy.describe())
