"""Where the images of a scan come from: files, or arrays in memory, asked alike."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError
from dreamfilters.images import ImageArray, ImageFolder, resize
from dreamfilters.images.resizing import Rule

_END = 2**16  # bytes


class Source(Protocol):
    """Images with names and labels, read in order and from any place on."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each image is called."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The class of each, "" for none."""

    @property
    def digest(self) -> str:
        """Tells these images from others."""

    def first(self, channels: int) -> ImageArray:
        """Return the first image that can be read, or raise `unreadable`."""

    def unreadable(self, reason: str) -> ImageError:
        """Return the error that says that no image can be read, one of them for this reason."""

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> Source:
        """Return the same images at this size."""

    def tried(self, index: int) -> ImageArray | str:
        """Return (h, w, c), or why the image cannot be read; several threads may ask at once."""

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield number and (h, w, c) of those that can be read among these."""


def source_of(images: ImageFolder | Sequence[Any] | NDArray[Any], labels: Sequence[str] | None = None) -> Source:
    """Return the images as a source, with these labels if they are given.

    Raises:
        ImageError: another number of labels than of images.
    """
    if labels is not None and len(labels) != len(images):
        raise ImageError(f"{len(labels)} labels for {len(images)} images: give one each, '' for none")
    named = None if labels is None else tuple(map(str, labels))
    if isinstance(images, ImageFolder):
        return FolderSource(images if named is None else dataclasses.replace(images, labels=named))
    return ArraySource(images, named or ("",) * len(images))


@dataclass(frozen=True, eq=False)
class FolderSource:
    """Images on disk."""

    folder: ImageFolder

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their paths from their folder on."""
        return self.folder.names

    @property
    def labels(self) -> tuple[str, ...]:
        """As the images have them."""
        return self.folder.labels

    @property
    def digest(self) -> str:
        """A hash of names, sizes in bytes, and what the files begin and end with.

        Small images are read whole; of a large one that stays as long, a change in its middle alone is not noticed.
        """
        digest = hashlib.sha256()
        for name, path in zip(self.names, self.folder.paths, strict=True):
            length, ends = _ends(path)
            digest.update(f"{len(name)} {name} {length}\n".encode("utf-8", "surrogatepass") + ends)
        return digest.hexdigest()

    def first(self, channels: int) -> ImageArray:
        """See `Source`."""
        fitted, reason = dataclasses.replace(self.folder, channels=channels), ""
        for index in range(len(fitted)):
            found = fitted.tried(index)
            if not isinstance(found, str):
                return found
            reason = found
        raise self.unreadable(reason)

    def unreadable(self, reason: str) -> ImageError:
        """See `Source`."""
        return ImageError(f"{self.folder.folder}: none of its {len(self.folder)} images can be read; last: {reason}")

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> FolderSource:
        """See `Source`."""
        return FolderSource(self.folder.fitted(size, channels, rule))

    def tried(self, index: int) -> ImageArray | str:
        """See `Source`."""
        return self.folder.tried(index)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """See `Source`; decoding runs ahead in a thread."""
        return self.folder.only(indices)


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Images (n, h, w, c), or a list of (h, w, c)."""

    images: Sequence[Any] | NDArray[Any]
    labels: tuple[str, ...]
    size: tuple[int, int] | None = None
    rule: Rule = "bicubic"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their numbers."""
        return tuple(map(str, range(len(self.images))))

    @property
    def digest(self) -> str:
        """A hash of their values."""
        digest = hashlib.sha256()
        for image in self.images:
            values = np.ascontiguousarray(image, np.float32)
            digest.update(f"{values.shape}".encode())
            digest.update(values.tobytes())
        return digest.hexdigest()

    def first(self, channels: int) -> ImageArray:
        """See `Source`; `channels` are whatever they have."""
        return self.tried(0)

    def unreadable(self, reason: str) -> ImageError:
        """See `Source`."""
        return ImageError(f"no images: {reason}")

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> ArraySource:
        """See `Source`."""
        return dataclasses.replace(self, size=size, rule=rule)

    def tried(self, index: int) -> ImageArray:
        """See `Source`."""
        image = np.asarray(self.images[index], np.float32)
        if image.ndim != 3:
            raise ImageError(f"an image of shape {image.shape}; wanted (h, w, c)")
        whole = self.size is None or image.shape[:2] == self.size
        return image if whole or self.size is None else resize(image, self.size, self.rule)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """See `Source`."""
        return ((index, self.tried(index)) for index in indices)


def _ends(path: Path) -> tuple[int, bytes]:
    """Return a file's length and the bytes it begins and ends with; -1 and none where it cannot be read."""
    try:
        if not path.is_file():
            return -1, b""
        with path.open("rb") as file:
            head, length = file.read(_END), path.stat().st_size
            file.seek(max(len(head), length - _END))
            return length, head + file.read(_END)
    except OSError:
        return -1, b""
