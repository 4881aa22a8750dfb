"""A worker process that dreams, maps and scans one network of `keras.applications` with random weights."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import dreamfilters as df
from dreamfilters.networks import Network
from dreamfilters.networks.io.applications import constructor
from tests.benchmarks.peers.protocol import serve

_ROUNDING = 1e-4  # share of the largest response of a layer
_CONVOLUTIONS = ("Conv2D", "SeparableConv2D")


def walk(name: str, steps: int, images: int) -> dict[str, Any]:
    """Return the size of one network's images, the CPU seconds and the result of each piece of work on it, and the
    largest difference of its responses from those of plain Keras.
    """
    began = time.process_time()
    network = df.load(f"applications:{name}:random")
    seconds: dict[str, float | None] = {"load": time.process_time() - began}
    results: dict[str, str] = {}
    height, width = network.form.size
    noise = np.random.default_rng(0).uniform(size=(images, height, width, 3)).astype("float32")

    def timed(what: str, work: Callable[[], str]) -> None:
        began = time.process_time()
        try:
            results[what] = work()
            seconds[what] = time.process_time() - began
        except Exception as error:  # the table states what fails
            results[what], seconds[what] = f"{type(error).__name__}: {error}"[:100], None

    for what, target in _targets(network).items():
        timed(what, lambda target=target: _dream(network, target, steps))
    with tempfile.TemporaryDirectory() as folder:
        timed("maps", lambda: f"{df.draw_maps(network, noise[:1], folder).done} image")
    timed("scan", lambda: f"{len(df.scan(network, noise).layers)} layers")
    differences: list[float] = []

    def compare() -> str:
        differences.extend(difference_from_keras(network, name, noise[:2]))
        if max(differences) <= _ROUNDING:
            return f"{len(differences)} layers"
        rounding = max(sensitivity_of_keras(network, name, noise[:2]))
        kind = "rounding" if max(differences) < 10 * rounding else "Error: maps differ"
        return f"{kind}: {rounding:.2g} for plain Keras and inputs that differ by a millionth"

    timed("difference", compare)
    return {
        "size": [height, width],
        "seconds": seconds,
        "results": results,
        "difference": max(differences, default=None),
    }


def difference_from_keras(network: Network, name: str, images: Any) -> list[float]:
    """Return, for each layer, the largest difference of a unit's mean response from that of plain Keras, as a share
    of the largest response of the layer.

    Plain Keras is the model itself, with the `preprocess_input` of its module. Layers within a nested model are left
    out, because no output of the model leads to them. `images` are (n, h, w, 3) in [0, 1].
    """
    layers, plain = _plain_means(network, name)
    ours = df.mean_responses(network, images, layers)
    return _apart([ours[layer] for layer in layers], plain(images * 255))


def sensitivity_of_keras(network: Network, name: str, images: Any) -> list[float]:
    """Return the same of plain Keras and itself, where the values of its input are a millionth larger: what rounding
    alone can change in a network that amplifies it.
    """
    _, plain = _plain_means(network, name)
    return _apart(plain(images * 255, factor=1 + 1e-6), plain(images * 255))


def _plain_means(network: Network, name: str) -> tuple[list[str], Callable[..., list[Any]]]:
    model = network.model
    own = {each.name: each for each in model.operations if not isinstance(each, keras.Model)}
    layers = [info.name for info in network.layers if info.dreamable and info.name in own]
    means = keras.Model(model.inputs, [_mean(own[layer].output) for layer in layers])
    module = importlib.import_module("keras.applications." + constructor(name).__module__.rpartition(".")[2])

    def run(images: Any, factor: float = 1.0) -> list[Any]:
        x = (module.preprocess_input(images.copy()) * np.float32(factor)).astype("float32")
        return [np.asarray(value) for value in means(x, training=False)]

    return layers, run


def _apart(found: list[Any], expected: list[Any]) -> list[float]:
    pairs = zip(found, expected, strict=True)
    return [float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-30)) for one, other in pairs]


def _mean(output: Any) -> Any:
    """Return the mean over all axes but the first and the last."""
    return keras.ops.mean(output, axis=tuple(range(1, len(output.shape) - 1))) if len(output.shape) > 2 else output


def _targets(network: Network) -> dict[str, str]:
    """Return one filter of an early, a middle and a late convolution, and one class."""
    layers = [info.name for info in network.layers if info.type in _CONVOLUTIONS and info.dreamable]
    chosen = {"early": len(layers) // 10, "middle": len(layers) // 2, "late": len(layers) - 1}
    return {what: f"{layers[place]}:0" for what, place in chosen.items()} | {"class": "class:0"}


def _dream(network: Network, target: str, steps: int) -> str:
    dream = df.dream(network, target, df.read_recipe("standard", settings=[f"steps={steps}"]))[0]
    if not dream.activated:
        return "not activated"
    return f"recovered by {dream.recovered_by}" if dream.recovered_by else "activated"


if __name__ == "__main__":
    serve({"walk": walk})
