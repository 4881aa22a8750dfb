"""`LearnedPrior`: a denoiser that was trained on images, with what it was trained on and how well it denoises."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.priors.denoiser_weights import MULTIPLE, PATCH, Architecture
from dreamfilters.serialization import plain, typed
from dreamfilters.writing.single_files import write_file

SIGMAS = (0.1, 0.2, 0.5, 1.0, 2.0)  # noise levels at which denoisers are compared, for images in [-1, 1]
THUMBNAIL = 8  # side in pixels of the images that dreams are compared with
_RECORD, _WEIGHT, _SAMPLE, _THUMBNAILS = "record", "weight.", "sample", "thumbnails"  # names of arrays in the file
_FORMAT = 1


@dataclass(frozen=True)
class TrainingRecord:
    """How a denoiser was trained, and how well it denoises images that were held out.

    Attributes:
        images: number of images that it was trained on.
        held_out: number of images that were held out.
        found: number of image files of the folder.
        images_digest: hash of all these images at the size of the prior.
        steps: number of training steps, see `BATCH`.
        seed: random seed.
        loss: mean weighted error of the last training steps.
        held_out_errors: mean square error on the images held out at each noise level of `SIGMAS`.
        wiener_errors: that of the Wiener filter of the training images.
        held_out_distances: root mean square distance in gray levels of an image held out from the nearest stored
            thumbnail: quantiles .05, .5, .95.
        versions: of what computed it.
    """

    images: int
    held_out: int
    found: int
    images_digest: str
    steps: int
    seed: int
    loss: float
    held_out_errors: tuple[float, ...]
    wiener_errors: tuple[float, ...]
    held_out_distances: tuple[float, float, float]
    versions: Mapping[str, str]

    @property
    def ratio(self) -> float:
        """The error on images held out, as a share of that of the Wiener filter: geometric mean over noise levels."""
        shares = np.divide(self.held_out_errors, np.maximum(self.wiener_errors, 1e-12))
        return float(np.exp(np.mean(np.log(np.maximum(shares, 1e-12)))))

    @property
    def is_better_than_linear(self) -> bool:
        """Whether the denoiser beats the Wiener filter: it has learned more than colors and spectrum."""
        return self.ratio < 1


@dataclass(frozen=True)
class LearnedPrior:
    """A denoiser of images, by which the recipe `learned` makes dreams.

    Attributes:
        name: the images.
        size: (height, width) in pixels.
        architecture: of the denoiser.
        record: how it was trained.
        weights: of the denoiser, see `denoiser.denoised`.
        sample: (n, h, w, c) uint8, some of the images.
        thumbnails: (n, 8, 8, c) uint8, images that it was trained on, reduced.
        digest: hash of all of it.
    """

    name: str
    size: tuple[int, int]
    architecture: Architecture
    record: TrainingRecord = field(compare=False)
    weights: Mapping[str, NDArray[np.float32]] = field(compare=False, repr=False)
    sample: NDArray[np.uint8] = field(compare=False, repr=False)
    thumbnails: NDArray[np.uint8] = field(compare=False, repr=False)
    digest: str = ""

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self._text.encode())
        for name, array in sorted(self._arrays.items()):
            digest.update(f"{name} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        object.__setattr__(self, "digest", digest.hexdigest()[:16])

    @property
    def channels(self) -> int:
        """The number of color channels."""
        return self.architecture.channels

    @property
    def text(self) -> str:
        """What it was trained on and how well it denoises, in one line."""
        record = self.record
        return (
            f"{record.images} images at {self.size[0]}x{self.size[1]}, {record.steps} steps; "
            f"error on {record.held_out} images held out: {record.ratio:.2f} of that of the Wiener filter"
        )

    @property
    def label(self) -> str:
        """What the dreams that are made with it show."""
        return f"appearance from {self.record.images} images ({self.name}), content from the network"

    def save(self, path: Path | str) -> Path:
        """Write the file that `read_prior` reads, and return its path.

        Raises:
            OutputError: it cannot be written.
        """
        write_file(Path(path), self.to_bytes())
        return Path(path)

    def to_bytes(self) -> bytes:
        """Return the file that `save` writes: arrays of numbers, and one JSON text."""
        file = io.BytesIO()
        np.savez_compressed(file, **self.arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of the file."""
        return {_RECORD: np.array(self._text), **self._arrays}

    @property
    def _text(self) -> str:
        values = {
            "format": _FORMAT,
            "name": self.name,
            "size": self.size,
            "channels": self.channels,
            "patch": PATCH,
            "training": plain(self.record),
        }
        return json.dumps(plain(values), ensure_ascii=True)

    @property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        # in the order of the architecture: JAX sorts the weights that it trains, and files of one prior are equal
        weights = {f"{_WEIGHT}{name}": self.weights[name] for name in self.architecture.shapes}
        return {**weights, _SAMPLE: self.sample, _THUMBNAILS: self.thumbnails}


def is_learned(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether the arrays of a file are those of a learned prior, not those of a measured one."""
    return _RECORD in arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> LearnedPrior:
    """Return the prior of the arrays of its file.

    Raises:
        ValueError: they are not those of a learned prior.
    """
    record = arrays.get(_RECORD)
    if record is None or record.dtype.kind != "U" or record.shape != ():
        raise ValueError("it holds no record of a training")
    values = json.loads(str(record), parse_constant=_refuse)
    stored = typed(_Stored, values, "record")
    if stored.format != _FORMAT or not 1 <= stored.channels <= 4 or stored.patch != PATCH:
        raise ValueError("it is of another version")
    architecture = Architecture(stored.channels)
    if any(side % MULTIPLE or not 0 < side <= 2**10 for side in stored.size):
        raise ValueError(f"size {stored.size}: must be multiples of {MULTIPLE}")
    weights = {name: _single(arrays.get(f"{_WEIGHT}{name}")) for name in architecture.shapes}
    for name, shape in architecture.shapes.items():
        _check(name, weights[name], "float32", shape)
    images = (arrays.get(_SAMPLE), arrays.get(_THUMBNAILS))
    for array, sides, what in zip(images, (stored.size, (THUMBNAIL,) * 2), (_SAMPLE, _THUMBNAILS), strict=True):
        _check(what, array, "uint8", (None, *sides, stored.channels))
    sample, small = images
    return LearnedPrior(stored.name, stored.size, architecture, stored.training, weights, sample, small)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Stored:
    """The JSON of a file."""

    format: int
    name: str
    size: tuple[int, int]
    channels: int
    patch: int
    training: TrainingRecord


def _single(array: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return weights in single precision where a file has them in half precision, else as they are."""
    return array.astype(np.float32) if array is not None and array.dtype == np.float16 else array


def _check(name: str, array: NDArray[Any] | None, kind: str, shape: tuple[int | None, ...]) -> None:
    fits = array is not None and array.dtype == kind and len(array.shape) == len(shape) and array.size > 0
    if not fits or any(wanted not in (None, side) for wanted, side in zip(shape, array.shape, strict=True)):  # type: ignore[union-attr]
        raise ValueError(f"{name} is not an array of {kind} of shape {shape}")
    if not np.all(np.isfinite(array)):  # type: ignore[arg-type]
        raise ValueError(f"{name} holds numbers that are not finite")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
