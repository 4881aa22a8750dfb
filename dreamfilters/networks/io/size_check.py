"""How much memory a configuration asks for, found out before any of it is taken.

The network is built once without its weights: inside a stateless scope a variable of Keras has a shape and no numbers.
The scope's thread ends right after, and with it everything that Keras would remember to fill later.
"""

from __future__ import annotations

import copy
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import Shape, flatten

Config: TypeAlias = dict[str, Any]

LARGEST_MAP = 2**28  # numbers that one layer gives for one image, a gigabyte; VGG16 gives three million
_SPARE = 2**16  # numbers that a file need not hold: counters and seeds


def check_weight(config: Config, *, numbers: int, trust: bool = False) -> None:
    """Pass over a configuration whose weights fill no more than the file holds, and whose maps a machine can hold.

    Args:
        config: of the model, every object in it known, see `allowed.admitted`.
        numbers: that the file holds.
        trust: whether Lambda layers may run their code.

    Raises:
        ModelError: it asks for more.
        Exception: whatever Keras says of a configuration that it cannot build.
    """
    with ThreadPoolExecutor(1) as thread:  # a new one: Keras keeps such state for each thread
        shell = thread.submit(_shell, config, trust).result()
    if not isinstance(shell, keras.Model):
        return
    wanted = sum(math.prod(variable.shape) for variable in shell.weights)
    if wanted > numbers + _SPARE:
        name, largest = max(((v.path, tuple(v.shape)) for v in shell.weights), key=lambda pair: math.prod(pair[1]))
        raise ModelError(
            f"its layers take {wanted:,} weights, the file holds {numbers:,} numbers; the most, {largest}, for {name}"
        )
    for name, shape in _maps(shell):
        if math.prod(side or 1 for side in shape) > LARGEST_MAP:
            raise ModelError(f"its layer {name} gives maps of {shape}, more than fit into memory")


def _shell(config: Config, trust: bool) -> Any:
    with keras.StatelessScope(initialize_variables=False):
        return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=not trust)


def _maps(model: keras.Model) -> list[tuple[str, Shape]]:
    """Return the name and the shape of everything that is computed for one image, and of the image."""
    try:
        graph = flatten(model)
    except ModelError:  # a network that cannot be shown is told so later
        return []
    return [("in front, its input,", graph.input_shape), *((step.name, step.shape) for step in graph.steps)]
