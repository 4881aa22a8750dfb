"""Row group 12: how far heatmaps are from those of Captum, on the same weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import dreamfilters as df
from dreamfilters.attribution.methods.cam_layers import over_image
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table
from tests.benchmarks.workers import Worker

_CLASS, _LARGEST = 1, 1e-4  # the class that is explained, and the largest difference as a share of the largest value
METHODS = {
    "gradient": df.Gradient(),
    "gradient-x-input": df.GradientXInput(),
    "integrated-gradients": df.IntegratedGradients(steps=64, most_steps=64),
    "guided-backprop": df.GuidedBackprop(),
    "deconvnet": df.Deconvnet(),
    "grad-cam": df.GradCam("conv2"),
    "occlusion": df.Occlusion(window=0.25, stride=0.125),
    "lrp": df.Lrp(epsilon=0),
}


def network(*, for_lrp: bool = False) -> tuple[df.Network, dict[str, Any]]:
    """Return a network of 16x16 pixels with random weights, and the arrays of its weights.

    Captum has no z-B rule for the first layer and leaves biases in the denominators. For LRP the network has no biases,
    and its first layer is the identity, to which z-B gives its input's relevance.
    """
    rng = np.random.default_rng(11)
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            *([layers.Conv2D(3, 1, name="identity")] if for_lrp else []),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(8, 3, activation="relu", name="conv2"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="classes"),
        ],
        name="small",
    )
    if for_lrp:
        model.get_layer("identity").set_weights([np.eye(3)[None, None], np.zeros(3)])
    arrays = {}
    for name in ("conv1", "conv2", "classes"):
        kernel, bias = model.get_layer(name).get_weights()
        arrays[f"{name} kernel"] = rng.normal(0, np.sqrt(2 / np.prod(kernel.shape[:-1])), kernel.shape)
        arrays[f"{name} bias"] = rng.normal(0, 0.0 if for_lrp else 0.1, bias.shape)
        arrays = {key: value.astype("float32") for key, value in arrays.items()}
        model.get_layer(name).set_weights([arrays[f"{name} kernel"], arrays[f"{name} bias"]])
    form = df.InputForm.from_range(0, 1, size=(16, 16))
    return df.Network(model, form, ("a", "b", "c"), name="small"), arrays


def measure(setting: Setting) -> Table:
    """Compare every method that Captum has too."""
    images = np.random.default_rng(3).uniform(0, 1, (4, 16, 16, 3)).astype("float32")
    small, arrays = network()
    without_biases, other_arrays = network(for_lrp=True)
    theirs = {
        **_of_captum(setting, arrays, images, [name for name in METHODS if name != "lrp"]),
        **_of_captum(setting, other_arrays, images, ["lrp"]),
    }
    table = Table("12. Heatmaps against Captum, on the same weights", ["method", "largest value", "largest difference"])
    for name, method in METHODS.items():
        ours = method(without_biases if name == "lrp" else small, df.logit(_CLASS), images)
        other = theirs[name]
        if name == "grad-cam":  # theirs has the size of the layer
            other = over_image(other.astype(np.float64), images.shape[1:3], small.layer("conv2"))
        largest, difference = float(np.abs(other).max()), float(np.abs(ours - other).max())
        table.rows.append([name, largest, difference])
        table.targets.append((f"{name}: difference over the largest value", difference / largest, _LARGEST))
    return table


def _of_captum(setting: Setting, arrays: dict[str, Any], images: Any, methods: list[str]) -> dict[str, Any]:
    file, out = (setting.file(name).replace(".npy", ".npz") for name in ("captum-in", "captum-out"))
    np.savez(file, **arrays, images=images)
    with Worker("captum") as worker:
        worker.run("explain", file=file, number=_CLASS, out=out)
    theirs = dict(np.load(out))
    return {name: theirs[name] for name in methods}
