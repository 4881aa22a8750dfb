"""Valid files of every kind, with the same bytes each time; the fuzzer changes copies of them."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import archive_members
from tests.fuzz.mutations.protobuf_fields import varint
from tests.networks.old_files import Arrays, conv, layer, numbers, write_h5

_SMALL = 200_000  # bytes of a file that is worth the time of changing it
SIDE = 8  # pixels of the networks' input
NAMES = ("one", "two", "three")
NETWORK, PRIOR, CHECKPOINTS = "net.keras", "prior.npz", "checkpoints"
RUNS = {
    "scan": ["scan", NETWORK, "images", "--out", "out/scan"],
    "dream": ["dream", NETWORK, "conv:0", "class:1", "--set", "steps=2", "--out", "out/dream"],
    "maps": ["maps", NETWORK, "images/one/0.png", "--out", "out/maps", "--arrays"],
    "evaluate": ["evaluate", NETWORK, "images", "--pairs", "1", "--out", "out/evaluate"],
    "audit": ["audit", NETWORK, "--scan", "out/scan", "--out", "out/audit"],
    "compare": ["compare", NETWORK, "conv:0", "images", "--set", "steps=2", "--seeds", "1", "--out", "out/compare"],
    "atlas": ["atlas", NETWORK, "images", "--set", "steps=2", "--seeds", "1", "--out", "out/atlas"],
    "film": ["film", CHECKPOINTS, "--images", "images", "--units", "conv:0", "--range", "0", "1", "--out", "out/film"],
    "diff": ["diff", NETWORK, NETWORK, "--out", "out/diff"],
}  # the commands that make run folders


def write_models(folder: Path) -> None:
    """Write networks as .keras and .h5 files of Keras 3, and an .h5 file of Keras 2."""
    import keras

    folder.mkdir(parents=True)
    logging.getLogger("absl").setLevel(logging.ERROR)  # Keras says that .h5 is an old format
    for name, build in _NETWORKS.items():
        keras.utils.clear_session()  # layers inside layers are numbered in the order in which a process builds them
        model = _filled(build())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _save(model, folder / f"{name}.keras")
            if name != "tokens":
                model.save(folder / f"{name}.h5")
    config, arrays = _of_keras_2()
    write_h5(folder / "old.h5", config, arrays)


def _save(model: Any, path: Path) -> None:
    """Save a model as a .keras file whose bytes are the same each time: without the date, its objects renumbered."""
    model.save(path)
    members = archive_members.members_of(path.read_bytes())
    version = json.loads(members["metadata.json"])["keras_version"]
    members["metadata.json"] = json.dumps({"keras_version": version}).encode()
    members["config.json"] = _renumbered(members["config.json"].decode()).encode()
    path.write_bytes(archive_members.packed(members))


def _renumbered(config: str) -> str:
    """Return a configuration in which shared objects are numbered in their order, not by their places in memory."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+', lambda found: str(numbers.setdefault(found[0], len(numbers) + 1)), config
    )


def write_malformed(folder: Path) -> None:
    """Write the files that `tests.malformed_files` lists: each is refused for one reason, and may be for another."""
    from tests.malformed_files import ROWS  # it imports Keras

    folder.mkdir(parents=True)
    for name, (make, _) in ROWS.items():
        if name.endswith((".h5", ".keras")):
            path = make(folder)
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _SMALL:
                path.rmdir() if path.is_dir() else path.unlink()


def write_architecture(folder: Path) -> None:
    """Write a file that holds only weights, and the layers as JSON."""
    folder.mkdir(parents=True)
    config, arrays = _of_keras_2()
    write_h5(folder / "weights.h5", None, arrays)
    (folder / "model.json").write_text(json.dumps(config))


def write_saved_model(folder: Path) -> None:
    """Write SavedModel folders of Keras 2, one with each place of the layers' description."""
    import tensorflow as tf

    config, arrays = _of_keras_2()
    variables = {
        f"layer_with_weights-{number}": tf.train.Checkpoint(
            **{name.rpartition("/")[2].removesuffix(":0"): tf.Variable(array) for name, array in weights}
        )
        for number, weights in enumerate(weights for weights in arrays.values() if weights)
    }
    text = json.dumps(config).encode()
    for name in ("newer", "older"):
        path = folder / name
        tf.train.Checkpoint(**variables).write(str(path / "variables" / "variables"))
        if name == "newer":
            (path / "saved_model.pb").write_bytes(_field(1, 1))
            node = _field(2, 0) + _field(3, b"root") + _field(5, text)
            (path / "keras_metadata.pb").write_bytes(_field(1, node) + _field(1, _field(2, 1) + _field(3, b"root.x")))
        else:
            user = _field(1, b"_tf_keras_sequential") + _field(3, text)
            objects = _field(1, _field(4, user)) + _field(1, _field(4, _field(3, b"{}")))
            (path / "saved_model.pb").write_bytes(_field(1, 1) + _field(2, _field(7, objects)))


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
    _write_network(folder)
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


def write_runs(folder: Path) -> None:
    """Run every command that makes a run folder."""
    _write_network(folder)
    (folder / "net.toml").write_text('range = [0.0, 1.0]\nclasses = ["one", "two", "three"]\n')
    (folder / CHECKPOINTS).mkdir()
    for number in range(2):
        shutil.copy(folder / NETWORK, folder / CHECKPOINTS / f"{number}.keras")
    here = Path.cwd()
    os.chdir(folder)
    try:
        for name, arguments in RUNS.items():
            _run(name, arguments)
    finally:
        os.chdir(here)
    shutil.rmtree(folder / "outputs", ignore_errors=True)


def write_priors(folder: Path) -> None:
    """Write a network, and a learned prior whose weights are 0, so that its file is small."""
    from dreamfilters.dreams.priors.denoiser import Architecture
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior, TrainingRecord

    _write_network(folder)
    architecture, chance = Architecture(3, 2), np.random.default_rng(7)
    record = TrainingRecord(200, 22, 230, "0123456789abcdef", 5, 0, 0.5, (0.1,) * 5, (0.2,) * 5, (1.0, 2.0, 3.0),
                            {"numpy": "2"})  # fmt: skip
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes.items()}
    images = chance.integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    LearnedPrior("mine", (SIDE, SIDE), architecture, record, weights, images, images).save(folder / PRIOR)


def _run(name: str, arguments: list[str]) -> None:
    from dreamfilters import cli

    output = StringIO()
    sys.argv = ["dreamfilters", *arguments]
    with redirect_stdout(output), redirect_stderr(output):
        try:
            cli.main()
        except SystemExit as stopped:
            if stopped.code:
                raise RuntimeError(f"{name}: {output.getvalue()}") from None


def _write_network(folder: Path) -> None:
    from dreamfilters.images import png_bytes

    folder.mkdir(parents=True)
    _save(_filled(_plain()), folder / NETWORK)
    chance = np.random.default_rng(6)
    for name in ("one/0", "one/1", "two/0"):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(chance.uniform(0, 1, (SIDE, SIDE, 3))))


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


def _filled(model: Any) -> Any:
    """Return the model with weights that are the same each time."""
    chance = np.random.default_rng(4)
    for weight in model.weights:
        if "float" in weight.dtype:  # the state of a generator of random numbers stays
            weight.assign(chance.uniform(0.1, 0.5, weight.shape).astype("float32"))
        else:
            weight.assign(np.zeros(weight.shape, weight.dtype))
    return model


def _plain() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3), name="in"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="out"),
        ],
        name="net",
    )


def _branches() -> Any:
    import keras
    from keras import layers

    start = keras.Input((SIDE, SIDE, 3), name="in")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(start)
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="stem")(x))
    left = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(layers.ReLU(name="relu")(x))
    right = layers.SeparableConv2D(4, 3, padding="same", activation="swish", name="separable")(x)
    x = layers.Concatenate(name="both")([layers.Add(name="sum")([left, right]), x])
    x = layers.GlobalAveragePooling2D(name="mean")(layers.Dropout(0.2, name="drop")(x))
    return keras.Model(start, layers.Dense(3, kernel_regularizer="l2", name="out")(x), name="branches")


def _nested() -> Any:
    import keras
    from keras import layers

    inside = keras.Input((SIDE, SIDE, 3), name="inner")
    backbone = keras.Model(inside, layers.Conv2D(3, 3, activation="relu", name="conv")(inside), name="backbone")
    start = keras.Input((SIDE, SIDE, 3), name="in")
    x = layers.GlobalMaxPooling2D(name="max")(backbone(start) * 2.0)
    return keras.Model(start, layers.Dense(3, activation="softmax", name="out")(x), name="nested")


def _tokens() -> Any:
    import keras
    from keras import layers

    start = keras.Input((SIDE, SIDE, 3), name="in")
    x = layers.Reshape((4, 6), name="rows")(layers.Conv2D(6, 4, strides=4, name="patches")(start))
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Add(name="sum")([x, layers.MultiHeadAttention(2, 3, name="attention")(x, x)])
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(start, layers.Dense(3, name="out")(x), name="tokens")


_NETWORKS: dict[str, Callable[[], Any]] = {
    "plain": _plain, "branches": _branches, "nested": _nested, "tokens": _tokens,
}  # fmt: skip


def _of_keras_2() -> tuple[dict[str, Any], Arrays]:
    """Return the layers of a network as Keras 2 stored them, and its weights."""
    depthwise = layer("DepthwiseConv2D", "deep", kernel_size=[3, 3], groups=1, use_bias=False, depth_multiplier=1)
    shape = {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32"}
    layers = [conv("conv", 3, 2, activation="relu", **shape), layer("LeakyReLU", "leak", alpha=0.5), depthwise]
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}, "keras_version": "2.5.0"}
    arrays = {
        "conv": [("conv/kernel:0", numbers(2, 2, 3, 3)), ("conv/bias:0", numbers(3))],
        "leak": [],
        "deep": [("deep/depthwise_kernel:0", numbers(3, 3, 3, 1))],
    }
    return config, arrays


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


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
