"""Image folders as arguments of commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dreamfilters.cli.output import tell_failures

if TYPE_CHECKING:
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network

__all__ = ["labeled_images", "tell_failures"]


def labeled_images(network: Network, images: Path, labels: Path | None = None) -> ImageFolder:
    """Return the images of a folder, or a single one.

    Labels from a file have to name classes of the network; folder names do not.
    """
    from dreamfilters.evidence.scan.sources import class_numbers
    from dreamfilters.images import image_folder

    found = image_folder(images, channels=network.form.channels, labels=labels)
    if labels is not None:
        class_numbers(network, found.labels)
    return found
