"""Calibration: how strongly images may be transformed before a network changes its predictions.

A class cannot be raised under motions that hide it from the network: one that does not recognize a sign shifted by a
fifth of the image makes a texture under such shifts. The motions of a recipe are therefore limited to those under which
the network keeps its predictions on real images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.display import frame, heading, table
from dreamfilters.dreams.default_recipes import canvas_size
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Blur, Crop, Noise, Rotate, Scale, Shift, Transform
from dreamfilters.errors import ImageError, ModelError, RecipeError
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.preprocessing.tolerance import Tolerance
from dreamfilters.number_format import percent
from dreamfilters.progress import OnProgress, Progress

KEPT = 0.9  # share of the predictions
_CONFIDENT = 0.9  # probability of a prediction; one of a network that hesitates changes with any change of the image
_MOST_IMAGES = 100  # the standard error of the share is then 0.03
_MOST_BYTES = 2**28  # of images, of which large ones are fewer
_LEAST_IMAGES = 8
_BATCH = 20


@dataclass(frozen=True)
class _Kind:
    """A transform of which a strength is tolerated or not.

    Attributes:
        strengths: from weak to strong; the side of a crop falls.
        none: the strength that changes nothing.
        make: a strength and the side of the image in pixels -> the transform.
    """

    strengths: tuple[float, ...]
    make: Callable[[float, int], Transform]
    none: float = 0.0


_KINDS = {
    "rotate": _Kind((2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 45), lambda degrees, _: Rotate(degrees)),
    "scale": _Kind((0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5), lambda by, _: Scale(by)),
    "shift": _Kind((0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.125, 0.16, 0.2, 0.25), lambda share, _: Shift(share=share)),
    "crop": _Kind((0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), lambda side, _: Crop(1, side, 1.0), 1.0),
    "noise": _Kind((0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3), lambda std, _: Noise(normal=std)),
    "blur": _Kind((0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08), lambda share, side: Blur(share * side)),
}


@dataclass(frozen=True)
class Calibration:
    """What a network tolerates, as `calibrate` measures it.

    Attributes:
        tolerance: the strongest transform of each kind under which the predictions are kept.
        kept: kind -> strength -> share of the images whose predictions it does not change, where it was measured.
        count: number of images, those of which the network is sure.
        share: the share of predictions that has to be kept.
    """

    tolerance: Tolerance
    kept: Mapping[str, Mapping[float, float]] = field(repr=False)
    count: int
    share: float = KEPT

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each kind: the tolerated strength, the share kept there, and those of the next strength."""
        return [self._row(name, value) for name, value in self.tolerance.as_values().items()]

    def _row(self, name: str, tolerated: float) -> dict[str, Any]:
        strengths, kept = _KINDS[name].strengths, self.kept[name]
        stronger = [s for s in strengths if (s < tolerated if name == "crop" else s > tolerated)]
        row = {"transform": name, "tolerated": tolerated, "kept": kept.get(tolerated, 1.0)}
        return row | ({"stronger": stronger[0], "stronger_kept": kept[stronger[0]]} if stronger else {})

    def _repr_html_(self) -> str:
        kept = f"at least {percent(self.share, 0)} of the predictions on {self.count} images are kept"
        title = f"Tolerated transforms: {kept}"
        keys = ("transform", "tolerated", "kept", "stronger", "stronger_kept")
        return frame(heading(title), table("", [{key: row.get(key, "") for key in keys} for row in self.rows()]))


def calibrate(
    network: AnyNetwork,
    images: ImageFolder | Sequence[ArrayLike] | NDArray[Any],
    *,
    keep: float = KEPT,
    progress: OnProgress | None = None,
) -> Calibration:
    """Return the strongest transforms under which a network keeps its predictions on real images.

    For each kind, the largest of some strengths is found by bisection for which the network predicts the same class on
    `keep` of the images. Each image is transformed once, up to that strength, as in an ascent. Images of which the
    network is not sure (a probability below 0.9) are left out, unless fewer than 8 remain.

    Args:
        network: a Keras model, or what `load` returned, with classes for a whole image.
        images: (n, h, w, c) in [0, 1] or of uint8, or a folder, of which at most 100 are taken, evenly spread.
        keep: share of the predictions that has to be kept.
        progress: called with the share of the whole that is done.

    Raises:
        ModelError: the network has no classes for a whole image.
        ImageError: no image can be read.
        RecipeError: `keep` is not above 0 and at most 1.

    Example:
        >>> found = calibrate(network, images)
        >>> found.tolerance.rotate >= 15
        True
    """
    network = network_of(network)
    if not 0 < keep <= 1:
        raise RecipeError(f"keep={keep}: must be above 0, at most 1")
    if not network.is_classifier:
        raise ModelError(f"{network.name}: has no classes for a whole image, whose predictions a calibration compares")
    sample = _Sample(network, _fitted(network, images)).confident()
    kept: dict[str, dict[float, float]] = {}
    tolerated: dict[str, float] = {}
    for number, (name, kind) in enumerate(_KINDS.items()):
        if progress is not None:
            progress(Progress(number, len(_KINDS), name))
        tolerated[name], kept[name] = _strongest(kind, sample, keep)
    return Calibration(Tolerance(**tolerated), kept, len(sample.images), keep)


def _strongest(kind: _Kind, sample: _Sample, keep: float) -> tuple[float, dict[float, float]]:
    """Return the strongest strength that keeps the predictions, by bisection, and the share kept by each one tried."""
    kept: dict[float, float] = {}
    low, high = 0, len(kind.strengths)  # those before `low` are tolerated, that at `high` is not
    while low < high:
        middle = (low + high) // 2
        strength = kind.strengths[middle]
        kept[strength] = sample.kept(kind.make(strength, sample.side))
        low, high = (middle + 1, high) if kept[strength] >= keep else (low, middle)
    return float(kind.strengths[low - 1]) if low else kind.none, kept


@dataclass(frozen=True, eq=False)
class _Sample:
    """Images with what a network predicts for them.

    Attributes:
        network: the network.
        images: (n, h, w, c) in [0, 1].
    """

    network: Network
    images: NDArray[np.float32]

    @cached_property
    def predicted(self) -> NDArray[np.bool_]:
        """(n, classes) whether each class is predicted for the image as it is."""
        return self._predictions(self.images)

    @cached_property
    def logits(self) -> Callable[[Any], Any]:
        """The compiled function from images to logits."""
        watch = self.network.watch(frozenset({LOGITS}))
        return backend.compile(lambda x: watch(self.network.to_input(x))[LOGITS])

    def confident(self) -> _Sample:
        """Return the images of whose prediction the network is sure, or all if these are too few."""
        found = self.network.head.probabilities(self._logits(self.images))
        assert found is not None  # only a regression has none
        is_shared = self.network.head.kind == "softmax"  # by the classes; else each has a probability of its own
        confidence = found.max(axis=-1) if is_shared else np.maximum(found, 1 - found).min(axis=-1)
        rows = confidence >= _CONFIDENT
        return self if rows.sum() < _LEAST_IMAGES else replace(self, images=self.images[rows])

    @property
    def side(self) -> int:
        """The shorter side of the images in pixels."""
        height, width = self.images.shape[1:3]
        return int(min(height, width))

    def kept(self, transform: Transform) -> float:
        """Return the share of the images whose predictions a transform does not change."""
        seeds = backend.tensor(np.arange(1, len(self.images) + 1, dtype=np.uint64))
        moved = np.clip(np.asarray(transform(backend.tensor(self.images), seeds)), 0, 1)
        return float(np.mean((self._predictions(moved) == self.predicted).all(axis=-1)))

    def _predictions(self, images: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return whether each class is predicted for each image."""
        return self.network.head.are_predicted(self._logits(images))

    def _logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits (n, classes) of the images; all batches have one size, which compiles once."""
        padded = np.resize(images, (-(-len(images) // _BATCH) * _BATCH, *images.shape[1:]))
        parts = [padded[first : first + _BATCH] for first in range(0, len(padded), _BATCH)]
        logits = np.concatenate([np.asarray(self.logits(backend.tensor(part))) for part in parts])
        return np.asarray(logits[: len(images)])


def _fitted(network: Network, images: ImageFolder | Sequence[ArrayLike] | NDArray[Any]) -> NDArray[np.float32]:
    """Return images at the network's size, at most `_MOST_IMAGES`, evenly spread."""
    if not len(images):
        raise ImageError("images: none given; a calibration needs at least one")
    form, size = network.form, canvas_size(network, Recipe())
    most = max(_LEAST_IMAGES, min(_MOST_IMAGES, _MOST_BYTES // (4 * form.channels * size[0] * size[1])))
    chosen = np.unique(np.linspace(0, len(images) - 1, most).astype(int)).tolist()
    if not isinstance(images, ImageFolder):
        found = [form.fit(images[index]) for index in chosen]
    else:
        files = images.fitted(size, form.channels, form.resize, form.bits)
        found = [image for _, image in files.only(chosen)]
        if not found:
            path, reason = files.failures[0]
            raise ImageError(f"{images.folder}: no image can be read; first error: {path}: {reason}")
    shapes = sorted({image.shape for image in found})
    if len(shapes) > 1:
        raise ImageError(f"images of shapes {', '.join(map(str, shapes[:3]))}: {network.name} takes any size; give one")
    return np.stack(found)
