"""Subclassed models, and Sequentials without an input, as functional models: their `call` is traced on an input.

The layers are those of the model, with their weights. A layer that was never called is built.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import keras

from dreamfilters.errors import ModelError, reason

Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class TracedModel:
    """A functional model, and a remark on what could not be traced, or ''."""

    model: keras.Model
    remark: str = ""


_LONGEST = 150  # characters of a cause in a remark
# Model -> its shapes and layers when it was traced, and the result. The same result keeps compiled programs valid.
_known: WeakKeyDictionary[keras.Model, tuple[Any, TracedModel]] = WeakKeyDictionary()


def traced(model: keras.Model, size: Shape = (None, None), channels: int = 3) -> TracedModel:
    """Return a functional model that computes what a model without a graph computes.

    Args:
        model: a subclassed model, or a Sequential that was never built.
        size: (height, width) of the image for a model that was never called; a model that was called keeps its shapes.
        channels: of the image, likewise.

    Raises:
        ModelError: the size is not known, or the model cannot be called on an image of this size.
    """
    shapes = _input_shapes(model)
    if shapes is None:
        if None in size:
            raise ModelError(
                f"{model.name}: was never called, so its input size is unknown; give it with --input-size HxW or "
                "size=(height, width)"
            )
        shapes = {"": (None, *size, channels)}
    key = (str(shapes), [id(layer) for layer in model._flatten_layers()])
    if model in _known and _known[model][0] == key:
        return _known[model][1]
    result = _traced(model, shapes)
    if not result.remark:  # otherwise the result holds the model itself, which would never be deleted
        _known[model] = (key, result)
    return result


def _input_shapes(model: keras.Model) -> dict[str, Any] | None:
    """Return the shapes of each argument of `call`, '' for the first one; None for a model that was never called."""
    if getattr(model, "inputs", None):
        inputs = [tuple(tensor.shape) for tensor in model.inputs]
        return {"": inputs[0] if len(inputs) == 1 else inputs}
    stored = (model.get_build_config() or {}) if model.built else {}
    if stored.get("input_shape"):
        return {"": stored["input_shape"]}
    shapes = {name.removesuffix("_shape"): shape for name, shape in stored.get("shapes_dict", {}).items() if shape}
    return shapes or None


def _traced(model: keras.Model, shapes: dict[str, Any]) -> TracedModel:
    inputs = {name: _inputs(shape) for name, shape in shapes.items()}
    first, others = [inputs.pop("")] if "" in inputs else [], inputs
    start, remark = [*first, *others.values()], ""
    try:
        extra = {"training": False} if "training" in inspect.signature(model.call).parameters else {}
        outputs = model.call(*first, **others, **extra)
        if not _is_connected(outputs):
            raise ModelError("its call does not return what its layers compute")
    except Exception as error:  # of the user's code, such as functions of TensorFlow on a symbolic input
        cause = reason(error).partition(". ")[0][:_LONGEST]
        remark = f"only the output of {model.name} is shown, because its call cannot be traced ({cause})"
        try:
            outputs = model(*first, **others)
        except Exception as failure:
            shape = next(iter(shapes.values()))
            raise ModelError(f"{model.name}: cannot be called on an input of {shape}: {reason(failure)}") from failure
    name = model.name
    with _unique_names(model):
        functional = keras.Model(start[0] if len(start) == 1 else start, outputs, name=name)
    _rename_operations(functional)
    return TracedModel(functional, remark)


def _inputs(shape: Any) -> Any:
    """Return an input for each shape of a structure; the inputs of a dictionary have the names of its keys."""
    if isinstance(shape, dict):
        return {name: keras.Input(tuple(inner)[1:], name=name) for name, inner in shape.items()}
    if shape and isinstance(shape[0], (list, tuple)):
        return [keras.Input(tuple(inner)[1:]) for inner in shape]
    return keras.Input(tuple(shape)[1:])


def _is_connected(outputs: Any) -> bool:
    leaves = keras.tree.flatten(outputs)
    return bool(leaves) and all(isinstance(leaf, keras.KerasTensor) for leaf in leaves)


@contextmanager
def _unique_names(model: keras.Model) -> Iterator[None]:
    """Give every layer another name while the functional model is made, which requires unique ones."""
    names = [(layer, layer.name) for layer in model._flatten_layers()]
    try:
        for number, (layer, _) in enumerate(names):
            layer.name = f"layer of the model {number}"
        yield
    finally:
        for layer, name in names:
            layer.name = name


def _rename_operations(model: keras.Model) -> None:
    """Number the operations of each kind from 0 on, whatever was traced before in this process."""
    counts: Counter[str] = Counter()
    taken = {operation.name for operation in model.operations if isinstance(operation, keras.layers.Layer)}
    for operation in model.operations:
        if isinstance(operation, keras.layers.Layer):
            continue
        kind = keras.src.utils.naming.to_snake_case(type(operation).__name__)
        while (name := f"{kind}_{counts[kind]}" if counts[kind] else kind) in taken:
            counts[kind] += 1
        taken.add(name)
        operation.name = name
    model.output_names = [tensor._keras_history.operation.name for tensor in model.outputs]
