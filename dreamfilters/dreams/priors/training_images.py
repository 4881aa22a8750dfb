"""The images that a denoiser is trained on: read once, reduced, stored in 8 bits, and split in two."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.dreams.priors.denoiser_weights import MULTIPLE
from dreamfilters.dreams.priors.pixel_store import PixelStore
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.images import ImageFolder, resize
from dreamfilters.progress import OnProgress, Progress

LEAST = 100  # images; the denoiser of fewer reproduces them
LARGEST, SMALLEST, USUAL = (
    96,
    8,
    48,
)  # sides in pixels: the limits, and the largest one that is chosen where none is given
_HELD_OUT = 0.1  # share of the groups
_MOST_HELD_OUT = 2048  # images
_LEAST_GROUPS = 50  # of names that share a prefix; of fewer groups, each image is a group of its own
_FLAT = 1.0  # std in gray levels at or below which an image has one color
_SAMPLED = 20  # images whose size is looked at
_NUMBER = re.compile(r"[\s_.-]*\d+$")  # at the end of a name: the number of a frame


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Images of one size, in the order of their files.

    Attributes:
        pixels: the images, (n, h, w, c) in 8 bits.
        held_out: (n,) whether each image is kept from the training.
        found: number of image files, of which those that are not in `pixels` were unreadable, of one color, or copies
            of others.
    """

    pixels: PixelStore
    held_out: NDArray[np.bool_]
    found: int

    @cached_property
    def digest(self) -> str:
        """Return a hash of the pixels."""
        return self.pixels.digest()

    @cached_property
    def trained_on(self) -> NDArray[np.int64]:
        """The numbers of the images that are not held out."""
        return np.flatnonzero(~self.held_out)

    def sample(self, most: int, *, held_out: bool = False) -> NDArray[np.uint8]:
        """Return at most so many images, evenly spread over those that are trained on or held out."""
        rows = np.flatnonzero(self.held_out) if held_out else self.trained_on
        return self.pixels.take(rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)])


def training_images(
    images: ImageFolder | Sequence[ArrayLike] | NDArray[np.float32],
    size: tuple[int, int],
    channels: int,
    progress: OnProgress | None = None,
    *,
    folder: Path | None = None,
) -> TrainingImages:
    """Return the images at `size`: beyond `MOST_BYTES` in a temporary file of `folder`, see `PixelStore`.

    The images of one group are all trained on or all held out. Names that are equal but for a number at their end, such
    as the frames of a film, are a group, if there are at least 50 groups; else each image is one.

    Raises:
        RecipeError: fewer than 100 different images with more than one color can be read.
        ImageError: an array is not an image with so many channels.
    """
    names = images.names if isinstance(images, ImageFolder) else tuple(map(str, range(len(images))))
    pixels, kept, seen = PixelStore((*size, channels), folder), [], set()
    for index, image in _read(images, size, channels):
        if progress is not None:
            progress(Progress(index, len(images), "reading images"))
        content = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        key = hashlib.sha256(content.tobytes()).digest()
        if key not in seen and content.std(axis=(0, 1)).max() > _FLAT:
            seen.add(key)
            pixels.add(content)
            kept.append(names[index])
    if len(pixels) < LEAST:
        raise RecipeError(
            f"{len(images)} images, of which {len(pixels)} can be read, differ and have more than one color: a prior "
            f"is trained on at least {LEAST}, better thousands{_first_error(images)}"
        )
    return TrainingImages(pixels, held_out(kept), len(images))


def _first_error(images: object) -> str:
    if not isinstance(images, ImageFolder) or not images.failures:
        return ""
    path, reason = images.failures[0]
    return f"; first error: {path}: {reason}"


def _read(
    images: ImageFolder | Sequence[ArrayLike] | NDArray[np.float32], size: tuple[int, int], channels: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    if isinstance(images, ImageFolder):
        yield from images.fitted(size, channels, images.rule, images.bits)
        return
    for index, given in enumerate(images):
        image = np.asarray(given)
        if image.ndim != 3 or image.shape[-1] != channels:
            raise ImageError(f"image {index} of shape {image.shape}: must be (h, w, {channels}); give channels=")
        yield index, resize(image / np.float32(255) if image.dtype == np.uint8 else image, size)


def held_out(names: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each image is held out: whole groups, in the order of a hash of their names, up to a tenth.

    >>> int(held_out([f"track{number // 30}_{number}.png" for number in range(3000)]).sum())
    300
    """
    tracks = [_track(name) for name in names]
    groups = tracks if len(set(tracks)) >= _LEAST_GROUPS else list(names)
    sizes, most = Counter(groups), min(_HELD_OUT * len(names), _MOST_HELD_OUT)
    out, counted = set(), 0
    for group in sorted(sizes, key=lambda group: hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()):
        if counted + sizes[group] <= most:
            out.add(group)
            counted += sizes[group]
    out = out or {min(sizes, key=lambda group: (sizes[group], group))}
    return np.array([group in out for group in groups])


def _track(name: str) -> str:
    """Return a name without the number at its end; a name that is only a number stays.

    >>> _track("14/track3_00012.png"), _track("14/00012.png")
    ('14/track3', '14/00012')
    """
    path = PurePosixPath(name)
    shorter = _NUMBER.sub("", path.stem)
    return str(path.parent / (shorter or path.stem))


def working_size(
    images: ImageFolder | Sequence[ArrayLike] | NDArray[np.float32], size: int | tuple[int, int] | None
) -> tuple[int, int]:
    """Return (height, width) of the images that a denoiser is trained on, near `size`: multiples of 8 pixels, or of 16.

    Without a size, it is that of the images, their median side, at most 48 pixels.

    Raises:
        RecipeError: the size is outside of 8 to 96 pixels.

    >>> working_size(np.zeros((1, 30, 60, 3)), None), working_size(np.zeros((1, 30, 60, 3)), 28)
    ((32, 32), (32, 32))
    """
    if size is None:
        chosen = np.unique(np.linspace(0, len(images) - 1, min(_SAMPLED, len(images))).astype(int)).tolist()
        shapes = [np.shape(image) for image in _as_they_are(images, chosen)]
        side = min(USUAL, int(np.median([min(shape[:2]) for shape in shapes]))) if shapes else USUAL
        size = max(SMALLEST, side)
    sides = (size, size) if isinstance(size, int) else size
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise RecipeError(
            f"size={size}: a prior has sides of {SMALLEST} to {LARGEST} pixels; larger dreams are enlarged"
        )
    return tuple(max(MULTIPLE, MULTIPLE * int(side / MULTIPLE + 0.5)) for side in sides)  # type: ignore[return-value]


def _as_they_are(
    images: ImageFolder | Sequence[ArrayLike] | NDArray[np.float32], chosen: list[int]
) -> Iterator[ArrayLike]:
    if isinstance(images, ImageFolder):
        yield from (image for _, image in images.fitted(None, images.channels).only(chosen))
    else:
        yield from (images[index] for index in chosen)
