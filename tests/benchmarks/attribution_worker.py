"""A worker process that times attribution methods, and the bare forward pass of as many images."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np

from dreamfilters import backend
from dreamfilters.attribution.methods.occlusion import Occlusion
from dreamfilters.attribution.methods.rise import Rise
from dreamfilters.attribution.methods.versions import version_batches
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.targets import goals
from tests.benchmarks.peers.protocol import serve
from tests.benchmarks.setting import opened

MASKS = 1024


def paces(model: str, low: float, high: float, target: str, masks: int, rounds: int) -> dict[str, Any]:
    """Time each method on one image, and as many forward passes in the same batches, in turn; seconds for a pass."""
    network = opened(model, low, high, "")
    (objective,) = goals(network, target)
    height, width = network.form.size
    image = (
        np.random.default_rng(7).uniform(0, 1, (1, height or 1, width or 1, network.form.channels)).astype("float32")
    )
    scorer = Scorer(network, objective)
    bare = scorer.program("bare pass", lambda score: score)
    occlusion, rise = Occlusion(), Rise(masks=masks)
    windows = 1 + len(occlusion.boxes(*image.shape[1:3]))

    def passed(count: int) -> Callable[[], Any]:
        numbers, wanted, _ = next(version_batches(scorer, count))
        held = backend.tensor(np.repeat(image, len(numbers), axis=0))
        wanted = keras.tree.map_structure(backend.tensor, wanted)
        return lambda: [np.asarray(bare(held, wanted)) for _ in range(-(-count // len(numbers)))]

    runs: dict[str, tuple[Callable[[], Any], int]] = {
        "bare pass, as many as occlusion": (passed(windows), windows),
        "occlusion": (lambda: occlusion(network, objective, image), windows),
        "bare pass, as many as rise": (passed(masks), masks),
        "rise": (lambda: rise(network, objective, image), masks),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, (work, count) in runs.items():
            began = time.perf_counter()
            work()
            if number:
                times[name].append((time.perf_counter() - began) / count)
    return {"times": times, "batch": scorer.batch_size}


_opened = cache(opened)


def explain(model: str, method: str, number: int, images: str, count: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Time the heatmaps of a class for the first `count` of the images in a file; seconds of the whole call."""
    network, stack = _opened(model, 0.0, 1.0, ""), np.load(images)[:count]
    configured = type(ATTRIBUTIONS[method])(**settings)
    began = time.perf_counter()
    heatmaps = configured(network, logit(number), stack)
    return {"seconds": time.perf_counter() - began, "shape": list(heatmaps.shape)}


if __name__ == "__main__":
    serve({"paces": paces, "explain": explain})
