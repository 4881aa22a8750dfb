"""The pictures of a folder of any size, one after the other: never held together, never ended by a bad one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dreamfilters.errors import PictureError
from dreamfilters.images.decoding import Picture, check_channels, decoded, opened, shown
from dreamfilters.images.folders import paths
from dreamfilters.images.labels import labels_of
from dreamfilters.images.prefetch import ahead
from dreamfilters.images.resizing import Rule, resize

_AHEAD = 16 * 2**20  # bytes of decoded pictures that wait: some hundreds of small ones, one of a camera's
_LARGE = 2**22  # pixels; as floats they take fifty megabytes
_one_at_a_time = threading.Lock()  # several threads may read, but memory has to hold one large picture only


@dataclass(frozen=True, eq=False)
class Photos:
    """What `photos` returns: iterable as often as one likes, yielding (index, picture) for each readable file.

    Attributes:
        paths: n, sorted.
        labels: n, "" where a picture has none.
        size: (height, width) that each picture is brought to, or None for its own.
        channels: of each picture.
        folder: what their `names` are relative to.
        rule: how each picture is brought to `size`, see `sizing.resize`.
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

    def __iter__(self) -> Iterator[tuple[int, Picture]]:
        """Yield (index, (h, w, c) float32 in [0, 1]) in the order of `paths`; decoding runs ahead in a thread."""
        return self.only(range(len(self)))

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        """Yield as iterating does, but just these files in this order: what a run that was stopped still lacks."""
        tried = ((index, self.tried(index)) for index in indices)
        for index, outcome in ahead(tried, _weight, limit=_AHEAD):
            if not isinstance(outcome, str):
                yield index, outcome

    def fitted(self, size: tuple[int, int] | None, channels: int, rule: Rule = "bicubic") -> Photos:
        """Return the same files at another size and number of channels; what fails there is in `failures` here too."""
        return replace(self, size=size, channels=channels, rule=rule)

    def read(self, index: int) -> Picture:
        """Return one picture, the same as iterating yields.

        Raises:
            PictureError: the file cannot be read.
        """
        with opened(self.paths[index]) as image, _turn(image.width * image.height):
            picture = decoded(image, self.channels)
            return picture if self.size is None else resize(picture, self.size, self.rule)

    def tried(self, index: int) -> Picture | str:
        """Return one picture, or why there is none, which `failures` then names too."""
        try:
            picture = self.read(index)
        except PictureError as error:
            self._reasons[index] = reason = str(error).removeprefix(f"{shown(self.paths[index])}: ")
            return reason
        self._reasons.pop(index, None)
        return picture

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


def photos(
    source: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3, labels: str | Path | None = None
) -> Photos:
    """Return the pictures of a file or a folder, each decoded when its turn comes.

    Args:
        source: an image file, or a folder of them at any depth.
        size: (height, width) that each picture is brought to; None for its own.
        channels: 1 luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha.
        labels: a CSV of file and label; without it the first folder below `source` is a picture's label.

    Raises:
        PictureError: no image file there, a CSV that fits none of them, an impossible size or number of channels.

    Example:
        >>> for index, picture in photos("signs", size=(48, 48)): ...  # doctest: +SKIP
    """
    check_channels(channels)
    if size is not None and min(size) < 1:
        raise PictureError(f"size={size}: height and width must be 1 or more")
    found, source = paths(source), Path(source)
    folder = source.parent if source.is_file() else source
    known = labels_of(found, folder, None if labels is None else Path(labels))
    return Photos(found, known, size, channels, folder)


def _turn(pixels: int) -> AbstractContextManager[object]:
    return _one_at_a_time if pixels > _LARGE else nullcontext()


def _weight(item: tuple[int, Picture | str]) -> int:
    _, outcome = item
    return len(outcome) if isinstance(outcome, str) else outcome.nbytes
