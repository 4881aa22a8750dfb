"""The images of the gallery: `python -m docs.gallery` writes them into docs/images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import dreamfilters as df
from dreamfilters.images import contact_sheet, resize
from dreamfilters.signs.rendering.scenes import render

IMAGES = Path(__file__).parent / "images"
TILE = 96  # pixels
COLORS = 256  # of the palette, which makes the files a third of their size


def main() -> None:
    """Make every image of gallery.md that no other script makes."""
    network = df.load("signs")
    write("class-dreams", df.dream(network, "class:*", df.read_recipe("natural"), seed=8), columns=11)
    write("filters", df.dream(network, "conv6:0-15", seed=7), columns=8)
    recipes = ("standard", "natural", "lucid", "yosinski")
    write("recipes", [df.dream(network, "class:STOP", df.read_recipe(name), seed=7)[0] for name in recipes], recipes)
    write("arithmetic", df.dream(network, ["conv4:12", "conv4:12 - 0.5*conv4:3", "-conv4:12"], seed=7))
    image = render(14, seed=0)
    recipe = df.read_recipe("deepdream", settings=["octaves=2"])
    deep = df.dream(network, "layer:conv4", recipe, start=image)[0]
    write("deepdream", [image, deep], ["rendered sign", "layer:conv4"])


def write(name: str, dreams: Any, captions: Any = None, columns: int | None = None) -> None:
    """Write one contact sheet of dreams or arrays."""
    tiles = [resize(getattr(dream, "image", dream), (TILE, TILE)) for dream in dreams]
    sheet = contact_sheet(tiles, captions or [dream.name for dream in dreams], columns=columns or len(tiles))
    pixels = np.rint(np.asarray(sheet) * 255).astype(np.uint8)
    Image.fromarray(pixels).quantize(COLORS).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
