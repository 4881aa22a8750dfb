"""Row group 4: milliseconds a filter and step on networks of ImageNet's size, against peers and the bare pass."""

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
    """Return a file of one of Keras' networks with random weights for images of `side` pixels, made if need be."""
    path = FOLDER / f"{name}_{side}.keras"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        keras.utils.set_random_seed(7)
        make = getattr(keras.applications, name)
        model = make(weights=None, include_top=False, input_shape=(side, side, 3))
        _settle(model, np.random.default_rng(7).uniform(-1, 1, (16, side, side, 3)).astype("float32"))
        model.save(path)
    return path


def _settle(model: keras.Model, images: np.ndarray) -> None:
    """Let batch normalization measure what it normalizes: with its first statistics deep random maps are all but 0."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def measure(setting: Setting) -> Table:
    """Time steps of 16 filters by everybody, in turn."""
    count, rounds, steps = (2, 1, 3) if setting.quick else (16, 3, 8)
    table = Table(
        f"4. Milliseconds a filter and step, {count} filters, random weights, {SIDE} px",
        ["method", *(f"{name} {layer}" for name, layer in LAYERS.items()), *(f"{name}, of bare" for name in LAYERS)],
    )
    columns = [_times(name, layer, count, rounds, steps, setting) for name, layer in LAYERS.items()]
    for method in columns[0]:
        paces = [median(column[method]) / count * 1e3 for column in columns]
        ratios = [median(column[method]) / median(column["bare pass"]) for column in columns]
        table.rows.append([method, *paces, *ratios])
    table.notes = ["All without what the first step costs. Xplique's defaults but for the canvas."]
    return table


def _times(name: str, layer: str, count: int, rounds: int, steps: int, setting: Setting) -> dict[str, list[float]]:
    shown: dict[str, Any] = {"model": str(network_file(name)), "low": -1.0, "high": 1.0}
    job = {**shown, "layer": layer, "units": list(range(count))}
    peer = {**job, "side": SIDE, "steps": steps, "out": setting.file("pace")}
    times: dict[str, list[float]] = {}
    with Worker("xplique") as xplique, Worker("tf_keras_vis") as keras_vis, Worker("ours") as ours:
        for _ in range(rounds):
            answers = {
                "dreamfilters, standard": ours.ask(
                    "dream", **shown, targets=[f"{layer}:0-{count - 1}"], steps=steps, batch=count
                ),
                "Xplique, no transforms": xplique.ask("dream", **peer, transforms=False),
                "Xplique": xplique.ask("dream", **peer, transforms=True),
                "tf-keras-vis": keras_vis.ask("dream", **peer),
            }
            times.setdefault("bare pass", []).extend(ours.ask("bare", **job, rounds=steps)["times"])
            for method, answer in answers.items():
                times.setdefault(method, []).extend(step_times(answer["stamps"]))
    return times
