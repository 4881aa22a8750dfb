"""Roadside backgrounds made of 1/f noise: foliage, branches, sky, walls and roads."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

ImageArray: TypeAlias = npt.NDArray[np.float64]  # (n, n, 3) of colors or (n, n) of amounts
Rng: TypeAlias = np.random.Generator


def noise(rng: Rng, size: int, slope: float, *, upright: float = 1) -> ImageArray:
    """Return (size, size) noise of mean 0 and std 1 whose amplitude falls with frequency to the power of `slope`.

    Images have a slope of about 1 (Field, "Relations between the statistics of natural images", 1987); a
    larger slope gives softer clouds. `upright` is the ratio of height to width of the structures.
    """
    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    frequency = np.hypot(down * upright, across)
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency**slope
    field = np.fft.irfft2(spectrum, (size, size))
    return np.asarray(field / field.std())


def soft_step(field: ImageArray, edge: ImageArray | float, width: float) -> ImageArray:
    """Return 0 where the field is below the edge, 1 where it is above, and a ramp of that width between."""
    return np.clip((field - edge) / width + 0.5, 0, 1)


def mix(first: ImageArray, second: ImageArray, amount: ImageArray | float) -> ImageArray:
    """Return the first where the amount is 0 and the second where it is 1."""
    amount = np.asarray(amount)[..., None] if np.ndim(amount) == 2 else amount
    return np.asarray(first + (second - first) * amount)


def _color(rng: Rng, *choices: tuple[float, float, float]) -> ImageArray:
    """Return one of the colors, slightly varied: (3,)."""
    chosen = np.asarray(choices[rng.integers(len(choices))])
    return np.asarray(chosen * rng.uniform(0.8, 1.2) * rng.uniform(0.96, 1.04, 3))


def sky(rng: Rng, size: int) -> ImageArray:
    """Return clouds on blue or gray."""
    blue = np.asarray(((0.45, 0.6, 0.85), (0.6, 0.72, 0.9), (0.7, 0.75, 0.82))[rng.integers(3)])
    height = np.linspace(0, 1, size)[:, None, None]
    clear = mix(blue, np.full(3, 0.92), 0.7 * height + np.zeros((size, size, 1)))
    clouds = soft_step(noise(rng, size, 1.7), rng.uniform(-0.8, 1.2), 1.8)
    return mix(clear, np.full(3, rng.uniform(0.8, 1.05)), clouds)


def foliage(rng: Rng, size: int) -> ImageArray:
    """Return green or autumn leaves with sky in some gaps."""
    dark = _color(rng, (0.07, 0.09, 0.05), (0.1, 0.08, 0.06), (0.05, 0.06, 0.06))
    light = _color(rng, (0.33, 0.4, 0.16), (0.45, 0.35, 0.14), (0.4, 0.28, 0.15), (0.25, 0.32, 0.2))
    leaves = mix(dark, light, soft_step(noise(rng, size, 0.85), 0.3, 2.8))
    leaves = leaves * (1 + 0.25 * noise(rng, size, 0.4)[..., None])
    gaps = soft_step(noise(rng, size, 1.15), rng.uniform(1.0, 3.0), 0.5)
    return np.clip(mix(leaves, np.full(3, rng.uniform(0.6, 1.0)), gaps), 0, 1)


def branches(rng: Rng, size: int) -> ImageArray:
    """Return bare twigs against the sky, denser towards the ground."""
    behind = sky(rng, size)
    height = np.linspace(0.3, 1.1, size)[:, None]
    twigs = np.zeros((size, size))
    for slope, thick in ((1.25, 0.05), (1.8, 0.035)):  # the zero crossings of noise are branching lines
        off = np.abs(noise(rng, size, slope, upright=3))
        twigs = np.maximum(twigs, 1 - soft_step(off / thick, 4 * height, 2))
    return mix(behind, _color(rng, (0.16, 0.13, 0.11), (0.12, 0.12, 0.13)), 0.75 * twigs)


def wall(rng: Rng, size: int) -> ImageArray:
    """Return a house: plaster or brick, and a window with a light frame."""
    plaster = _color(rng, (0.75, 0.7, 0.6), (0.62, 0.62, 0.62), (0.55, 0.3, 0.24), (0.8, 0.74, 0.55))
    front = plaster * (1 + 0.05 * noise(rng, size, 0.8)[..., None]) + np.zeros((size, size, 3))
    pitch, width = size / rng.uniform(1.2, 2.6), rng.uniform(0.4, 0.8)
    x = (np.arange(size) / pitch + rng.uniform()) % 1
    y = (np.arange(size) / (pitch * rng.uniform(1.3, 2))) % 1
    x, y = np.abs(x - 0.5)[None] / width, np.abs(y - 0.5)[:, None] / 0.6
    inside = np.maximum(x, y)
    glass = np.full(3, rng.uniform(0.08, 0.3)) * (1 + 0.2 * noise(rng, size, 1.2)[..., None])
    framed = mix(front, np.full(3, rng.uniform(0.5, 0.95)), (inside < 0.6).astype(float))
    return np.clip(mix(framed, glass, (inside < 0.48).astype(float)), 0, 1)


def road(rng: Rng, size: int) -> ImageArray:
    """Return the sky, a hedge along the horizon and the road below."""
    height = np.linspace(0, 1, size)[:, None] + 0.03 * noise(rng, size, 1.3)
    horizon = rng.uniform(0.5, 0.8)
    asphalt = _color(rng, (0.36, 0.36, 0.37), (0.3, 0.3, 0.3)) * (1 + 0.07 * noise(rng, size, 0.5)[..., None])
    scene = mix(sky(rng, size), foliage(rng, size), soft_step(height, horizon - rng.uniform(0.08, 0.4), 0.03))
    return np.clip(mix(scene, asphalt, soft_step(height, horizon, 0.03)), 0, 1)


SURROUNDINGS: tuple[Callable[[Rng, int], ImageArray], ...] = (foliage, foliage, branches, sky, wall, road)
