"""Reading of image files into one array of equal size; unreadable files are listed as failures."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray, check_channels, path_text, read_image
from dreamfilters.images.resizing import resize

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .avif .ppm .pgm .pbm .pnm".split()  # noqa: SIM905
)


@dataclass(frozen=True, eq=False)
class FolderImages:
    """The images that were read, and the files that could not be read."""

    images: ImageArray  # (n, h, w, c) in [0, 1]
    paths: tuple[Path, ...]  # (n,) in the order of the images
    failures: tuple[tuple[Path, str], ...]  # each unreadable file, with the reason


def image_paths(source: str | Path) -> tuple[Path, ...]:
    """Return the image files of `source`, sorted: the file itself, or all image files below a folder.

    Image files have one of `SUFFIXES`, in upper or lower case. Names that start with a dot are skipped.

    Raises:
        ImageError: there is no such file or folder, or it has no image files.
    """
    source = Path(source)
    if source.is_file():
        return (source,)
    if not source.is_dir():
        raise ImageError(f"{path_text(source)}: no such file or folder")
    found = tuple(sorted(_images_below(source), key=Path.as_posix))
    if not found:
        raise ImageError(f"{path_text(source)}: no image files in this folder; known are {', '.join(sorted(SUFFIXES))}")
    return found


def label_of(path: str | Path, folder: str | Path) -> str:
    """Return the name of the first folder below `folder` in `path`, "" if there is none.

    >>> label_of("signs/14/00039_00004.png", "signs")
    '14'
    """
    path, folder = Path(path), Path(folder)
    if not path.is_relative_to(folder):
        return ""
    below = path.relative_to(folder).parts
    return below[0] if len(below) > 1 else ""


def read_images(source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3) -> FolderImages:
    """Return all images of a file or folder, resized to `size` = (height, width), and the failures.

    Default size: that of the first readable image; images of other sizes are failures. If no image can be read,
    `images` is (0, h, w, c).

    Raises:
        ImageError: there are no image files, or the size or number of channels is invalid.

    >>> read_images("signs", size=(48, 48)).images.shape
    (172, 48, 48, 3)
    """
    images: list[ImageArray] = []
    good: list[Path] = []
    failures: list[tuple[Path, str]] = []
    check_channels(channels)
    for path in image_paths(source):
        try:
            image = read_image(path, channels=channels)
            if size is None and images:
                _check_shape(path, image, images[0])
        except ImageError as error:
            failures.append((path, str(error).removeprefix(f"{path_text(path)}: ")))
        else:
            images.append(image if size is None else resize(image, size))
            good.append(path)
    none = np.zeros((0, *(size or (0, 0)), channels), np.float32)
    return FolderImages(np.stack(images) if images else none, tuple(good), tuple(failures))


def _images_below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(here, name)


def _check_shape(path: Path, image: ImageArray, first: ImageArray) -> None:
    if image.shape != first.shape:
        here, there = (f"{height}x{width}" for height, width, _ in (image.shape, first.shape))
        raise ImageError(f"{path_text(path)}: is {here}, but the first image is {there}; give a size")
