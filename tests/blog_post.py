"""The measurements and images of the tutorial "Three black filters": python -m tests.blog_post DIR."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import dreamfilters as df
from dreamfilters.images import contact_sheet, heat, png_bytes, resize
from dreamfilters.images.decoding import LUMA
from dreamfilters.networks import Network
from dreamfilters.signs.artwork.draw import draw
from dreamfilters.signs.rendering.scenes import samples, write_samples

Images = NDArray[np.float32]  # (n, h, w, 3) in [0, 1]

STOP, SILENT, RED = 14, (9, 19, 25), (1, 26)  # a class; filters of conv2
_SATURATED = 0.2  # excess of red over green and blue from which red is removed completely


def drawings(side: int = 48) -> Images:
    """Return the clean drawing of each class's sign, on mid-gray."""
    drawn = np.stack([draw(number, side) for number in range(43)])
    return drawn[..., :3] * drawn[..., 3:] + 0.5 * (1 - drawn[..., 3:])


def redness(images: Images) -> Images:
    """Return the excess of red over green and blue, (n, h, w, 1)."""
    return images[..., :1] - np.maximum(images[..., 1:2], images[..., 2:])


def without_red(images: Images) -> Images:
    """Return the images with red replaced by the gray of equal brightness."""
    share = np.clip(redness(images) / _SATURATED, 0, 1)
    return ((1 - share) * images + share * (images @ LUMA)[..., None]).astype(np.float32)


def normalized(images: Images) -> Images:
    """Return the images with each channel brought to mean .5 and std .25, clipped to [0, 1]."""
    mean, std = (f(images, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
    return np.clip((images - mean) / np.maximum(std, 1e-3) / 4 + 0.5, 0, 1).astype(np.float32)


def peaks(network: Network, images: Images, layer: str = "conv2") -> Images:
    """Return the maximum of each unit's map for each image, (n, units)."""
    return df.activations(network, images, [layer])[layer].max(axis=(1, 2))


def red_sheet(network: Network) -> Images:
    """Return rendered signs with and without their red, next to the map of a red filter, on one scale."""
    unit = RED[0]
    shown = np.stack([image for number, image in samples() if number in (1, 13, STOP, 17, 35)][::4])
    both = np.stack([shown, without_red(shown)], axis=1).reshape(-1, *shown.shape[1:])
    maps = df.activations(network, both, ["conv2"])["conv2"][..., unit]
    high = float(maps.max())
    tiles, captions = [], []
    for first in range(0, len(both), 2):
        tiles += [larger(image) for image in both[first : first + 2]]
        captions += ["original", "red made gray"]
        tiles += [larger(heat(values, low=0, high=high)) for values in maps[first : first + 2]]
        captions += [f"conv2:{unit} {values.max():.2f}" for values in maps[first : first + 2]]
    return contact_sheet(tiles, captions, title=f"conv2:{unit}, black 0 to yellow {high:.2f}", columns=4)


def stop_sheet(network: Network) -> Images:
    """Return a rendered STOP sign and the dreams of its class with two recipes."""
    sample = next(image for number, image in samples() if number == STOP)
    dreams = {
        name: df.dream(network, "class:STOP", df.read_recipe(name), seed=7)[0] for name in ("natural", "standard")
    }
    tiles = [larger(sample), *(larger(dream.image) for dream in dreams.values())]
    captions = ["rendered", *(f"{name} {dream.score:.0f}" for name, dream in dreams.items())]
    return contact_sheet(tiles, captions, title="STOP and dreams of its class")


def larger(image: Images, side: int = 112) -> Images:
    """Return an image at display size."""
    return resize(image, (side, side))


def maps_page(network: Network) -> bytes:
    """Return the page of conv2's maps of a rendered STOP sign, on one scale."""
    with TemporaryDirectory() as folder:
        write_samples(Path(folder) / "signs")
        style = df.MapStyle(df.MapScale("layer"))
        sign = df.image_folder(Path(folder) / "signs" / "14" / "14_rendered_0.png")
        drawn = df.draw_maps(network, sign, Path(folder) / "maps", df.MapSettings(layers=("conv2",), style=style))
        return next(drawn.value[0].folder.glob("*-conv2.png")).read_bytes()


def main(folder: Path) -> None:
    """Write the images of the tutorial."""
    network = df.load("signs")
    (folder / "story-maps.png").write_bytes(maps_page(network))
    (folder / "story-red.png").write_bytes(png_bytes(red_sheet(network)))
    (folder / "story-stop.png").write_bytes(png_bytes(stop_sheet(network)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
