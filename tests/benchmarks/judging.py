"""One judge for everybody: the mean response of a filter to a returned image, as it is and moved a little.

It shares no code with dreamfilters: NumPy moves the images, a plain Keras model answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

LOOKS = 16
DEGREES, SCALE, PIXELS = 5.0, 0.05, 2.0


@dataclass(frozen=True)
class Motion:
    """A similarity: where an output place, counted from the center, is read in the input."""

    degrees: float
    factor: float
    down: float
    right: float


def motions(count: int = LOOKS) -> list[Motion]:
    """Return the same random motions every time."""
    draws = np.random.default_rng(2026).uniform(-1, 1, (count, 4))
    return [Motion(d[0] * DEGREES, 1 + d[1] * SCALE, d[2] * PIXELS, d[3] * PIXELS) for d in draws]


def moved(images: np.ndarray, motion: Motion) -> np.ndarray:
    """Resample images (n, h, w, c) bilinearly, mirrored beyond their edges."""
    _, height, width, _ = images.shape
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    angle = np.radians(motion.degrees)
    rows = motion.factor * (np.cos(angle) * y + np.sin(angle) * x) + motion.down + (height - 1) / 2
    columns = motion.factor * (np.cos(angle) * x - np.sin(angle) * y) + motion.right + (width - 1) / 2
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    below, beside = (rows - top)[:, :, None], (columns - left)[:, :, None]

    def at(r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return images[:, _mirrored(r, height), _mirrored(c, width)]

    upper = at(top, left) * (1 - beside) + at(top, left + 1) * beside
    lower = at(top + 1, left) * (1 - beside) + at(top + 1, left + 1) * beside
    return (upper * (1 - below) + lower * below).astype("float32")


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Reflect about the edges: -1 is 0, length is length - 1."""
    period = np.mod(places, 2 * length)
    return np.where(period < length, period, 2 * length - 1 - period)


class Judge:
    """Scores of images in [0, 1], each by its own filter of one layer of a network that takes [0, 1]."""

    def __init__(self, path: Path, layer: str, units: list[int]) -> None:
        model = keras.models.load_model(path, compile=False)
        self.model = keras.Model(model.inputs[0], model.get_layer(layer).output)
        self.units = np.array(units)

    def plain(self, images: np.ndarray) -> float:
        """Return the mean over the filters of their mean response."""
        maps = np.asarray(self.model(images.astype("float32"), training=False))
        return float(np.mean([maps[k, ..., unit].mean() for k, unit in enumerate(self.units)]))

    def robust(self, images: np.ndarray) -> float:
        """Return the same, the mean over the motions."""
        return float(np.mean([self.plain(moved(images, motion)) for motion in motions()]))
