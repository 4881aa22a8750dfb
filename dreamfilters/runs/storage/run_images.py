"""The images of a run that writes a result for each: names, checksums, failures, and how the network reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import InputForm
from dreamfilters.runs.storage.checksums import sha256


@dataclass(frozen=True, eq=False)
class RunImages:
    """The images of a run.

    Attributes:
        source: files, or images in memory.
        form: the network's input form.
        wanted_size: (height, width), for a network that accepts any size. Default: that of the first image.
    """

    source: ImageFolder | ImageArrays
    form: InputForm
    wanted_size: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each image."""
        return self.source.names

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each image, "" for none."""
        return self.source.labels

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """The size that images are resized to; None if no image can be read."""
        height, width = self.form.size
        if height is not None and width is not None:
            return height, width
        if self.wanted_size is not None:
            return self.wanted_size
        first = next((image for _, image in self.source.only(range(len(self.source)))), None)
        return None if first is None else (height or first.shape[0], width or first.shape[1])

    @property
    def failures(self) -> dict[str, str]:
        """Name -> reason of each image that could not be read so far."""
        if isinstance(self.source, ImageArrays):
            return {}
        named = dict(zip(self.source.paths, self.source.names, strict=True))
        return {named[path]: reason for path, reason in self.source.failures}

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield these images at the size of the network's input."""
        if isinstance(self.source, ImageFolder):
            form = self.form
            return self.source.fitted(self.size, form.channels, form.resize, form.bits).only(indices)
        return self.source.only(indices)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The SHA-256 of each image's file or values, "" for a file that cannot be read; hashed once for a job."""
        if isinstance(self.source, ImageArrays):
            return tuple(sha256(image.tobytes()) for _, image in self.source.only(range(len(self.source))))
        return tuple(map(_file_digest, self.source.paths))

    def as_values(self) -> dict[str, dict[str, str]]:
        """Return name -> label, path as it was given ("" for an array) and SHA-256 of each image."""
        source = self.source
        files = [""] * len(self) if isinstance(source, ImageArrays) else [path.as_posix() for path in source.paths]
        return {
            name: {"label": label, "file": file, "sha256": digest}
            for name, label, file, digest in zip(self.names, self.labels, files, self.digests, strict=True)
        }


def _file_digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes())
    except OSError:
        return ""
