"""Row group 4: milliseconds per filter and step on ImageNet networks, against peers and the bare pass."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np

from tests.benchmarks.environments import FOLDER
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, step_times
from tests.benchmarks.workers import Worker

SIDE = 128
LAYERS = {"MobileNetV2": "block_13_expand", "VGG16": "block3_conv3"}


def network_file(name: str, side: int = SIDE) -> Path:
    """Return the file of a Keras network with random weights for images of `side` pixels, created on first use."""
    path = FOLDER / f"{name}_{side}.keras"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        keras.utils.set_random_seed(7)
        make = getattr(keras.applications, name)
        options = {"include_preprocessing": False} if name.startswith(("EfficientNetV2", "ConvNeXt")) else {}
        model = make(weights=None, include_top=False, input_shape=(side, side, 3), **options)
        _settle(model, np.random.default_rng(7).uniform(-1, 1, (16, side, side, 3)).astype("float32"))
        model.save(path)
    return path


def _settle(model: keras.Model, images: np.ndarray) -> None:
    """Set the statistics of batch normalization from images; with the initial ones deep random maps are nearly 0."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def measure(setting: Setting) -> Table:
    """Time steps of 16 filters by each method in turn."""
    count, rounds, steps = (2, 1, 3) if setting.quick else (16, 3, 8)
    table = Table(
        f"4. Milliseconds per filter and step, {count} filters, random weights, {SIDE} px",
        [
            "method",
            *(f"{name} {layer}" for name, layer in LAYERS.items()),
            *(f"{name}, ratio to bare" for name in LAYERS),
        ],
    )
    columns = [_times(name, layer, count, rounds, steps, setting) for name, layer in LAYERS.items()]
    for method in columns[0]:
        paces = [median(column[method]) / count * 1e3 for column in columns]
        ratios = [median(column[method]) / median(column["bare pass"]) for column in columns]
        table.rows.append([method, *paces, *ratios])
    table.notes = ["Without the first step, which compiles. Xplique with its defaults except for the canvas."]
    return table


def _times(name: str, layer: str, count: int, rounds: int, steps: int, setting: Setting) -> dict[str, list[float]]:
    network: dict[str, Any] = {"model": str(network_file(name)), "low": -1.0, "high": 1.0}
    job = {**network, "layer": layer, "units": list(range(count))}
    peer = {**job, "side": SIDE, "steps": steps, "out": setting.file("pace")}
    times: dict[str, list[float]] = {}
    with Worker("xplique") as xplique, Worker("tf_keras_vis") as keras_vis, Worker("dream_worker") as ours:
        for _ in range(rounds):
            results = {
                "dreamfilters, standard": ours.run(
                    "dream", **network, targets=[f"{layer}:0-{count - 1}"], steps=steps, batch=count
                ),
                "Xplique, no transforms": xplique.run("dream", **peer, transforms=False),
                "Xplique": xplique.run("dream", **peer, transforms=True),
                "tf-keras-vis": keras_vis.run("dream", **peer),
            }
            times.setdefault("bare pass", []).extend(ours.run("bare", **job, rounds=steps)["times"])
            for method, result in results.items():
                times.setdefault(method, []).extend(step_times(result["stamps"]))
    return times
