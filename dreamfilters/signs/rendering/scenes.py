"""The drawings as a camera by the road would see them: the sample images of the traffic-sign network.

Nothing is read from a file; every number of a scene comes from a class and a seed. The disturbances are those that the
benchmark's authors name: light, partial shade, weathering, rotation, motion, low resolution (Stallkamp et al., 2012).
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dreamfilters.errors import OutputError
from dreamfilters.signs.artwork.draw import draw
from dreamfilters.signs.classes import GERMAN
from dreamfilters.signs.rendering.surroundings import SURROUNDINGS, Chance, ImageArray, mix, noise, soft_step

SAMPLES = 4  # images of a class
FINENESS = 2  # pixels of the scene for one of the image
MARGIN = 8  # pixels of the scene cut off all round, where the blur wraps
DRAWN = 128  # pixels of the drawing, more than it ever gets in the scene
DISTANCE = 4.0  # of the camera from the sign, in half widths of the sign: how strong the perspective is


def render(number: int, seed: int, size: int = 48) -> npt.NDArray[np.float32]:
    """Return a class's sign in a scene: (size, size, 3) float32 RGB in [0, 1], always the same for one seed.

    A number outside 0 to 42 raises `TargetError`.

    >>> render(14, seed=0).shape
    (48, 48, 3)
    """
    sign = _drawing(number)
    chance = np.random.default_rng((number, seed))
    wide = size * FINENESS + 2 * MARGIN
    view = _view(chance, wide, size * FINENESS / _extent(sign))
    exposure = float(np.exp(np.clip(chance.normal(-0.22, 0.4), -1.4, 0.25)))
    behind = SURROUNDINGS[chance.integers(len(SURROUNDINGS))](chance, wide)
    behind = _pole(chance, behind, view) * np.clip(np.exp(chance.normal(-0.1, 0.35)), 0.4, 1.4)
    seen = _seen(sign, view, wide)
    lit = _weathered(chance, seen[..., :3]) * _light(chance, wide)
    scene = exposure * mix(behind, lit, seen[..., 3])
    return _photographed(chance, scene, size)


def samples() -> tuple[tuple[int, npt.NDArray[np.float32]], ...]:
    """Return the sample images, four of each class: pairs of a class's number and an image (48, 48, 3) in [0, 1]."""
    return tuple((number, render(number, seed)) for number in range(len(GERMAN)) for seed in range(SAMPLES))


def write_samples(folder: Path | str) -> tuple[Path, ...]:
    """Write the sample images into class folders, `00/00_rendered_0.png` and so on, and return their paths.

    A folder that cannot be written raises `OutputError`.
    """
    paths = []
    for place, (number, image) in enumerate(samples()):
        path = Path(folder) / f"{number:02d}" / f"{number:02d}_rendered_{place % SAMPLES}.png"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.round(image * 255).astype(np.uint8)).save(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); name a folder of yours") from error
        paths.append(path)
    return tuple(paths)


@lru_cache(maxsize=len(GERMAN))
def _drawing(number: int) -> Image.Image:
    return Image.fromarray(np.round(draw(number, DRAWN) * 255).astype(np.uint8))


def _extent(sign: Image.Image) -> float:
    """Return the shorter side of the sign's bounding box, 1 for the whole board: the benchmark's crops go by it."""
    left, top, right, bottom = sign.getchannel("A").getbbox() or (0, 0, *sign.size)
    return min(right - left, bottom - top) / DRAWN


def _view(chance: Chance, wide: int, visible: float) -> ImageArray:
    """Return how the board of the sign is seen: (3, 3), from (x, y, 1) in -1 to 1 to places in pixels of the scene."""
    roll, yaw, pitch = np.radians(chance.normal((0, 0, 0), (3.5, 13, 6)).clip(-28, 28))
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    across, down, _ = (about_z @ about_y @ about_x).T  # where the board's own axes point
    turned = np.stack([across, down, (0, 0, DISTANCE)], axis=1) / ((1,), (1,), (DISTANCE,))
    half = visible * chance.uniform(0.72, 0.83) / 2
    x, y = wide / 2 + visible * chance.uniform(-0.025, 0.025, 2)
    return np.asarray(np.array([(half, 0, x), (0, half, y), (0, 0, 1)]) @ turned)


def _seen(sign: Image.Image, view: ImageArray, wide: int) -> ImageArray:
    """Return the drawing as the view shows it: (wide, wide, 4)."""
    board = np.array([[2 / DRAWN, 0, -1], [0, 2 / DRAWN, -1], [0, 0, 1]])  # pixels of the drawing -> board
    back = np.linalg.inv(view @ board)
    back /= back[2, 2]
    coefficients = [float(value) for value in back.ravel()[:8]]
    turned = sign.transform((wide, wide), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    return np.asarray(turned, float) / 255


def _pole(chance: Chance, behind: ImageArray, view: ImageArray) -> ImageArray:
    """Return the surroundings with the pole that the sign hangs on."""
    top, foot = view @ (0, -1.1, 1), view @ (0, 1, 1)
    (x0, y0), (x1, y1) = top[:2] / top[2], foot[:2] / foot[2]
    size = len(behind)
    y = np.arange(size)[:, None]
    across = (np.arange(size)[None] - x0 - (y - y0) * (x1 - x0) / (y1 - y0)) / (size * chance.uniform(0.025, 0.05))
    shading = chance.uniform(0.35, 0.75) * (0.75 + 0.3 * np.cos(2 * across - 0.6))
    steel = shading[..., None] * np.array([0.97, 1.0, 1.03])
    return mix(behind, steel, soft_step(-np.abs(across), -1, 0.4) * (y > y0))


def _weathered(chance: Chance, colors: ImageArray) -> ImageArray:
    """Return the sign's colors bleached by the sun and dirty from rain and road."""
    gray = colors.mean(-1, keepdims=True)
    faded = mix(colors, 0.75 * gray + 0.2, chance.uniform(0, 0.3))
    dirt = soft_step(noise(chance, len(colors), 1.3), 1.2, 2.5) * chance.uniform(0, 0.35)
    return mix(faded, np.array([0.33, 0.3, 0.25]), dirt)


def _light(chance: Chance, wide: int) -> ImageArray:
    """Return what light falls on the sign: (wide, wide, 3), a gradient, at times a cast and the shade of leaves."""
    angle = chance.uniform(0, 2 * np.pi)
    place = np.linspace(-1, 1, wide)
    slope = np.cos(angle) * place[None] + np.sin(angle) * place[:, None]
    light = 1 + chance.uniform(0, 0.2) * slope
    if chance.uniform() < 0.25:
        leaves = soft_step(noise(chance, wide, 1.4), chance.uniform(-0.5, 0.8), 0.7)
        light = light * (1 - chance.uniform(0.3, 0.55) * leaves)
    return np.asarray(light[..., None] * (1 + chance.normal(0, 0.025, 3)))


def _photographed(chance: Chance, scene: ImageArray, size: int) -> npt.NDArray[np.float32]:
    """Return what a camera makes of a scene: blur, color fringes, haze, coarse pixels, noise."""
    blurred = _blurred(chance, scene)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    hazy = mix(blurred, np.full(3, chance.uniform(0.3, 0.7)), max(0.0, chance.uniform(-0.15, 0.2)))
    hazy = hazy * (1 + chance.normal(0, 0.025, 3))
    coarse = _resized(hazy, round(size * chance.uniform(0.62, 1)), Image.Resampling.BOX)
    grain = chance.standard_normal(coarse.shape) * chance.uniform(0.003, 0.012)
    grain += chance.standard_normal((*coarse.shape[:2], 1)) * chance.uniform(0.003, 0.012)
    noisy = coarse + grain * (0.4 + np.sqrt(np.clip(coarse, 0, 1)))
    return np.clip(_resized(noisy, size, Image.Resampling.BICUBIC), 0, 1).astype(np.float32)


def _blurred(chance: Chance, scene: ImageArray) -> ImageArray:
    """Return the scene out of focus, at times moved while the shutter was open, red and blue a little apart."""
    down, across = np.fft.fftfreq(len(scene))[:, None], np.fft.rfftfreq(len(scene))[None]
    focus = np.exp(-2 * (np.pi * chance.uniform(0.4, 1.5)) ** 2 * (down**2 + across**2))
    angle, way = chance.uniform(0, np.pi), chance.uniform(2, 6) if chance.uniform() < 0.3 else 0.0
    motion = np.sinc(way * (np.cos(angle) * across + np.sin(angle) * down))
    fringe = chance.normal(0, 0.35, 2) @ np.stack(np.broadcast_arrays(down, across)).reshape(2, -1)
    apart = np.exp(2j * np.pi * np.array([-1, 0, 1]) * fringe.reshape(*focus.shape, 1))
    spectrum = np.fft.rfft2(scene, axes=(0, 1)) * (focus * motion)[..., None] * apart
    return np.asarray(np.fft.irfft2(spectrum, scene.shape[:2], axes=(0, 1)))


def _resized(image: ImageArray, size: int, method: Image.Resampling) -> ImageArray:
    channels = (Image.fromarray(image[..., c].astype(np.float32)) for c in range(3))
    return np.stack([np.asarray(channel.resize((size, size), method), float) for channel in channels], axis=-1)
