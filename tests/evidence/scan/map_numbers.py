"""The statistics of activation maps by NumPy alone, which reductions are compared with."""

import numpy as np

from dreamfilters.evidence.activations import activations


def numbers_of_maps(network, layers, images):
    """Return the name of each statistic -> (n, units), the units of all layers concatenated."""
    maps = activations(network, images, layers)
    flat = [maps[layer].reshape(len(images), -1, maps[layer].shape[-1]) for layer in layers]
    parts = {
        "maximum": [values.max(axis=1) for values in flat],
        "mean": [values.astype(np.float64).mean(axis=1) for values in flat],
        "minimum": [values.min(axis=1) for values in flat],
        "power": [(values.astype(np.float64) ** 2).mean(axis=1) for values in flat],
        "zeros": [(values == 0).sum(axis=1) for values in flat],
        "position": [values.argmax(axis=1) for values in flat],
    }
    return {name: np.concatenate(values, axis=1) for name, values in parts.items()}
