"""What a technique made, beside what it was made of: a strip of images with captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from dreamfilters.display import show_value
from dreamfilters.images import ImageArray, contact_sheet, png_bytes
from dreamfilters.images.encoding import displayed, write_image

_COLUMNS = 9  # of a strip; a longer one has several rows


@dataclass(frozen=True, eq=False)
class Strip:
    """Images in a row.

    Attributes:
        title: the line above them.
        images: (h, w, c) in [0, 1].
        captions: of each image, possibly of several lines.
        columns: images in a row; default: all, at most nine.
        tile: pixels of the longer side of each; default: that of `contact_sheet`.
    """

    title: str
    images: Sequence[ArrayLike]
    captions: Sequence[str]
    columns: int | None = None
    tile: int | None = None

    @property
    def sheet(self) -> ImageArray:
        """The strip as an image (H, W, 3)."""
        images = [displayed(image) for image in self.images]
        columns = self.columns or min(_COLUMNS, len(images))
        return contact_sheet(images, list(self.captions), columns=columns, title=self.title, tile=self.tile)


class TechniqueResult:
    """The result of a technique: a line of text, a `strip`, its `images` by name, and its numbers as JSON values."""

    @property
    def text(self) -> str:
        """The result in one line."""
        raise NotImplementedError

    @property
    def strip(self) -> Strip:
        """What it shows at a glance."""
        raise NotImplementedError

    @property
    def images(self) -> Mapping[str, ImageArray]:
        """The images (h, w, c) in [0, 1] that were made, by the name of a file without its suffix."""
        raise NotImplementedError

    @property
    def frames(self) -> tuple[ImageArray, ...]:
        """The images during the ascent, if they were recorded."""
        return ()

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        raise NotImplementedError

    def save(self, path: Path | str) -> Path:
        """Write the strip as a .png file and return its path.

        Raises:
            OutputError: the file cannot be written, or its name has another ending.
        """
        return write_image(path, {".png": lambda: png_bytes(self.strip.sheet)})

    def show(self) -> None:
        """Show the strip below the cell of a notebook, elsewhere in the system's image viewer."""
        show_value(self)

    def _repr_png_(self) -> bytes:
        return png_bytes(self.strip.sheet)
