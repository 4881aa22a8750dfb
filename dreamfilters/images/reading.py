"""A folder of image files becomes one array of equal images, and each bad file is named instead of fatal."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray, check_channels, read_image, shown
from dreamfilters.images.resizing import resize

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .avif .ppm .pgm .pbm .pnm".split()  # noqa: SIM905
)


@dataclass(frozen=True, eq=False)
class FolderImages:
    """What was read, image by image, and what could not be."""

    images: ImageArray  # (n, h, w, c) in [0, 1]
    paths: tuple[Path, ...]  # n, in the images' order
    failures: tuple[tuple[Path, str], ...]  # each bad file and its reason


def image_paths(source: str | Path) -> tuple[Path, ...]:
    """The image files that `source` means, sorted: a file means itself, a folder all image files below it.

    Files are known by their suffix (`SUFFIXES`, upper or lower case); names that start with a dot are left out, for
    they are other programs' notes. Raises ImageError if there is nothing there.
    """
    source = Path(source)
    if source.is_file():
        return (source,)
    if not source.is_dir():
        raise ImageError(f"{shown(source)}: no such file or folder")
    found = tuple(sorted(_images_below(source), key=Path.as_posix))
    if not found:
        raise ImageError(f"{shown(source)}: no image files in this folder; known are {', '.join(sorted(SUFFIXES))}")
    return found


def label_of(path: str | Path, folder: str | Path) -> str:
    """The name of the first folder below `folder` on the way to `path`, or "" where there is none.

    >>> label_of("signs/14/00039_00004.png", "signs")
    '14'
    """
    path, folder = Path(path), Path(folder)
    if not path.is_relative_to(folder):
        return ""
    below = path.relative_to(folder).parts
    return below[0] if len(below) > 1 else ""


def read_images(source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3) -> FolderImages:
    """All images of a file or folder, each resized to `size` = (height, width), with the bad ones named.

    Without a `size` the first readable image sets it, and images of another one count as failures. If none can be
    read, `images` is (0, h, w, c). Raises ImageError only as `image_paths` does, or for an impossible size or channels.

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
            failures.append((path, str(error).removeprefix(f"{shown(path)}: ")))
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
        raise ImageError(f"{shown(path)}: is {here} and the first image {there}; give a size")
