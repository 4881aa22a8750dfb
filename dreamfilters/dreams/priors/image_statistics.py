"""Color and spectrum statistics of images, a prior that is measured.

Mean color, color axes and spectrum are measured in logit space, log(x / (1 - x)), in which dreams are parameterized:
sums and multiples there are always valid images. An image is sigmoid(mean + z @ colors), where the channels of z are
uncorrelated and have unit variance.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import RecipeError
from dreamfilters.images import ImageFolder
from dreamfilters.writing.single_files import write_file

_MOST_IMAGES = 2048  # of a folder; they give colors and spectrum to about one percent and fit into memory
_EDGE = 0.02  # images are clipped to [.02, .98] before the logit, or one black pixel would outweigh all others


@dataclass(frozen=True)
class Prior:
    """Color and spectrum statistics of some images.

    Attributes:
        name: the source, as recipes name it.
        mean: (c,) mean logit of each channel.
        colors: (c, c) row i is added to the logits by one unit of uncorrelated channel i. Channels of unit variance
            have the contrast of the images, so a gain of 1 means the same for every prior.
        spectrum: (h, w // 2 + 1, c) root mean square amplitude of the uncorrelated channels at the frequencies of
            `numpy.fft.rfft2` for (h, w) = `shape`; None if it was not measured.
        shape: (h, w) at which the spectrum was measured.
        digest: hash of the arrays.
    """

    name: str
    mean: np.ndarray = field(compare=False, repr=False)
    colors: np.ndarray = field(compare=False, repr=False)
    spectrum: np.ndarray | None = field(default=None, compare=False, repr=False)
    shape: tuple[int, int] = (0, 0)
    digest: str = ""

    def __post_init__(self) -> None:
        arrays = [self.mean, self.colors, *([] if self.spectrum is None else [self.spectrum])]
        content = b"".join(np.ascontiguousarray(array, "float32").tobytes() for array in arrays)
        object.__setattr__(self, "digest", hashlib.sha256(content).hexdigest()[:16])

    @property
    def channels(self) -> int:
        """Return the number of color channels."""
        return len(self.mean)

    def amplitude(self, height: int, width: int, decay: float) -> np.ndarray:
        """Return the amplitude at each frequency of a canvas of this size, (c, height, width // 2 + 1).

        Frequencies are in cycles per pixel, so a measured spectrum applies to any canvas: it is interpolated bilinearly
        between the measured frequencies. Without one it is 1 / f ** decay, with the lowest frequency of the canvas in
        place of 0, as in Lucid.
        """
        down, across = np.fft.fftfreq(height), np.fft.rfftfreq(width)
        if self.spectrum is None:
            frequency = np.hypot(down[:, None], across[None])
            decayed = np.maximum(frequency, 1.0 / max(height, width)) ** -decay
            return np.broadcast_to(decayed, (self.channels, *decayed.shape)).astype("float32")
        rows = np.fft.fftshift(np.fft.fftfreq(self.shape[0]))
        columns = np.fft.rfftfreq(self.shape[1])
        shifted = np.fft.fftshift(self.spectrum, axes=0)
        down_at = np.interp(down, rows, np.arange(len(rows)))
        across_at = np.interp(across, columns, np.arange(len(columns)))
        amplitude = np.stack([_bilinear(shifted[..., c], down_at, across_at) for c in range(self.channels)])
        return amplitude.astype("float32")

    def save(self, path: Path) -> None:
        """Write the statistics as an `.npz` file, which `read` reads, or raise OutputError."""
        write_file(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the file that `save` writes, the same bytes for equal priors (NumPy dates its members 1980)."""
        arrays: dict[str, Any] = {"name": np.asarray(self.name), "mean": self.mean, "colors": self.colors}
        if self.spectrum is not None:
            arrays |= {"spectrum": self.spectrum, "shape": np.asarray(self.shape)}
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()


def _bilinear(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (h, w) interpolated at every pair of fractional `rows` and `columns`."""
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, grid.shape[0] - 1), np.minimum(left + 1, grid.shape[1] - 1)
    down, across = (rows - top)[:, None], (columns - left)[None]
    upper = grid[np.ix_(top, left)] * (1 - across) + grid[np.ix_(top, right)] * across
    lower = grid[np.ix_(bottom, left)] * (1 - across) + grid[np.ix_(bottom, right)] * across
    return np.asarray(upper * (1 - down) + lower * down)


# The square root of the color covariance of ImageNet (Lucid, optvis/param/color.py); rows here are the uncorrelated
# channels, so it is transposed. Lucid scales it so that its longest row is 1: the logits of each channel have a std
# of 0.60. Within 250 images of ImageNet it is 1.41, so the scale here is 2.5 times as large.
_IMAGENET_ROOT = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
_NATURAL_CONTRAST = 2.5
IMAGENET = Prior(
    "imagenet",
    np.zeros(3, "float32"),
    (_NATURAL_CONTRAST * _IMAGENET_ROOT / np.linalg.norm(_IMAGENET_ROOT, axis=0).max()).T.astype("float32"),
)


def neutral(channels: int) -> Prior:
    """Return the prior without statistics: mid gray, independent channels."""
    return Prior("none", np.zeros(channels, "float32"), np.eye(channels, dtype="float32"))


def measure_prior(images: ImageFolder | Sequence[ArrayLike] | NDArray[Any], *, name: str = "measured") -> Prior:
    """Return the prior of images (n, h, w, c) in [0, 1], or of at most 2048 images of a folder.

    Frequencies are in cycles per pixel: give images of the size of the network's input, such as those of
    `image_folder("images/", size=(224, 224))`.

    The color covariance is shrunk toward independent channels of equal variance by the weight of Ledoit and Wolf
    (2004), with each image as one observation, so that a few images give usable axes. The spectrum is the root mean
    square over images of the amplitude of each uncorrelated channel. The mean of each image is subtracted, and a Hann
    window suppresses the jump between opposite edges. The spectrum is shrunk toward its mean over all directions by
    1 / (1 + n / 10).

    Raises:
        RecipeError: there are no images, or they differ in size.

    Example:
        >>> measure_prior(np.random.default_rng(0).random((8, 16, 16, 1))).spectrum.shape
        (16, 9, 1)
    """
    stack = _stacked(images)
    count, height, width, _ = stack.shape
    logits = np.clip(stack.astype("float64"), _EDGE, 1 - _EDGE)
    logits = np.log(logits / (1 - logits))
    mean = logits.mean(axis=(0, 1, 2))
    covariance = _shrunk_covariance(logits - mean)
    values, axes = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1]
    values, axes = values[order], axes[:, order]
    axes = axes * np.where(axes.sum(axis=0) < 0, -1, 1)  # the sign of an eigenvector is arbitrary: brighter is positive
    stds = np.sqrt(np.maximum(values, 1e-6))
    colors = (axes * stds).T
    uncorrelated = (logits - logits.mean(axis=(1, 2), keepdims=True)) @ (axes / stds)
    spectrum = _spectrum(uncorrelated, 1 / (1 + count / 10))
    return Prior(name, mean.astype("float32"), colors.astype("float32"), spectrum.astype("float32"), (height, width))


def _stacked(images: ImageFolder | Sequence[ArrayLike] | NDArray[Any]) -> NDArray[Any]:
    """Return images as one array (n, h, w, c), those of a large folder evenly spread over it."""
    if isinstance(images, ImageFolder):
        folder, chosen = images, np.linspace(0, len(images) - 1, min(len(images), _MOST_IMAGES)).astype(int)
        images = [image for _, image in folder.only(map(int, chosen))]
        if not images:
            path, reason = folder.failures[0]
            raise RecipeError(
                f"{folder.folder}: none of its {len(chosen)} images can be read; first error: {path}: {reason}"
            )
    arrays = [np.asarray(image) for image in images]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) != 1 or len(shapes[0]) != 3:
        found = ", ".join(map(str, shapes[:3])) or "none"
        raise RecipeError(f"images of shapes {found}: a prior is measured on at least one (h, w, c), all of one size")
    return np.stack(arrays)


def _shrunk_covariance(centered: np.ndarray) -> np.ndarray:
    """Return the (c, c) covariance of (n, h, w, c), shrunk toward a multiple of the identity (Ledoit and Wolf 2004)."""
    count, channels = len(centered), centered.shape[-1]
    each = np.einsum("nhwc,nhwd->ncd", centered, centered) / np.prod(centered.shape[1:3])
    sample = each.mean(axis=0)
    target = np.eye(channels) * np.trace(sample) / channels
    distance = np.sum((sample - target) ** 2)
    noise = np.sum((each - sample) ** 2) / count**2
    weight = 1.0 if distance <= noise else noise / distance
    weight = max(weight, 1 / (1 + count) ** 2)  # for one image the noise is 0
    return np.asarray(weight * target + (1 - weight) * sample)


def _spectrum(uncorrelated: np.ndarray, shrink: float) -> np.ndarray:
    """Return the (h, w // 2 + 1, c) root mean square amplitude of (n, h, w, c)."""
    _, height, width, _ = uncorrelated.shape
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]
    power = np.mean(np.abs(np.fft.rfft2(uncorrelated * window[..., None], axes=(1, 2))) ** 2, axis=0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    ring = np.rint(frequency * max(height, width)).astype(int)
    sums = np.stack([np.bincount(ring.ravel(), power[..., c].ravel()) for c in range(power.shape[-1])], axis=-1)
    radial = (sums / np.maximum(np.bincount(ring.ravel()), 1)[:, None])[ring]
    return np.asarray(np.sqrt(shrink * radial + (1 - shrink) * power))


def _check(prior: Prior) -> None:
    """Raise a ValueError for arrays whose shapes do not match."""
    channels = prior.mean.size
    expected = {"mean": (channels,), "colors": (channels, channels)}
    if prior.spectrum is not None:
        expected["spectrum"] = (prior.shape[0], prior.shape[1] // 2 + 1, channels)
    for name, shape in expected.items():
        array = getattr(prior, name)
        if array.shape != shape or not channels or not np.all(np.isfinite(array)):
            raise ValueError(f"{name} is not of shape {shape} and finite")


def read(path: Path) -> Prior:
    """Return the prior of a file that `Prior.save` wrote.

    Raises:
        RecipeError: no such file, or not a prior.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a regular file")  # a pipe would be waited for
        with np.load(path, allow_pickle=False) as arrays:
            spectrum = arrays.get("spectrum")
            shape = tuple(int(size) for size in arrays["shape"]) if spectrum is not None else (0, 0)
            prior = Prior(str(arrays["name"]), arrays["mean"], arrays["colors"], spectrum, shape)  # type: ignore[arg-type]
        _check(prior)
        return prior
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such prior; give a folder of images, 'imagenet', 'network' or 'none'") from None
    except Exception as error:
        raise RecipeError(f"{path}: not a prior written by dreamfilters ({error})") from error
