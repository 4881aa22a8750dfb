"""Valid files of every kind, with the same bytes each time; the fuzzer changes copies of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.good_networks import (
    NAMES,
    SIDE,
    write_architecture,
    write_malformed,
    write_models,
    write_network,
    write_saved_model,
)
from tests.fuzz.good_runs import write_runs
from tests.fuzz.mutations import archive_members

PRIOR = "prior.npz"


def write_images(folder: Path) -> None:
    """Write an image in each format, depth and layout that is read."""
    import tifffile
    from PIL import Image, features

    folder.mkdir(parents=True)
    chance = np.random.default_rng(5)
    rgba = chance.integers(0, 256, (10, 12, 4), dtype=np.uint8)
    color, gray = Image.fromarray(rgba[..., :3]), Image.fromarray(rgba[..., 0])
    deep = Image.fromarray(chance.integers(0, 65536, (10, 12), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [Image.fromarray(np.roll(rgba[..., :3], step, 0)) for step in range(3)]
    animated: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    color.save(folder / "color.png")
    Image.fromarray(rgba).save(folder / "alpha.png", exif=exif)
    color.quantize(8).save(folder / "palette.png", transparency=2)
    deep.save(folder / "deep.png")
    gray.convert("1").save(folder / "bits.png")
    color.save(folder / "color.jpg", exif=exif)
    gray.save(folder / "gray.jpg")
    color.convert("CMYK").save(folder / "cmyk.jpg")
    color.save(folder / "progressive.jpg", progressive=True)
    frames[0].save(folder / "frames.gif", **animated)
    color.save(folder / "color.bmp")
    gray.convert("1").save(folder / "bits.bmp")
    color.save(folder / "lossy.webp")
    Image.fromarray(rgba).save(folder / "lossless.webp", lossless=True, exif=exif)
    frames[0].save(folder / "frames.webp", **animated)
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        color.save(folder / f"{compression}.tif", compression=compression)
    deep.save(folder / "deep.tif")
    Image.fromarray(rgba[..., 0].astype(np.float32) / 255).save(folder / "float.tif")
    tifffile.imwrite(
        folder / "bands.tif", chance.integers(0, 256, (7, 10, 12), dtype=np.uint8), photometric="minisblack"
    )
    tifffile.imwrite(folder / "zip.tif", chance.integers(0, 256, (10, 12, 6), dtype=np.uint16), compression="zlib",
                     photometric="minisblack", planarconfig="contig")  # fmt: skip
    color.save(folder / "color.ppm")
    deep.save(folder / "deep.pgm")
    if features.check("avif"):
        color.save(folder / "color.avif")
    np.save(folder / "color.npy", rgba[..., :3])
    np.save(folder / "float.npy", (rgba / 255).astype(np.float32))
    np.save(folder / "deep.npy", chance.integers(0, 65536, (10, 12, 5), dtype=np.uint16))
    (folder / "one.npz").write_bytes(archive_members.packed({"image.npy": (folder / "color.npy").read_bytes()}))


def write_texts(folder: Path) -> None:
    """Write a network with three classes, images in class folders, and the texts that stand beside them."""
    write_network(folder)
    (folder / "model.toml").write_text(
        'size = [8, 8]\norder = "RGB"\nrange = [0.0, 255.0]\nresize = "bilinear"\nclasses = "names.txt"\n'
    )
    (folder / "other.toml").write_text(
        'scale = 255.0\nmean = [0.4, 0.5, 0.6]\nstd = [0.2, 0.2, 0.3]\nbits = 12\nclasses = ["a", "b", "c"]\n'
    )
    (folder / "dreamfilters.toml").write_text('quiet = true\n\n[dream]\nseed = 3\n\n[maps]\ncolormap = "magma"\n')
    (folder / "recipe.toml").write_text(_RECIPE)
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n")
    (folder / "names.json").write_text(json.dumps(list(NAMES)))
    (folder / "numbered.json").write_text(json.dumps({str(number): name for number, name in enumerate(NAMES)}))
    (folder / "names.csv").write_text("number,name\n0,one\n1,two\n2,three\n")
    (folder / "labels.csv").write_text("Path,ClassId\none/0.png,0\none/1.png,0\ntwo/0.png,1\n")


def write_priors(folder: Path) -> None:
    """Write a network and a learned prior."""
    write_network(folder)
    write_prior(folder / PRIOR)


def write_prior(path: Path) -> None:
    """Write a learned prior whose weights are 0, so that its file is small."""
    from dreamfilters.dreams.priors.denoiser_weights import Architecture
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior, TrainingRecord

    architecture, chance = Architecture(3), np.random.default_rng(7)
    record = TrainingRecord(200, 22, 230, "0123456789abcdef", 5, 0, 0.5, (0.1,) * 5, (0.2,) * 5, (1.0, 2.0, 3.0),
                            {"numpy": "2"})  # fmt: skip
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes.items()}
    images = chance.integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    LearnedPrior("mine", (SIDE, SIDE), architecture, record, weights, images, images).save(path)


_RECIPE = """description = "mine"
steps = 20
octaves = 2

[parameterization]
kind = "fourier"
decay = 1.0

[[transforms]]
kind = "jitter"
pixels = 4

[[penalties]]
kind = "total_variation"
weight = 0.1

[optimizer]
kind = "adam"
rate = 0.05
"""

WRITERS: dict[str, Callable[[Path], None]] = {
    "models": write_models,
    "malformed": write_malformed,
    "architecture": write_architecture,
    "savedmodel": write_saved_model,
    "images": write_images,
    "texts": write_texts,
    "runs": write_runs,
    "priors": write_priors,
}
