"""Real images as commands take them: a folder with labels that have to fit, and those that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dreamfilters.cli.output import SOME_FAILED, say

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network

_NAMED = 20  # failures that are printed


def labeled_images(network: Network, images: Path, labels: Path | None = None) -> ImageFolder:
    """Return the images of a folder, or one; labels that were given have to fit, names of folders need not."""
    from dreamfilters.evidence.scan.class_labels import class_numbers
    from dreamfilters.images import image_folder

    found = image_folder(images, channels=network.form.image_channels, labels=labels)
    if labels is not None:
        class_numbers(network, found.labels)
    return found


def tell_failures(failures: Sequence[tuple[str, str]], where: str, *, count: int) -> None:
    """Name those of `count` images that could not be read, and exit with 3 if any; the file `where` has all."""
    for name, reason in failures[:_NAMED]:
        say(f"{name}: {reason}")
    if failures:
        more = f", the first {_NAMED} above, all in {where}" if len(failures) > _NAMED else ""
        say(f"{len(failures)} of {count} images could not be read{more}")
        raise typer.Exit(SOME_FAILED)
