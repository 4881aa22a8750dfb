"""`PixelStore`: images of one size in 8 bits, in memory up to a limit, beyond it in a temporary file."""

from __future__ import annotations

import hashlib
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import OutputError

MOST_BYTES = 2**28  # in memory: 87,000 images of 32x32 pixels in color
_READ_BYTES = 2**24  # read at a time for the digest


class PixelStore:
    """Images (h, w, c) of uint8 that are added one after the other and read in any order.

    The file has no name, so nothing is left of it, even after a kill. It is read, not mapped: pages of a mapped file
    count as memory of the process.

    Args:
        shape: (h, w, c) of each image.
        folder: where the temporary file is; default: the system's folder for such files.

    Example:
        >>> store = PixelStore((1, 2, 1))
        >>> for level in (0, 10, 20):
        ...     store.add(np.full((1, 2, 1), level, "uint8"))
        >>> store.shape, store.take([2, 0]).ravel().tolist()
        ((3, 1, 2, 1), [20, 20, 0, 0])
    """

    def __init__(self, shape: tuple[int, int, int], folder: Path | None = None) -> None:
        self._image, self._count, self._folder = shape, 0, folder
        where = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(max_size=MOST_BYTES, dir=where)  # noqa: SIM115 - closed with self
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        """Return the number of images."""
        return self._count

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The number of images, and their (h, w, c)."""
        return (self._count, *self._image)

    def add(self, image: NDArray[np.uint8]) -> None:
        """Add an image at the end.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(image).tobytes())
        except OSError as error:
            where = self._folder or tempfile.gettempdir()
            raise OutputError(
                f"{where}: the images of a prior do not fit ({error.strerror or error}); free space, or choose a "
                "smaller size"
            ) from error
        self._count += 1

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return the images of these numbers, (n, h, w, c)."""
        size = int(np.prod(self._image))
        found = np.empty((len(rows), size), np.uint8)
        for place, row in enumerate(rows):
            self._file.seek(int(row) * size)
            found[place] = np.frombuffer(self._file.read(size), np.uint8)
        return found.reshape(-1, *self._image)

    def digest(self) -> str:
        """Return a hash of the images and their shape."""
        found = hashlib.sha256(repr(self.shape).encode())
        self._file.seek(0)
        while part := self._file.read(_READ_BYTES):
            found.update(part)
        return found.hexdigest()[:16]
