"""The seeds of images and the constants of their generator, SplitMix64, which give the same bits on every backend."""

import hashlib
from typing import Any, TypeAlias

import numpy as np

Seeds: TypeAlias = Any  # one of 64 bits for each image: (n,) uint64 of NumPy, or what `tensor` makes of it

GOLDEN = 0x9E3779B97F4A7C15
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def seed_of(*parts: object) -> np.uint64:
    """Return an image's seed, derived from the run's seed, the unit's name and other identifying values.

    >>> int(seed_of(7, "conv6:12")) == int(seed_of(7, "conv6:12"))
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def increments(count: int) -> np.ndarray:
    """Return what SplitMix64 adds to a seed for its outputs 1 to count, (count,) uint64."""
    return np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
