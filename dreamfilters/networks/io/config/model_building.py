"""The model of an opened file, built without weights: their sizes are checked before any of them is allocated.

Inside a stateless scope, a variable of Keras has a shape and no values. What the file holds replaces all weights, so
each gets zeros instead of the values of its initializer, which stays in the configuration. The scope has a thread of
its own, because Keras keeps a list of variables to initialize for each thread.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import Shape, Step, flatten
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.config.custom_objects import CustomObjects, build
from dreamfilters.networks.io.config.guarded_thread import run_guarded
from dreamfilters.networks.io.weight_loading import LORA

Config: TypeAlias = dict[str, Any]

_SLACK = 8  # bytes for each weight while it is allocated: its zeros, and the array that replaces them


def build_model(config: Config, *, numbers: int, trust: bool = False, custom: CustomObjects | None = None) -> Any:
    """Return the model of a configuration, with zeros as its weights; another object if it is of another.

    Args:
        config: of the model, with known objects only, see `allowed_objects.admitted`. It is not changed.
        numbers: the count of numbers in the file.
        trust: whether Lambda layers may run their code. Time and memory are then not limited.
        custom: classes and functions of the user.

    Raises:
        ModelError: the weights or a map are larger than the file and the memory allow, or the graph takes more time or
            memory than `limits` allows.
        Exception: any error of Keras for a configuration that it cannot build.
    """
    work = partial(_built, config, numbers, trust, custom)
    if trust:
        return run_guarded(work)
    memory = limits.BUILD_MEMORY + _SLACK * numbers
    return run_guarded(work, seconds=limits.BUILD_SECONDS, memory=memory)


def _built(config: Config, numbers: int, trust: bool, custom: CustomObjects | None) -> Any:
    with keras.StatelessScope(initialize_variables=False):
        model = build(config, trust=trust, custom=custom)
    if isinstance(model, keras.Model):
        _check_weights(model, numbers)
        _check_maps(model)
        _initialize(model)
    return model


def _check_weights(model: keras.Model, numbers: int) -> None:
    sizes = [(variable.name in LORA, math.prod(variable.shape)) for variable in model.weights]
    # A .keras file does not hold the adapters; they may take as much as what it holds.
    required = max(sum(size for is_adapter, size in sizes if is_adapter == adapters) for adapters in (False, True))
    if required > numbers + limits.SPARE_NUMBERS:
        name, largest = max(((v.path, tuple(v.shape)) for v in model.weights), key=lambda pair: math.prod(pair[1]))
        raise ModelError(
            f"its layers have {required:,} weights, but the file holds {numbers:,} numbers; "
            f"the largest weight is {name}, {largest}"
        )


def _check_maps(model: keras.Model) -> None:
    try:
        graph = flatten(model)
    except ModelError:  # `load` reports it later
        return
    shapes: dict[int, Shape] = {0: graph.input_shape}
    if _size(graph.input_shape) > limits.LARGEST_MAP:
        raise ModelError(f"its input has the shape {graph.input_shape}, which does not fit into memory")
    for step in graph.steps:
        shapes[step.outputs[0]] = step.shape
        padded = _padded(step, shapes.get(step.inputs[0], ()) if step.inputs else ())
        if max(_size(step.shape), _size(padded)) > limits.LARGEST_MAP:
            shape, what = (padded, "padded maps") if _size(padded) > _size(step.shape) else (step.shape, "maps")
            raise ModelError(f"its layer {step.name} has {what} of {shape}, which do not fit into memory")


def _padded(step: Step, shape: Shape) -> Shape:
    """Return the shape of a convolution's or pooling's input with its padding, which dilation multiplies."""
    operation = step.operation
    kernel = getattr(operation, "kernel_size", getattr(operation, "pool_size", ()))
    if getattr(operation, "padding", "") not in ("same", "causal") or not isinstance(kernel, (tuple, list)):
        return ()
    rates = getattr(operation, "dilation_rate", 1)
    rates = rates if isinstance(rates, (tuple, list)) else (rates,) * len(kernel)
    if not len(shape) == len(kernel) + 1 == len(rates) + 1:
        return ()
    added = [(size - 1) * rate for size, rate in zip(kernel, rates, strict=True)]
    is_first = getattr(operation, "data_format", "") == "channels_first"
    added = [0, *added] if is_first else [*added, 0]
    return tuple((side or 1) + more for side, more in zip(shape, added, strict=True))


def _size(shape: Shape) -> int:
    return math.prod(side or 1 for side in shape)


def _initialize(model: keras.Model) -> None:
    """Allocate the weights as zeros, and the states of random numbers as Keras does.

    Layers that no output depends on have variables too, which stay without values.
    """
    zeros = keras.initializers.Zeros()
    for variable in model.weights:
        variable._initializer = zeros
    allocated = {id(variable) for variable in model.variables}
    for variable in keras.src.backend.common.global_state.get_global_attribute("uninitialized_variables") or ():
        if id(variable) in allocated:
            variable._deferred_initialize()
