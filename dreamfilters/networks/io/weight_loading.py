"""Stored arrays are assigned to variables by layer, order, kind and shape; each variable gets exactly one.

The arrays are not changed, except for the layouts of Keras 1 and of Theano, see `weight_layouts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np

from dreamfilters.errors import ModelError
from dreamfilters.networks.migrate import weight_layouts

Array: TypeAlias = np.ndarray
Tree: TypeAlias = Mapping[str, Any]  # nested groups; the leaves are of the class Weight
Pair: TypeAlias = tuple[Any, "Weight"]  # a variable and its weight


# Names of the variables of LoRA adapters. A .keras file holds the kernel with the adapter added, an .h5 file both.
LORA = frozenset({"lora_kernel_a", "lora_kernel_b", "lora_embeddings_a", "lora_embeddings_b"})


@dataclass(frozen=True)
class Weight:
    """The shape of a stored array, and the function that reads it."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


@dataclass(frozen=True)
class WeightBlock:
    """The weights of one top-level layer, in the stored order and with the stored names."""

    layer: str
    names: tuple[str, ...]
    weights: tuple[Weight, ...]


def place(model: keras.Model, pairs: Sequence[Pair]) -> None:
    """Read the weights of the variables, each when it is assigned, so that one at a time is twice in memory.

    All shapes are compared first.

    Raises:
        ModelError: a variable has no weight, two different weights, or one of another shape.
    """
    for variable, weight in pairs:
        if tuple(variable.shape) != weight.shape:
            raise ModelError(
                f"its weights for {variable.path} are {weight.shape}, the layer takes {tuple(variable.shape)}"
            )
    known = {id(variable) for variable, _ in pairs}
    for variable in model.weights:
        if id(variable) not in known:
            raise ModelError(f"it has no weights for {variable.path}")
    assigned: set[int] = set()
    for variable, weight in pairs:
        _assign(variable, weight.read(), again=id(variable) in assigned)
        assigned.add(id(variable))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it derives the values that it uses from its weights


def _assign(variable: Any, array: Array, *, again: bool) -> None:
    """Assign an array. The kernel of a layer inside a SpectralNormalization is stored twice, which must be the same."""
    before = keras.ops.copy(variable.value) if again else None
    variable.assign(array)
    if again and not _equal(before, variable.value):
        raise ModelError(f"it has two weights for {variable.path}")


def _equal(first: Any, second: Any) -> bool:
    first, second = (keras.ops.convert_to_numpy(value) for value in (first, second))
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def stored_layers(model: keras.Model, config: Mapping[str, Any]) -> list[Any]:
    """Return the layers of a model in the order of its file, without operations and inputs."""
    if "layers" not in config["config"]:  # a subclassed model
        return list(model.layers)
    by_name = {layer.name: layer for layer in model.layers}
    return [by_name[name] for name in map(entry_name, config["config"]["layers"]) if name in by_name]


def restore_adapter_scales(model: keras.Model, config: Mapping[str, Any]) -> None:
    """Set the stored `lora_alpha` of each layer; Keras 3.15 replaces it by the rank when it builds a layer."""
    entries = {entry_name(entry): entry["config"] for entry in config["config"].get("layers", ())}
    for layer in stored_layers(model, config):
        settings = entries.get(layer.name, {})
        if "layers" in settings:
            restore_adapter_scales(layer, {"config": settings})
        while isinstance(layer, keras.layers.Wrapper):
            layer, settings = layer.layer, settings["layer"]["config"]
        if settings.get("lora_rank"):
            layer.lora_alpha = settings.get("lora_alpha") or settings["lora_rank"]


def entry_name(entry: Mapping[str, Any]) -> str:
    """Return the name in the entry of a layer."""
    return str(entry.get("name", entry["config"].get("name")))


# --- blocks: .h5 files, one group for each layer


def by_blocks(
    model: keras.Model, config: Mapping[str, Any], blocks: Sequence[WeightBlock], source: weight_layouts.LayoutSource
) -> list[Pair]:
    """Return the weight of each variable from the blocks of an HDF5 file.

    Raises:
        ModelError: layers and blocks do not match.
    """
    layers = [layer for layer in stored_layers(model, config) if layer.weights]
    blocks = [block for block in blocks if block.names]
    by_name = {block.layer: block for block in blocks}
    if {layer.name for layer in layers} == set(by_name):
        blocks = [by_name[layer.name] for layer in layers]
    if len(layers) != len(blocks):
        raise ModelError(f"its weights are for {len(blocks)} layers, the network has {len(layers)} with weights")
    return [pair for layer, block in zip(layers, blocks, strict=True) for pair in _block_pairs(layer, block, source)]


def _block_pairs(layer: Any, block: WeightBlock, source: weight_layouts.LayoutSource) -> list[Pair]:
    weights = _upgraded(layer, block, source)
    names = block.names if len(weights) == len(block.names) else ("",) * len(weights)
    orders = [
        *_by_names(layer.weights, names),
        # the order that Keras writes, if `trainable` did not change
        [*layer.trainable_weights, *layer.non_trainable_weights],
        list(layer.weights),
    ]
    fitting = [order for order in orders if _fits(order, weights, names)]
    if not fitting:
        raise ModelError(f"its weights for {layer.name} are {_shapes(weights)}, the layer takes {_shapes(orders[0])}")
    return list(zip(fitting[0], weights, strict=True))


def _upgraded(layer: Any, block: WeightBlock, source: weight_layouts.LayoutSource) -> Sequence[Weight]:
    """Return the weights of a block in the layout of Keras 3; those in an old layout are read together."""
    if not (source.keras_1 or source.theano):
        return block.weights
    arrays = weight_layouts.upgraded(layer, [weight.read() for weight in block.weights], source)
    return [Weight(array.shape, partial(_same, array)) for array in arrays]


def _same(array: Array) -> Array:
    return array


def _by_names(variables: Sequence[Any], names: Sequence[str]) -> list[list[Any]]:
    """Return the order in which variables and stored names agree, [] if names do not match.

    They do not match where TensorFlow 1 renumbered them: 'conv2d_1_1/kernel:0'.
    """
    known = {_last_two(variable.path): variable for variable in variables}
    stored = [_last_two(name) for name in names]
    is_unique = len(known) == len(variables) and set(stored) == set(known) and len(stored) == len(known)
    return [[known[name] for name in stored]] if is_unique else []


def _last_two(path: str) -> tuple[str, ...]:
    parts = path.removesuffix(":0").split("/")[-2:]
    return (*parts[:-1], {"depthwise_kernel": "kernel"}.get(parts[-1], parts[-1]))


def _fits(order: Sequence[Any], weights: Sequence[Weight], names: Sequence[str]) -> bool:
    """Return whether shapes and kinds agree, and each stored layer belongs to one layer of the model."""
    if len(order) != len(weights):
        return False
    owners: dict[str, str] = {}
    for variable, weight, name in zip(order, weights, names, strict=True):
        if tuple(variable.shape) != weight.shape or not _same_kind(variable.path, name):
            return False
        if "/" in name and owners.setdefault(_owner(name), _owner(variable.path)) != _owner(variable.path):
            return False
    return True


_KINDS = {
    "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel", "pointwise_kernel",
    "recurrent_kernel", "embeddings", "alpha", "mean", "variance", "count",
}  # fmt: skip


def _same_kind(path: str, name: str) -> bool:
    kinds = (path.rpartition("/")[2], name.removesuffix(":0").rpartition("/")[2])
    if not _KINDS.issuperset(kinds):
        return True
    # DepthwiseConv2D renamed its kernel; SeparableConv2D still uses both names.
    return kinds[0] == kinds[1] or kinds == ("kernel", "depthwise_kernel")


def _owner(path: str) -> str:
    return path.rpartition("/")[0]


def _shapes(weights: Sequence[Any]) -> str:
    shown = ", ".join(str(tuple(weight.shape)) for weight in weights[:4])
    return f"{shown}{', ...' if len(weights) > 4 else ''}" or "none"


# --- trees: .keras files, groups named by class and number


def by_numbers(model: keras.Model, config: Mapping[str, Any], tree: Tree) -> list[Pair]:
    """Return the weight of each variable from the groups 'conv2d', 'conv2d_1', ... of a .keras archive.

    Numbers can be skipped (Keras 2.12). Their order is that of the layers of a class.

    Raises:
        ModelError: layers and groups do not match.
    """
    if "layers" not in config["config"]:
        return list(_numbered_pairs(model, config, tree))
    groups = _containers(tree)
    queues: dict[str, list[Any]] = {}
    for name in sorted(groups, key=_numbered):
        if _has_arrays(groups[name]):
            queues.setdefault(_numbered(name)[0], []).append(groups[name])
    pairs: list[Pair] = []
    entries = {entry_name(entry): entry for entry in config["config"]["layers"]}
    for layer in stored_layers(model, config):
        if not layer.weights:
            continue
        entry = entries[layer.name]
        kinds = ("Functional", "Model") if entry["class_name"] == "Functional" else ()
        names = [_snake(kind) for kind in (*kinds, entry["class_name"], type(layer).__name__)]
        queue = next((queues[name] for name in names if queues.get(name)), None)
        if not queue:
            raise ModelError(f"it has no weights for {layer.name}")
        pairs += _numbered_pairs(layer, entry, queue.pop(0))
    left = [kind for kind, queue in queues.items() if queue]
    if left:
        raise ModelError(f"it has weights for more layers than the network has: {', '.join(left)}")
    return pairs


def _containers(tree: Tree) -> dict[str, Any]:
    """Return the groups of layers. Files from Windows have paths with backslashes, each as one name."""
    groups: dict[str, Any] = {}
    for name, inner in tree.items():
        container, _, rest = name.partition("\\")
        if container in ("_layer_checkpoint_dependencies", "layers"):
            groups.update({rest: inner} if rest else inner)
    return groups


def _numbered(name: str) -> tuple[str, int]:
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if stem and number.isdecimal() else (name, 0)


def _snake(name: str) -> str:
    return keras.src.utils.naming.to_snake_case(name)  # type: ignore[no-any-return]


def _has_arrays(tree: Any) -> bool:
    return isinstance(tree, Weight) or any(_has_arrays(inner) for inner in tree.values())


_PLAIN: Mapping[str, Any] = {"config": {}}
_ATTRIBUTES = {"kernel": "_kernel", "embeddings": "_embeddings"}  # `kernel` is computed where it is quantized


def _numbered_pairs(layer: Any, entry: Mapping[str, Any], group: Tree) -> Iterator[Pair]:
    """Yield the variables of a layer in order, then those of its inner layers by attribute."""
    if isinstance(layer, keras.Model) and "layers" in entry["config"]:
        yield from by_numbers(layer, entry, group)
        return
    own = group.get("vars", {})
    variables, adapters = _stored_variables(layer)
    if len(own) != len(variables):
        quantized = len(variables) == 2 < len(own) and hasattr(layer, "variable_serialization_spec")
        cause = "; a layer inside another was quantized, which Keras does not restore from a file" if quantized else ""
        raise ModelError(f"its weights for {layer.name} are {len(own)} arrays, the layer takes {len(variables)}{cause}")
    for name, variable in variables.items():
        yield variable, own[name]
    for variable in adapters:  # the stored kernel includes them
        yield variable, Weight(tuple(variable.shape), partial(np.zeros, tuple(variable.shape), variable.dtype))
    for name, inner in group.items():
        if name != "vars" and _has_arrays(inner):
            yield from _attribute_pairs(getattr(layer, name, None), entry["config"].get(name), inner)


def _stored_variables(layer: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return a layer's own variables by their names in a file, and those of its LoRA adapters, which are not stored."""
    if type(layer).save_own_variables.__module__.partition(".")[0] != "keras":
        return _custom_variables(layer), []
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    own = [variable for variable in own if any(variable is weight for weight in layer.weights)]
    adapters = [variable for variable in own if variable.name in LORA]
    orders = getattr(layer, "variable_serialization_spec", None)
    if orders is None:
        stored = [variable for variable in own if variable.name not in LORA]
    else:
        names = (_ATTRIBUTES.get(name, name) for name in orders[layer.quantization_mode])
        # A layer without bias or with one scale for each channel lacks some of them.
        stored = [variable for name in names if (variable := getattr(layer, name, None)) is not None]
    return {str(number): variable for number, variable in enumerate(stored)}, adapters


def _custom_variables(layer: Any) -> dict[str, Any]:
    """Return the variables of a layer that stores them under names of its own."""
    stored: dict[str, Any] = {}
    layer.save_own_variables(stored)
    for name, value in stored.items():
        if not any(value is weight for weight in layer.weights):
            raise ModelError(f"its layer {layer.name} stores a value {name} that is none of its weights")
    return stored


def _attribute_pairs(value: Any, entry: Any, group: Tree) -> Iterator[Pair]:
    """Yield the variables of the layers in an attribute: one, or several whose groups are named as those of a model."""
    if isinstance(value, keras.layers.Layer):
        known = isinstance(entry, Mapping) and isinstance(entry.get("config"), Mapping)
        yield from _numbered_pairs(value, entry if known else _PLAIN, group)
    if not isinstance(value, (list, tuple, dict)):
        return
    names: dict[str, int] = {}
    for inside in value.values() if isinstance(value, dict) else value:
        if not isinstance(inside, (keras.layers.Layer, list, tuple, dict)):
            continue
        kind = _snake(type(inside).__name__) if isinstance(inside, keras.layers.Layer) else "container"
        names[kind] = number = names.get(kind, -1) + 1
        # Keras stores each layer once, under its first attribute by name.
        stored = group.get(f"{kind}_{number}" if number else kind, {})
        if _has_arrays(stored):
            yield from _attribute_pairs(inside, None, stored)
