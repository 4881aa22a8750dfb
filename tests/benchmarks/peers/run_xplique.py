"""Xplique 2.0.2 in its own environment: dreams of some filters of a layer, and heatmaps of a class."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import keras
import numpy as np
from protocol import serve, timed_optimizer
from xplique import attributions
from xplique.features_visualizations import Objective, optimize

opened = cache(keras.models.load_model)


def dream(
    model: str, layer: str, units: list[int], low: float, high: float, side: int, steps: int, out: str, transforms: bool
) -> dict[str, Any]:
    """Dream with its defaults, except for the canvas (default: 512) and, in its fastest configuration, transforms."""
    network = opened(model)
    keras.utils.set_random_seed(7)
    stamps: list[float] = []
    cpu_stamps: list[float] = []
    began, cpu_began = time.perf_counter(), time.process_time()
    images, _ = optimize(
        Objective.channel(network, layer, units),
        timed_optimizer(keras.optimizers.Adam, stamps, cpu_stamps, 0.05),
        nb_steps=steps,
        values_range=(low, high),
        transformations="standard" if transforms else None,
        custom_shape=(side, side),
    )
    last = np.asarray(images[-1])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    np.save(out, (last - low) / (high - low))
    return {"seconds": seconds, "stamps": stamps, "cpu": cpu, "cpu_stamps": cpu_stamps}


_METHODS = {
    "gradient": attributions.Saliency,
    "gradient-x-input": attributions.GradientInput,
    "smoothgrad": attributions.SmoothGrad,
    "integrated-gradients": attributions.IntegratedGradients,
    "guided-backprop": attributions.GuidedBackprop,
    "deconvnet": attributions.DeconvNet,
    "grad-cam": attributions.GradCAM,
    "grad-cam++": attributions.GradCAMPP,
    "occlusion": attributions.Occlusion,
    "rise": attributions.Rise,
}
_BATCH = 64  # images at a time, as many as ours at most


@cache
def with_logits(model: str) -> Any:
    """Return the network without its softmax."""
    network = keras.models.load_model(model)
    network.layers[-1].activation = keras.activations.linear
    return network


@cache
def explainer(model: str, method: str, settings: tuple[tuple[str, Any], ...]) -> Any:
    """Return a method, which is made once."""
    return _METHODS[method](with_logits(model), batch_size=_BATCH, **dict(settings))


def explain(model: str, method: str, number: int, images: str, count: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Time the heatmaps of a class for the first `count` of the images in a file; seconds of the whole call."""
    made, stack = explainer(model, method, tuple(settings.items())), np.load(images)[:count]
    classes = with_logits(model).output_shape[-1]
    wanted = np.eye(classes, dtype="float32")[[number] * count]
    began = time.perf_counter()
    heatmaps = np.asarray(made.explain(stack, wanted))
    return {"seconds": time.perf_counter() - began, "shape": list(heatmaps.shape)}


if __name__ == "__main__":
    serve({"dream": dream, "explain": explain})
