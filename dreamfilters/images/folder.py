"""`ImageFolder`: the images of a folder, decoded one after the other; unreadable files are listed as failures."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dreamfilters.errors import ImageError, printable
from dreamfilters.image_files import image_paths
from dreamfilters.images.arrays import is_array_file
from dreamfilters.images.decoding import (
    ImageArray,
    check_channels,
    decode_image,
    open_image,
    read_image,
)
from dreamfilters.images.file_copies import copy_of
from dreamfilters.images.labels import labels_of
from dreamfilters.images.prefetch import prefetched
from dreamfilters.images.resizing import Rule, resize

_AHEAD = 16 * 2**20  # bytes of decoded images that wait: hundreds of small ones, or one from a camera
_LARGE = 2**22  # pixels; as floats they take fifty megabytes
_SHOWN = 24  # images in a notebook
_one_at_a_time = threading.Lock()  # several threads read, but only one large image at a time is in memory


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """The image files of a folder; iterating yields (index, image) for each readable file.

    Attributes:
        paths: (n,) the files, sorted.
        labels: (n,) the label of each image, "" for none.
        size: (height, width) that images are resized to, None for their own.
        channels: of each image.
        folder: the folder that `names` are relative to.
        rule: the resize rule, see `resizing.resize`.
        bits: of the values in files of 16 bits.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    size: tuple[int, int] | None = None
    channels: int = 3
    folder: Path = Path()
    rule: Rule = "bicubic"
    bits: int = 16
    _reasons: dict[int, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of files, readable or not."""
        return len(self.paths)

    def __iter__(self) -> Iterator[tuple[int, ImageArray]]:
        """Yield (index, (h, w, c) float32 in [0, 1]) in the order of `paths`; a thread decodes ahead."""
        return self.only(range(len(self)))

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield the files of these indices, in this order."""
        tried = ((index, self.tried(index)) for index in indices)
        for index, outcome in prefetched(tried, _bytes_of, limit=_AHEAD):
            if not isinstance(outcome, str):
                yield index, outcome

    def fitted(
        self, size: tuple[int, int] | None, channels: int, rule: Rule = "bicubic", bits: int = 16
    ) -> ImageFolder:
        """Return the same files at another size and number of channels; both share their `failures`."""
        return replace(self, size=size, channels=channels, rule=rule, bits=bits)

    def read(self, index: int) -> ImageArray:
        """Return one image, as iteration yields it.

        Raises:
            ImageError: the file cannot be read.
        """
        path = copy_of(self.paths[index])
        if is_array_file(path):
            return self._resized(read_image(path, channels=self.channels, bits=self.bits))
        with open_image(path) as file, _one_at_a_time if file.width * file.height > _LARGE else nullcontext():
            image = decode_image(file, self.channels, self.bits)
            file.close()  # before a large image is resized
            return self._resized(image)

    def _resized(self, image: ImageArray) -> ImageArray:
        return image if self.size is None else resize(image, self.size, self.rule)

    def tried(self, index: int) -> ImageArray | str:
        """Return one image, or the reason why it cannot be read, which is added to `failures`."""
        try:
            image = self.read(index)
        except ImageError as error:
            self._reasons[index] = reason = str(error).removeprefix(f"{printable(str(copy_of(self.paths[index])))}: ")
            return reason
        self._reasons.pop(index, None)
        return image

    def __repr__(self) -> str:
        classes = len(set(self.labels) - {""})
        labels = f" in {classes} class{'es' * (classes > 1)}" if classes else ""
        size = "" if self.size is None else f", {self.size[0]}x{self.size[1]}"
        return f"ImageFolder({_end(self.folder)!r}, {len(self)} images{labels}{size}, {self.channels} channels)"

    def _repr_html_(self) -> str:
        from dreamfilters.display import frame, heading, tiles  # it imports this package

        indices = range(len(self))[:_SHOWN]
        first = [(image, (self.names[index], self.labels[index])) for index, image in self.only(indices)]
        more = f"The first {_SHOWN} of {len(self)} images." if len(self) > _SHOWN else ""
        failures = [f"{_end(path)}: {reason}" for path, reason in self.failures[:_SHOWN]]
        return frame(heading(_end(self.folder), repr(self)), tiles(first), *filter(None, [more, *failures]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The path of each file relative to `folder`, with slashes; its full path where it is in another folder."""
        below = f"{self.folder.as_posix().rstrip('/')}/"  # Path.relative_to takes 20 microseconds, hours for a data set
        return tuple(path.as_posix().removeprefix(below) for path in self.paths)

    @property
    def failures(self) -> tuple[tuple[Path, str], ...]:
        """Each file that could not be read so far, with the reason."""
        return tuple((self.paths[index], reason) for index, reason in sorted(self._reasons.items()))


def image_folder(
    source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3, labels: str | Path | None = None
) -> ImageFolder:
    """Return the images of a file or a folder, which are decoded during iteration.

    Args:
        source: an image file, or a folder with image files at any depth.
        size: (height, width) that images are resized to, None for their own.
        channels: 1 luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha; more are those of .npy files and TIFF bands.
        labels: a CSV of file and label; default: the first folder below `source` is the label.

    Raises:
        ImageError: there are no image files, the CSV names none of them, or the size or number of channels is invalid.

    Example:
        >>> [image.shape for index, image in image_folder("signs/14", size=(32, 32))]
        [(32, 32, 3), (32, 32, 3), (32, 32, 3), (32, 32, 3)]
    """
    check_channels(channels)
    if size is not None and min(size) < 1:
        raise ImageError(f"size={size}: height and width must be 1 or more")
    paths, source = image_paths(source), Path(source)
    folder = source.parent if source.is_file() else source
    known = labels_of(paths, folder, None if labels is None else Path(labels))
    return ImageFolder(paths, known, size, channels, folder)


def opened_images(images: Any, channels: int = 3) -> Any:
    """Return the images of a file or folder if `images` is its path, else `images`."""
    return image_folder(images, channels=channels) if isinstance(images, (str, Path)) else images


def _end(path: Path) -> str:
    """Return the last 80 letters of a path."""
    return printable(str(path))[-80:]


def _bytes_of(item: tuple[int, ImageArray | str]) -> int:
    _, outcome = item
    return len(outcome) if isinstance(outcome, str) else outcome.nbytes
