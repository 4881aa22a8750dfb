"""Valid model files of every kind, with the same bytes each time."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import archive_members
from tests.fuzz.mutations.protobuf_fields import varint
from tests.networks.old_files import Arrays, conv, layer, numbers, write_h5

_SMALL = 200_000  # bytes of a file that is worth the time of changing it
SIDE = 8  # pixels of the networks' input
NAMES = ("one", "two", "three")
NETWORK = "net.keras"


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


def write_network(folder: Path) -> None:
    from dreamfilters.images import png_bytes

    folder.mkdir(parents=True)
    _save(_filled(_plain()), folder / NETWORK)
    chance = np.random.default_rng(6)
    for name in ("one/0", "one/1", "two/0"):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(chance.uniform(0, 1, (SIDE, SIDE, 3))))


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
