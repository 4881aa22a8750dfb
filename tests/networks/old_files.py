"""Files in the formats of older versions of Keras, written by hand: a configuration and arrays by layer."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Arrays = Mapping[str, Sequence[tuple[str, np.ndarray]]]


def write_h5(
    path: Path, config: Any, arrays: Arrays, *, version: str = "2.2.4", backend: str | None = "tensorflow"
) -> Path:
    """Write an .h5 file as `model.save` did; with no configuration as `model.save_weights` did."""
    with h5py.File(path, "w") as file:
        group = file if config is None else file.create_group("model_weights")
        for where in dict.fromkeys((file, group)):
            where.attrs["keras_version"] = version.encode()
            if backend:
                where.attrs["backend"] = backend.encode()
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        group.attrs["layer_names"] = np.array([name.encode() for name in arrays])
        for layer, weights in arrays.items():
            inner = group.create_group(layer)
            inner.attrs["weight_names"] = np.array([name.encode() for name, _ in weights], dtype="S200")
            for name, array in weights:
                inner[name] = array
    return path


def write_archive(path: Path, config: Any, arrays: Mapping[str, np.ndarray], *, version: str = "2.14.0") -> Path:
    """Write a .keras file; `arrays` are named by their whole path, with whatever slashes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Return the same numbers each time."""
    return np.random.default_rng([seed, *shape]).normal(0, 0.5, shape).astype("float32")


def layer(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return an entry of a Sequential."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, **settings}}


def called(entry: dict[str, Any], *sources: Any, **kwargs: Any) -> dict[str, Any]:
    """Return an entry of a functional graph, called once on the first outputs of `sources`."""
    node = [[*(source if isinstance(source, tuple) else (source, 0, 0)), kwargs] for source in sources]
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": [node] if sources else []}


def conv(name: str, filters: int, size: int, **settings: Any) -> dict[str, Any]:
    """Return a Conv2D as Keras 2 stored it."""
    stored = {
        "filters": filters,
        "kernel_size": [size, size],
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "linear",
        "use_bias": True,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg"}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
    }
    return layer("Conv2D", name, **{**stored, **settings})


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0, stride: int = 1) -> np.ndarray:
    """Return the valid correlation of (n, h, w, c) with (h, w, c, filters), as TensorFlow's convolution computes it."""
    rows, columns = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nijcrk,rkcf->nijf", windows, kernel) + bias
