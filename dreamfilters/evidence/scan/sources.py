"""Sources of images for a scan: files of a folder or arrays in memory, behind one interface."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError
from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.labels import label_texts
from dreamfilters.networks.preprocessing.input_form import InputForm

_END = 2**16  # bytes hashed at either end of a file


def source_of(
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path, labels: Sequence[object] | None = None
) -> ImageSource:
    """Return the images as a source; `labels` replace those of a folder.

    Raises:
        ImageError: the number of labels differs from the number of images, or a path names no images.
    """
    found = opened_images(images)
    names = None if labels is None else label_texts(labels, len(found))
    if isinstance(found, ImageFolder):
        return FolderSource(found if names is None else dataclasses.replace(found, labels=names))
    return ArraySource(found, names or ("",) * len(found))


@dataclass(frozen=True, eq=False)
class FolderSource:
    """Images on disk, read by index."""

    folder: ImageFolder

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of the images relative to the folder."""
        return self.folder.names

    @property
    def labels(self) -> tuple[str, ...]:
        """The class of each image, "" for none."""
        return self.folder.labels

    @property
    def digest(self) -> str:
        """A hash of each file's name, length, first and last bytes.

        Small files are hashed completely. A change in the middle of a large file that keeps its length is not noticed.
        """
        digest = hashlib.sha256()
        for name, path in zip(self.names, self.folder.paths, strict=True):
            length, ends = _file_ends(path)
            digest.update(f"{len(name)} {name} {length}\n".encode("utf-8", "surrogatepass") + ends)
        return digest.hexdigest()

    def first(self, channels: int, bits: int = 16) -> ImageArray:
        """Return the first readable image, or raise the error of `unreadable`."""
        folder, reason = dataclasses.replace(self.folder, channels=channels, bits=bits), ""
        for index in range(len(folder)):
            image = folder.tried(index)
            if not isinstance(image, str):
                return image
            reason = image
        raise self.unreadable(reason)

    def unreadable(self, reason: str) -> ImageError:
        """Return the error for a source without a readable image; `reason` is that of one image."""
        return ImageError(f"{self.folder.folder}: none of its {len(self.folder)} images can be read; last: {reason}")

    def fitted(self, size: tuple[int, int], form: InputForm) -> FolderSource:
        """Return the same images at this (height, width), in the channels and by the resize rule of an input form."""
        return FolderSource(self.folder.fitted(size, form.channels, form.resize, form.bits))

    def files(self, indices: Iterable[int]) -> list[Path]:
        """Return the files that these images are read from."""
        return [self.folder.paths[index] for index in indices]

    def check_present(self) -> None:
        """Raise an ImageError if this machine does not have the folder."""
        if not self.folder.folder.is_dir():
            raise ImageError(
                f"{self.folder.folder}: is not on {platform.node()}, where a worker runs; add --ship-images, "
                "or give a folder that all machines have"
            )

    def tried(self, index: int) -> ImageArray | str:
        """Return an image (h, w, c), or the reason why it cannot be read. Thread-safe."""
        return self.folder.tried(index)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield (index, image (h, w, c)) for the readable images among these; a thread decodes ahead."""
        return self.folder.only(indices)


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Images (n, h, w, c), or a list of images (h, w, c), with the methods of `FolderSource`."""

    images: Sequence[Any] | NDArray[Any]
    labels: tuple[str, ...]
    form: InputForm = dataclasses.field(default_factory=InputForm)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The index of each image as text."""
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

    def first(self, channels: int, bits: int = 16) -> ImageArray:
        """See `FolderSource`."""
        return dataclasses.replace(InputForm.from_range(0, 1, channels=channels), bits=bits).fit(self.images[0])

    def unreadable(self, reason: str) -> ImageError:
        """See `FolderSource`."""
        return ImageError(f"no images: {reason}")

    def fitted(self, size: tuple[int, int], form: InputForm) -> ArraySource:
        """See `FolderSource`; the number of channels is not changed."""
        return dataclasses.replace(self, form=dataclasses.replace(form, size=size))

    def files(self, indices: Iterable[int]) -> list[Path]:
        """See `FolderSource`; they are in memory."""
        return []

    def check_present(self) -> None:
        """See `FolderSource`; they are sent with the task."""

    def tried(self, index: int) -> ImageArray:
        """See `FolderSource`."""
        return self.form.fit(self.images[index])

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """See `FolderSource`."""
        return ((index, self.tried(index)) for index in indices)


ImageSource: TypeAlias = FolderSource | ArraySource


def image_size(source: ImageSource, form: InputForm) -> tuple[int, int]:
    """Return the (height, width) at which images pass a network of this input form.

    It is that of the form, or of the first readable image if the network takes any.

    Raises:
        ImageError: no image can be read.
    """
    height, width, _ = source.first(form.channels, form.bits).shape
    return form.size[0] or height, form.size[1] or width


def _file_ends(path: Path) -> tuple[int, bytes]:
    """Return a file's length with its first and last bytes; (-1, b"") if it cannot be read."""
    try:
        if not path.is_file():
            return -1, b""
        with path.open("rb") as file:
            head, length = file.read(_END), path.stat().st_size
            file.seek(max(len(head), length - _END))
            return length, head + file.read(_END)
    except OSError:
        return -1, b""
