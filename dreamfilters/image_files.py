"""Image files, found by their suffixes. No image is read, and NumPy is not imported, so that a command checks its files
at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dreamfilters.errors import ImageError, printable

ARRAY_SUFFIXES = (".npy", ".npz")

_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .avif .ppm .pgm .pbm .pnm".split()  # noqa: SIM905
)


def image_paths(source: str | Path) -> tuple[Path, ...]:
    """Return the image files of `source`, sorted: the file itself, or all image files below a folder.

    Image files are recognized by their suffix, in upper or lower case. Names that start with a dot are skipped. Where a
    folder has no image files, its .npy and .npz files are the images.

    Raises:
        ImageError: there is no such file or folder, or it has no image files.
    """
    source = Path(source)
    check_images(source)
    if source.is_file():
        return (source,)
    found = set(_images_below(source))
    arrays = {path for path in found if path.suffix.lower() in ARRAY_SUFFIXES}
    return tuple(sorted(found - arrays or arrays, key=Path.as_posix))


def check_images(source: Path) -> None:
    """Raise ImageError if there is no such file or folder, or the folder has no image files."""
    if source.is_file():
        return
    if not source.is_dir():
        raise ImageError(f"{printable(str(source))}: no such file or folder")
    if next(_images_below(source), None) is None:
        known = ", ".join(sorted(_SUFFIXES | {*ARRAY_SUFFIXES}))
        raise ImageError(f"{printable(str(source))}: no image files in this folder; known are {known}")


def _images_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in (*ARRAY_SUFFIXES, *_SUFFIXES):
                yield Path(parent, name)
