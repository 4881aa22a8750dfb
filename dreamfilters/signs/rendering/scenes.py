"""The sample images of the traffic-sign network: drawings rendered as a roadside camera would record them.

No file is read; a class and a seed determine a scene. The disturbances are those that the authors of the benchmark
name: light, partial shade, weathering, rotation, motion, low resolution (Stallkamp et al., 2012).
"""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dreamfilters.signs.artwork.draw import draw
from dreamfilters.signs.classes import GERMAN
from dreamfilters.signs.rendering.surroundings import SURROUNDINGS, ImageArray, Rng, mix, noise, soft_step
from dreamfilters.writing.claimed_folder import claimed

SAMPLES = 4  # images per class
FINENESS = 2  # scene pixels per image pixel
MARGIN = 8  # scene pixels removed at every edge, where the blur wraps
DRAWN = 128  # pixels of the drawing, more than it covers in any scene
DISTANCE = 4.0  # camera to sign in half widths of the sign; sets the strength of the perspective


def render(number: int, seed: int, size: int = 48) -> npt.NDArray[np.float32]:
    """Return a class's sign in a scene: (size, size, 3) float32 RGB in [0, 1]; equal seeds give equal images.

    A number outside 0 to 42 raises `TargetError`.

    >>> render(14, seed=0).shape
    (48, 48, 3)
    """
    sign = _drawing(number)
    rng = np.random.default_rng((number, seed))
    wide = size * FINENESS + 2 * MARGIN
    view = _view(rng, wide, size * FINENESS / _extent(sign))
    exposure = float(np.exp(np.clip(rng.normal(-0.22, 0.4), -1.4, 0.25)))
    background = SURROUNDINGS[rng.integers(len(SURROUNDINGS))](rng, wide)
    background = _pole(rng, background, view) * np.clip(np.exp(rng.normal(-0.1, 0.35)), 0.4, 1.4)
    projected = _project(sign, view, wide)
    lit = _weathered(rng, projected[..., :3]) * _light(rng, wide)
    scene = exposure * mix(background, lit, projected[..., 3])
    return _record(rng, scene, size)


def samples() -> tuple[tuple[int, npt.NDArray[np.float32]], ...]:
    """Return the sample images, four of each class: pairs of a class's number and an image (48, 48, 3) in [0, 1]."""
    return tuple((number, render(number, seed)) for number in range(len(GERMAN)) for seed in range(SAMPLES))


def write_samples(folder: Path | str) -> tuple[Path, ...]:
    """Write the sample images into class folders, `00/00_rendered_0.png` and so on, and return their paths.

    A folder that cannot be written raises `OutputError`.
    """
    paths = []
    with claimed(Path(folder)) as opened:
        for index, (number, image) in enumerate(samples()):
            name, file = f"{number:02d}/{number:02d}_rendered_{index % SAMPLES}.png", io.BytesIO()
            Image.fromarray(np.round(image * 255).astype(np.uint8)).save(file, "PNG")
            opened.write(name, file.getvalue())
            paths.append(Path(folder) / name)
    return tuple(paths)


@lru_cache(maxsize=len(GERMAN))
def _drawing(number: int) -> Image.Image:
    return Image.fromarray(np.round(draw(number, DRAWN) * 255).astype(np.uint8))


def _extent(sign: Image.Image) -> float:
    """Return the shorter side of the sign's bounding box as a share of the board; the benchmark crops by it."""
    left, top, right, bottom = sign.getchannel("A").getbbox() or (0, 0, *sign.size)
    return min(right - left, bottom - top) / DRAWN


def _view(rng: Rng, wide: int, visible: float) -> ImageArray:
    """Return the homography (3, 3) from board coordinates (x, y, 1) in -1 to 1 to scene pixels."""
    roll, yaw, pitch = np.radians(rng.normal((0, 0, 0), (3.5, 13, 6)).clip(-28, 28))
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    across, down, _ = (about_z @ about_y @ about_x).T  # directions of the board's axes
    turned = np.stack([across, down, (0, 0, DISTANCE)], axis=1) / ((1,), (1,), (DISTANCE,))
    half = visible * rng.uniform(0.72, 0.83) / 2
    x, y = wide / 2 + visible * rng.uniform(-0.025, 0.025, 2)
    return np.asarray(np.array([(half, 0, x), (0, half, y), (0, 0, 1)]) @ turned)


def _project(sign: Image.Image, view: ImageArray, wide: int) -> ImageArray:
    """Return the drawing in perspective: (wide, wide, 4)."""
    board = np.array([[2 / DRAWN, 0, -1], [0, 2 / DRAWN, -1], [0, 0, 1]])  # pixels of the drawing -> board
    back = np.linalg.inv(view @ board)
    back /= back[2, 2]
    coefficients = [float(value) for value in back.ravel()[:8]]
    turned = sign.transform((wide, wide), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    return np.asarray(turned, float) / 255


def _pole(rng: Rng, background: ImageArray, view: ImageArray) -> ImageArray:
    """Return the surroundings with the pole of the sign."""
    top, foot = view @ (0, -1.1, 1), view @ (0, 1, 1)
    (x0, y0), (x1, y1) = top[:2] / top[2], foot[:2] / foot[2]
    size = len(background)
    y = np.arange(size)[:, None]
    across = (np.arange(size)[None] - x0 - (y - y0) * (x1 - x0) / (y1 - y0)) / (size * rng.uniform(0.025, 0.05))
    shading = rng.uniform(0.35, 0.75) * (0.75 + 0.3 * np.cos(2 * across - 0.6))
    steel = shading[..., None] * np.array([0.97, 1.0, 1.03])
    return mix(background, steel, soft_step(-np.abs(across), -1, 0.4) * (y > y0))


def _weathered(rng: Rng, colors: ImageArray) -> ImageArray:
    """Return the sign's colors, faded and dirty."""
    gray = colors.mean(-1, keepdims=True)
    faded = mix(colors, 0.75 * gray + 0.2, rng.uniform(0, 0.3))
    dirt = soft_step(noise(rng, len(colors), 1.3), 1.2, 2.5) * rng.uniform(0, 0.35)
    return mix(faded, np.array([0.33, 0.3, 0.25]), dirt)


def _light(rng: Rng, wide: int) -> ImageArray:
    """Return the light on the sign: (wide, wide, 3), a gradient with a color cast, sometimes shade of leaves."""
    angle = rng.uniform(0, 2 * np.pi)
    position = np.linspace(-1, 1, wide)
    slope = np.cos(angle) * position[None] + np.sin(angle) * position[:, None]
    light = 1 + rng.uniform(0, 0.2) * slope
    if rng.uniform() < 0.25:
        leaves = soft_step(noise(rng, wide, 1.4), rng.uniform(-0.5, 0.8), 0.7)
        light = light * (1 - rng.uniform(0.3, 0.55) * leaves)
    return np.asarray(light[..., None] * (1 + rng.normal(0, 0.025, 3)))


def _record(rng: Rng, scene: ImageArray, size: int) -> npt.NDArray[np.float32]:
    """Return the recorded scene: blur, color fringes, haze, low resolution and noise."""
    blurred = _blurred(rng, scene)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    hazy = mix(blurred, np.full(3, rng.uniform(0.3, 0.7)), max(0.0, rng.uniform(-0.15, 0.2)))
    hazy = hazy * (1 + rng.normal(0, 0.025, 3))
    coarse = _resized(hazy, round(size * rng.uniform(0.62, 1)), Image.Resampling.BOX)
    grain = rng.standard_normal(coarse.shape) * rng.uniform(0.003, 0.012)
    grain += rng.standard_normal((*coarse.shape[:2], 1)) * rng.uniform(0.003, 0.012)
    noisy = coarse + grain * (0.4 + np.sqrt(np.clip(coarse, 0, 1)))
    return np.clip(_resized(noisy, size, Image.Resampling.BICUBIC), 0, 1).astype(np.float32)


def _blurred(rng: Rng, scene: ImageArray) -> ImageArray:
    """Return the scene out of focus, sometimes with motion blur, with red and blue slightly displaced."""
    down, across = np.fft.fftfreq(len(scene))[:, None], np.fft.rfftfreq(len(scene))[None]
    focus = np.exp(-2 * (np.pi * rng.uniform(0.4, 1.5)) ** 2 * (down**2 + across**2))
    angle, way = rng.uniform(0, np.pi), rng.uniform(2, 6) if rng.uniform() < 0.3 else 0.0
    motion = np.sinc(way * (np.cos(angle) * across + np.sin(angle) * down))
    fringe = rng.normal(0, 0.35, 2) @ np.stack(np.broadcast_arrays(down, across)).reshape(2, -1)
    apart = np.exp(2j * np.pi * np.array([-1, 0, 1]) * fringe.reshape(*focus.shape, 1))
    spectrum = np.fft.rfft2(scene, axes=(0, 1)) * (focus * motion)[..., None] * apart
    return np.asarray(np.fft.irfft2(spectrum, scene.shape[:2], axes=(0, 1)))


def _resized(image: ImageArray, size: int, method: Image.Resampling) -> ImageArray:
    channels = (Image.fromarray(image[..., c].astype(np.float32)) for c in range(3))
    return np.stack([np.asarray(channel.resize((size, size), method), float) for channel in channels], axis=-1)
