"""The images of a folder of any size, one after the other: never held together, never ended by a bad one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray, check_channels, decoded, opened, shown
from dreamfilters.images.labels import labels_of
from dreamfilters.images.prefetch import ahead
from dreamfilters.images.reading import image_paths
from dreamfilters.images.resizing import Rule, resize

_AHEAD = 16 * 2**20  # bytes of decoded images that wait: some hundreds of small ones, one of a camera's
_LARGE = 2**22  # pixels; as floats they take fifty megabytes
_one_at_a_time = threading.Lock()  # several threads may read, but memory has to hold one large image only


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """What `image_folder` returns: iterable as often as one likes, yielding (index, image) for each readable file.

    Attributes:
        paths: n, sorted.
        labels: n, "" where an image has none.
        size: (height, width) that each image is brought to, or None for its own.
        channels: of each image.
        folder: what their `names` are relative to.
        rule: how each image is brought to `size`, see `sizing.resize`.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    size: tuple[int, int] | None = None
    channels: int = 3
    folder: Path = Path()
    rule: Rule = "bicubic"
    _reasons: dict[int, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """How many files there are, readable or not."""
        return len(self.paths)

    def __iter__(self) -> Iterator[tuple[int, ImageArray]]:
        """Yield (index, (h, w, c) float32 in [0, 1]) in the order of `paths`; decoding runs ahead in a thread."""
        return self.only(range(len(self)))

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield as iterating does, but just these files in this order: what a run that was stopped still lacks."""
        tried = ((index, self.tried(index)) for index in indices)
        for index, outcome in ahead(tried, _weight, limit=_AHEAD):
            if not isinstance(outcome, str):
                yield index, outcome

    def fitted(self, size: tuple[int, int] | None, channels: int, rule: Rule = "bicubic") -> ImageFolder:
        """Return the same files at another size and number of channels; what fails there is in `failures` here too."""
        return replace(self, size=size, channels=channels, rule=rule)

    def read(self, index: int) -> ImageArray:
        """Return one image, the same as iterating yields.

        Raises:
            ImageError: the file cannot be read.
        """
        with opened(self.paths[index]) as file, _turn(file.width * file.height):
            image = decoded(file, self.channels)
            return image if self.size is None else resize(image, self.size, self.rule)

    def tried(self, index: int) -> ImageArray | str:
        """Return one image, or why there is none, which `failures` then names too."""
        try:
            image = self.read(index)
        except ImageError as error:
            self._reasons[index] = reason = str(error).removeprefix(f"{shown(self.paths[index])}: ")
            return reason
        self._reasons.pop(index, None)
        return image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each file is called from `folder` on, with slashes; with its whole path where it lies elsewhere."""
        return tuple(
            (path.relative_to(self.folder) if path.is_relative_to(self.folder) else path).as_posix()
            for path in self.paths
        )

    @property
    def failures(self) -> tuple[tuple[Path, str], ...]:
        """Each file that could not be read and why, as far as was iterated."""
        return tuple((self.paths[index], reason) for index, reason in sorted(self._reasons.items()))


def image_folder(
    source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3, labels: str | Path | None = None
) -> ImageFolder:
    """Return the images of a file or a folder, each decoded when its turn comes.

    Args:
        source: an image file, or a folder of them at any depth.
        size: (height, width) that each image is brought to; None for its own.
        channels: 1 luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha.
        labels: a CSV of file and label; without it the first folder below `source` is an image's label.

    Raises:
        ImageError: no image file there, a CSV that fits none of them, an impossible size or number of channels.

    Example:
        >>> [image.shape for index, image in image_folder("signs/14", size=(32, 32))]
        [(32, 32, 3), (32, 32, 3), (32, 32, 3), (32, 32, 3)]
    """
    check_channels(channels)
    if size is not None and min(size) < 1:
        raise ImageError(f"size={size}: height and width must be 1 or more")
    found, source = image_paths(source), Path(source)
    folder = source.parent if source.is_file() else source
    known = labels_of(found, folder, None if labels is None else Path(labels))
    return ImageFolder(found, known, size, channels, folder)


def _turn(pixels: int) -> AbstractContextManager[object]:
    return _one_at_a_time if pixels > _LARGE else nullcontext()


def _weight(item: tuple[int, ImageArray | str]) -> int:
    _, outcome = item
    return len(outcome) if isinstance(outcome, str) else outcome.nbytes
