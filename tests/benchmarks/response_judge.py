"""One judge for all methods: the mean response of a filter to a returned image, unchanged and under small motions.

It shares no code with dreamfilters: NumPy moves the images, a plain Keras model computes the responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

VIEWS = 16
DEGREES, SCALE, PIXELS = 5.0, 0.05, 2.0


@dataclass(frozen=True)
class Motion:
    """A similarity transform: maps an output position, relative to the center, to an input position."""

    degrees: float
    factor: float
    down: float
    right: float


def motions(count: int = VIEWS) -> list[Motion]:
    """Return fixed random motions."""
    draws = np.random.default_rng(2026).uniform(-1, 1, (count, 4))
    return [Motion(d[0] * DEGREES, 1 + d[1] * SCALE, d[2] * PIXELS, d[3] * PIXELS) for d in draws]


def moved(images: np.ndarray, motion: Motion) -> np.ndarray:
    """Return images (n, h, w, c) resampled bilinearly, with mirrored edges."""
    _, height, width, _ = images.shape
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    angle = np.radians(motion.degrees)
    rows = motion.factor * (np.cos(angle) * y + np.sin(angle) * x) + motion.down + (height - 1) / 2
    columns = motion.factor * (np.cos(angle) * x - np.sin(angle) * y) + motion.right + (width - 1) / 2
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, across = (rows - top)[:, :, None], (columns - left)[:, :, None]

    def pixels(r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return images[:, _mirrored(r, height), _mirrored(c, width)]

    upper = pixels(top, left) * (1 - across) + pixels(top, left + 1) * across
    lower = pixels(top + 1, left) * (1 - across) + pixels(top + 1, left + 1) * across
    return (upper * (1 - down) + lower * down).astype("float32")


def _mirrored(indices: np.ndarray, length: int) -> np.ndarray:
    """Return indices reflected at the edges: -1 is 0, length is length - 1."""
    period = np.mod(indices, 2 * length)
    return np.where(period < length, period, 2 * length - 1 - period)


class Judge:
    """Scores of images in [0, 1]: image k by filter k of a list, in one layer of a network with inputs in [0, 1]."""

    def __init__(self, path: Path, layer: str, units: list[int]) -> None:
        model = keras.models.load_model(path, compile=False)
        self.model = keras.Model(model.inputs[0], model.get_layer(layer).output)
        self.units = np.array(units)

    def plain(self, images: np.ndarray) -> float:
        """Return the mean response, averaged over the filters."""
        maps = np.asarray(self.model(images.astype("float32"), training=False))
        return float(np.mean([maps[k, ..., unit].mean() for k, unit in enumerate(self.units)]))

    def robust(self, images: np.ndarray) -> float:
        """Return the mean response, averaged over filters and motions."""
        return float(np.mean([self.plain(moved(images, motion)) for motion in motions()]))
