"""Where the pictures of a scan come from: files, or arrays in memory, asked alike."""

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

from dreamfilters.errors import PictureError
from dreamfilters.images import Photos, Picture, resize
from dreamfilters.images.resizing import Rule

_END = 2**16  # bytes


class Source(Protocol):
    """Pictures with names and labels, read in order and from any place on."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each picture is called."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The class of each, "" for none."""

    @property
    def digest(self) -> str:
        """Tells these pictures from others."""

    def first(self, channels: int) -> Picture:
        """Return the first picture that can be read, or raise `unreadable`."""

    def unreadable(self, reason: str) -> PictureError:
        """Return the error that says that no picture can be read, one of them for this reason."""

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> Source:
        """Return the same pictures at this size."""

    def tried(self, index: int) -> Picture | str:
        """Return (h, w, c), or why the picture cannot be read; several threads may ask at once."""

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        """Yield number and (h, w, c) of those that can be read among these."""


def source_of(pictures: Photos | Sequence[Any] | NDArray[Any], labels: Sequence[str] | None = None) -> Source:
    """Return the pictures as a source, with these labels if they are given.

    Raises:
        PictureError: another number of labels than of pictures.
    """
    if labels is not None and len(labels) != len(pictures):
        raise PictureError(f"{len(labels)} labels for {len(pictures)} pictures: give one each, '' for none")
    named = None if labels is None else tuple(map(str, labels))
    if isinstance(pictures, Photos):
        return Files(pictures if named is None else dataclasses.replace(pictures, labels=named))
    return InMemory(pictures, named or ("",) * len(pictures))


@dataclass(frozen=True, eq=False)
class Files:
    """Photographs on disk."""

    photos: Photos

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their paths from their folder on."""
        return self.photos.names

    @property
    def labels(self) -> tuple[str, ...]:
        """As the photographs have them."""
        return self.photos.labels

    @property
    def digest(self) -> str:
        """A hash of names, sizes in bytes, and what the files begin and end with.

        Small pictures are read whole; of a large one that stays as long, a change in its middle alone is not noticed.
        """
        digest = hashlib.sha256()
        for name, path in zip(self.names, self.photos.paths, strict=True):
            length, ends = _ends(path)
            digest.update(f"{len(name)} {name} {length}\n".encode("utf-8", "surrogatepass") + ends)
        return digest.hexdigest()

    def first(self, channels: int) -> Picture:
        """See `Source`."""
        fitted, reason = dataclasses.replace(self.photos, channels=channels), ""
        for index in range(len(fitted)):
            found = fitted.tried(index)
            if not isinstance(found, str):
                return found
            reason = found
        raise self.unreadable(reason)

    def unreadable(self, reason: str) -> PictureError:
        """See `Source`."""
        return PictureError(
            f"{self.photos.folder}: none of its {len(self.photos)} pictures can be read; last: {reason}"
        )

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> Files:
        """See `Source`."""
        return Files(self.photos.fitted(size, channels, rule))

    def tried(self, index: int) -> Picture | str:
        """See `Source`."""
        return self.photos.tried(index)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        """See `Source`; decoding runs ahead in a thread."""
        return self.photos.only(indices)


@dataclass(frozen=True, eq=False)
class InMemory:
    """Pictures (n, h, w, c), or a list of (h, w, c)."""

    pictures: Sequence[Any] | NDArray[Any]
    labels: tuple[str, ...]
    size: tuple[int, int] | None = None
    rule: Rule = "bicubic"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their numbers."""
        return tuple(map(str, range(len(self.pictures))))

    @property
    def digest(self) -> str:
        """A hash of their values."""
        digest = hashlib.sha256()
        for picture in self.pictures:
            values = np.ascontiguousarray(picture, np.float32)
            digest.update(f"{values.shape}".encode())
            digest.update(values.tobytes())
        return digest.hexdigest()

    def first(self, channels: int) -> Picture:
        """See `Source`; `channels` are whatever they have."""
        return self.tried(0)

    def unreadable(self, reason: str) -> PictureError:
        """See `Source`."""
        return PictureError(f"no pictures: {reason}")

    def fitted(self, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> InMemory:
        """See `Source`."""
        return dataclasses.replace(self, size=size, rule=rule)

    def tried(self, index: int) -> Picture:
        """See `Source`."""
        picture = np.asarray(self.pictures[index], np.float32)
        if picture.ndim != 3:
            raise PictureError(f"a picture of shape {picture.shape}; wanted (h, w, c)")
        whole = self.size is None or picture.shape[:2] == self.size
        return picture if whole or self.size is None else resize(picture, self.size, self.rule)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, Picture]]:
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
