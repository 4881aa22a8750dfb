"""A network of the size of GoogLeNet with random weights, for measurements of time."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

import dreamfilters as df
from dreamfilters.networks import Network

# Filters of the nine modules: 1x1, 3x3 after its reduction, 5x5 after its reduction, and after the pooling (Szegedy et
# al., "Going deeper with convolutions", 2015, table 1).
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
_POOLED_BEFORE = ("4a", "5a")


def googlenet(size: int = 224, *, share: float = 1.0, modules: tuple[str, ...] = tuple(MODULES)) -> Network:
    """Return the network, with inputs of -1 to 1.

    Args:
        size: side of its images in pixels.
        share: of the filters of each convolution.
        modules: names of the modules that it has.
    """
    rng = np.random.default_rng(7)

    def conv(x: keras.KerasTensor, filters: int, side: int, name: str, strides: int = 1) -> keras.KerasTensor:
        filters = max(1, round(filters * share))
        layer = layers.Conv2D(filters, side, strides, padding="same", activation="relu", name=name)
        output = layer(x)
        kernel = rng.normal(0, np.sqrt(2 / (side * side * x.shape[-1])), layer.kernel.shape)  # He et al. 2015
        layer.set_weights([kernel.astype("float32"), np.full(filters, 0.01, "float32")])
        return output

    def pooled(x: keras.KerasTensor, name: str, strides: int = 2) -> keras.KerasTensor:
        return layers.MaxPooling2D(3, strides, padding="same", name=name)(x)

    inputs = layers.Input((size, size, 3))
    x = pooled(conv(inputs, 64, 7, "conv1", 2), "pool1")
    x = pooled(conv(conv(x, 64, 1, "conv2_reduce"), 192, 3, "conv2"), "pool2")
    for module in modules:
        if module in _POOLED_BEFORE:
            x = pooled(x, f"pool_{module}")
        one, three_reduced, three, five_reduced, five, after_pool = MODULES[module]
        name = f"inception_{module}"
        branches = [
            conv(x, one, 1, f"{name}_1x1"),
            conv(conv(x, three_reduced, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3"),
            conv(conv(x, five_reduced, 1, f"{name}_5x5_reduce"), five, 5, f"{name}_5x5"),
            conv(pooled(x, f"{name}_pool", 1), after_pool, 1, f"{name}_pool_1x1"),
        ]
        x = layers.Concatenate(name=name)(branches)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    outputs = layers.Dense(1000, activation="softmax", name="classes")(x)
    form = {"range": [-1.0, 1.0]}
    return df.load(keras.Model(inputs, outputs, name="googlenet"), form=form)


def convolutions(network: Network) -> dict[str, int]:
    """Return the number of filters of each convolution."""
    return {info.name: info.units for info in network.layers if info.type == "Conv2D"}
