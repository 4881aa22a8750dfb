"""The memory that a configuration needs, checked before any of it is allocated.

The network is built once without weights: inside a stateless scope, a variable of Keras has a shape and no values. The
scope has a thread of its own, because Keras keeps a list of variables to initialize for each thread.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import Shape, flatten
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.config.custom_objects import CustomObjects, build
from dreamfilters.networks.io.weight_loading import LORA

Config: TypeAlias = dict[str, Any]


def check_weight(config: Config, *, numbers: int, trust: bool = False, custom: CustomObjects | None = None) -> None:
    """Check that the file holds as many numbers as the weights need, and that every map fits into memory.

    Args:
        config: of the model, with known objects only, see `allowed_objects.admitted`.
        numbers: the count of numbers in the file.
        trust: whether Lambda layers may run their code.
        custom: classes and functions of the user.

    Raises:
        ModelError: the weights or a map are larger.
        Exception: any error of Keras for a configuration that it cannot build.
    """
    with ThreadPoolExecutor(1) as thread:
        shell = thread.submit(_shell, config, trust, custom).result()
    if not isinstance(shell, keras.Model):
        return
    sizes = [(variable.name in LORA, math.prod(variable.shape)) for variable in shell.weights]
    # A .keras file does not hold the adapters; they may take as much as what it holds.
    required = max(sum(size for is_adapter, size in sizes if is_adapter == adapters) for adapters in (False, True))
    if required > numbers + limits.SPARE_NUMBERS:
        name, largest = max(((v.path, tuple(v.shape)) for v in shell.weights), key=lambda pair: math.prod(pair[1]))
        raise ModelError(
            f"its layers have {required:,} weights, but the file holds {numbers:,} numbers; "
            f"the largest weight is {name}, {largest}"
        )
    for name, shape in _maps(shell):
        if math.prod(side or 1 for side in shape) > limits.LARGEST_MAP:
            raise ModelError(f"its layer {name} has maps of {shape}, which do not fit into memory")


def _shell(config: Config, trust: bool, custom: CustomObjects | None) -> Any:
    with keras.StatelessScope(initialize_variables=False):
        return build(config, trust=trust, custom=custom)


def _maps(model: keras.Model) -> list[tuple[str, Shape]]:
    """Return the name and shape of the input and of every step's output for one image."""
    try:
        graph = flatten(model)
    except ModelError:  # `load` reports it later
        return []
    return [("input", graph.input_shape), *((step.name, step.shape) for step in graph.steps)]
