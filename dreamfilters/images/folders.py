"""A folder of image files becomes one array of equal pictures, and each bad file is named instead of fatal."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamfilters.errors import PictureError
from dreamfilters.images.decoding import Picture, check_channels, read, shown
from dreamfilters.images.resizing import resize

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .avif .ppm .pgm .pbm .pnm".split()  # noqa: SIM905
)


@dataclass(frozen=True, eq=False)
class Readings:
    """What was read, picture by picture, and what could not be."""

    pictures: Picture  # (n, h, w, c) in [0, 1]
    paths: tuple[Path, ...]  # n, in the pictures' order
    failures: tuple[tuple[Path, str], ...]  # each bad file and its reason


def paths(source: str | Path) -> tuple[Path, ...]:
    """The image files that `source` means, sorted: a file means itself, a folder all image files below it.

    Files are known by their suffix (`SUFFIXES`, upper or lower case); names that start with a dot are left out, for
    they are other programs' notes. Raises PictureError if there is nothing there.
    """
    source = Path(source)
    if source.is_file():
        return (source,)
    if not source.is_dir():
        raise PictureError(f"{shown(source)}: no such file or folder")
    found = tuple(sorted(_images_below(source), key=Path.as_posix))
    if not found:
        raise PictureError(f"{shown(source)}: no image files in this folder; known are {', '.join(sorted(SUFFIXES))}")
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


def read_all(source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3) -> Readings:
    """All pictures of a file or folder, each resized to `size` = (height, width), with the bad ones named.

    Without a `size` the first readable picture sets it, and pictures of another one count as failures. If none can be
    read, `pictures` is (0, h, w, c). Raises PictureError only as `paths` does, or for an impossible size or channels.

    >>> read_all("signs", size=(48, 48)).pictures.shape  # doctest: +SKIP
    (258, 48, 48, 3)
    """
    pictures: list[Picture] = []
    good: list[Path] = []
    failures: list[tuple[Path, str]] = []
    check_channels(channels)
    for path in paths(source):
        try:
            picture = read(path, channels=channels)
            if size is None and pictures:
                _check_shape(path, picture, pictures[0])
        except PictureError as error:
            failures.append((path, str(error).removeprefix(f"{shown(path)}: ")))
        else:
            pictures.append(picture if size is None else resize(picture, size))
            good.append(path)
    none = np.zeros((0, *(size or (0, 0)), channels), np.float32)
    return Readings(np.stack(pictures) if pictures else none, tuple(good), tuple(failures))


def _images_below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(here, name)


def _check_shape(path: Path, picture: Picture, first: Picture) -> None:
    if picture.shape != first.shape:
        here, there = (f"{height}x{width}" for height, width, _ in (picture.shape, first.shape))
        raise PictureError(f"{shown(path)}: is {here} and the first picture {there}; give a size")
