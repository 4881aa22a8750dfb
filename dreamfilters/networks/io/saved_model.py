"""SavedModel folders of Keras 2: the configuration of the layers and the checkpoint; their program is never run.

`keras_metadata.pb` (since TensorFlow 2.5) or the object graph in `saved_model.pb` hold the configuration as JSON. The
field numbers of the messages are those of `saved_metadata.proto`, `saved_object_graph.proto`, `saved_model.proto` and
`trackable_object_graph.proto` of TensorFlow 2.15.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from dreamfilters import backend
from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.stored_model import Config, StoredModel, parsed
from dreamfilters.networks.io.weight_loading import Pair, entry_name, stored_layers


@contextmanager
def open_folder(path: Path) -> Iterator[StoredModel]:
    """Yield the content of a SavedModel folder.

    Raises:
        ModelError: the folder is damaged, or has no Keras layers.
    """
    root = _root(path)
    config = {"class_name": root.get("class_name"), "config": root.get("config")}
    prefix = path / "variables" / "variables"
    if not prefix.with_suffix(".index").is_file():
        raise ModelError("has no variables/variables.index, the weights of a SavedModel")
    checkpoint, arrays = backend.read_checkpoint(str(prefix))
    numbers = _check(arrays, sum(file.stat().st_size for file in prefix.parent.glob("variables.data-*")))
    objects = _Objects(checkpoint, {key: shape for key, (_, shape) in arrays.items()})

    def pairs(model: keras.Model, upgraded: Config) -> list[Pair]:
        return _pairs(model, upgraded, objects, 0)

    yield StoredModel(config, str(root.get("keras_version", "2.4.0")), pairs, numbers)


def _check(arrays: Mapping[str, tuple[str, tuple[int, ...]]], size: int) -> int:
    """Return the count of numbers in a checkpoint whose files have this size in bytes."""
    numbers = {key: math.prod(shape) for key, (kind, shape) in arrays.items() if kind != "string"}
    for key, count in numbers.items():
        if not 0 <= count <= size:  # every number takes at least a byte; nothing is compressed
            raise ModelError(f"its checkpoint claims that {key} is larger than the file: {arrays[key][1]}")
    return sum(numbers.values())


def _root(path: Path) -> Config:
    """Return the description of the model."""
    metadata, program = path / "keras_metadata.pb", path / "saved_model.pb"
    described = metadata if metadata.is_file() else program
    if described.stat().st_size > limits.LARGEST_PROGRAM:
        size = described.stat().st_size
        raise ModelError(f"its {described.name} has {size:,} bytes, too many for a description of layers")
    try:
        texts = _in_metadata(metadata.read_bytes()) if metadata.is_file() else _in_program(program.read_bytes())
    except (ValueError, KeyError) as error:
        raise ModelError(f"its description of the layers is damaged: {error}") from None
    if not texts:
        raise ModelError("is a SavedModel without Keras layers, as model.export writes it; use model.save and .keras")
    root = parsed(texts[0])
    if not isinstance(root.get("config"), (Mapping, list)):
        raise ModelError("is a SavedModel without the configuration of its layers; save the model as .keras")
    return root


def _in_metadata(data: bytes) -> list[bytes]:
    """Return the description in `keras_metadata.pb`; line ends that git on Windows changed are restored."""
    try:
        nodes = [dict(_fields(node)) for node in _all(data, 1)]
    except ValueError:
        nodes = [dict(_fields(node)) for node in _all(data.replace(b"\r\n", b"\n"), 1)]
    return [node[5] for node in nodes if node.get(3) == b"root"]


def _in_program(data: bytes) -> list[bytes]:
    """Return the description in `saved_model.pb`; up to TensorFlow 2.4 it is with the first object of the graph."""
    for graph in _all(data, 2):  # SavedModel.meta_graphs
        for objects in _all(graph, 7):  # MetaGraphDef.object_graph_def
            for node in _all(objects, 1)[:1]:  # SavedObjectGraph.nodes, the first is the model
                return [text for user in _all(node, 4) for text in _all(user, 3)]  # user_object, metadata
    return []


class _Objects:
    """The objects of a checkpoint: their parts, and the keys of their values."""

    def __init__(self, checkpoint: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.checkpoint, self.shapes = checkpoint, shapes
        data = checkpoint("_CHECKPOINTABLE_OBJECT_GRAPH")
        self.parts: list[dict[str, int]] = []
        self.keys: list[str] = []
        for node in _all(bytes(data), 1):
            children = [dict(_fields(child)) for child in _all(node, 1)]
            self.parts.append({_text(child.get(2, b"")): int(child.get(1, 0)) for child in children})
            attributes = [dict(_fields(attribute)) for attribute in _all(node, 2)]
            self.keys.append(next((_text(a.get(3)) for a in attributes if a.get(1) == b"VARIABLE_VALUE"), ""))

    def layers(self, number: int) -> list[int]:
        """Return the layers of a model that have weights, in order."""
        prefix = "layer_with_weights-"
        found = {name: part for name, part in self.parts[number].items() if name.startswith(prefix)}
        return [found[name] for name in sorted(found, key=lambda name: int(name.removeprefix(prefix)))]

    def read(self, variable: Any, key: str) -> Any:
        """Return the array of a variable; it is read only if the shapes agree."""
        if self.shapes.get(key) != tuple(variable.shape):
            raise ModelError(
                f"its weights for {variable.path} are {self.shapes.get(key)}, the layer takes {tuple(variable.shape)}"
            )
        return self.checkpoint(key)

    def key_at(self, number: int, path: list[str]) -> str:
        """Return the key of the weight at a path of attributes."""
        for part in path:
            if part not in self.parts[number]:
                raise ModelError(f"its checkpoint has no weights at {'/'.join(path)}")
            number = self.parts[number][part]
        return self.keys[number]


def _pairs(model: keras.Model, config: Mapping[str, Any], objects: _Objects, number: int) -> list[Pair]:
    layers = [layer for layer in stored_layers(model, config) if layer.weights]
    found = objects.layers(number)
    if len(layers) != len(found):
        raise ModelError(f"its checkpoint has weights for {len(found)} layers, the network has {len(layers)}")
    entries = {entry_name(entry): entry for entry in config["config"]["layers"]}
    pairs: list[Pair] = []
    for layer, part in zip(layers, found, strict=True):
        entry = entries[layer.name]
        while isinstance(layer, keras.layers.TimeDistributed):
            layer, entry, part = layer.layer, entry["config"]["layer"], objects.parts[part]["layer"]
        if "layers" in entry["config"]:
            pairs += _pairs(layer, entry, objects, part)
            continue
        keys = [objects.key_at(part, path) for path in _attribute_paths(layer)]
        pairs += [(weight, objects.read(weight, key)) for weight, key in zip(layer.weights, keys, strict=True)]
    return pairs


_PARTS = (
    "cell", "layer", "forward_layer", "backward_layer", "_query_dense", "_key_dense", "_value_dense", "_output_dense",
)  # fmt: skip


def _attribute_paths(layer: Any) -> list[list[str]]:
    """Return the path of attributes to each weight of a layer."""
    paths = []
    for weight in layer.weights:
        path: list[str] = []
        owner = layer
        while not any(
            weight is variable for variable in (*owner._trainable_variables, *owner._non_trainable_variables)
        ):
            inside = [pair for pair in _insides(owner) if any(weight is w for w in pair[1].weights)]
            if not inside:
                raise ModelError(f"its layer {layer.name} has weights in parts with unknown names")
            path.append(inside[0][0])
            owner = inside[0][1]
        depthwise = isinstance(owner, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D))
        paths.append([*path, "depthwise_kernel" if depthwise and weight.name == "kernel" else weight.name])
    return paths


def _insides(layer: Any) -> list[tuple[str, Any]]:
    named = [(name, getattr(layer, name, None)) for name in _PARTS]
    return [(name, inside) for name, inside in named if isinstance(inside, keras.layers.Layer)]


# --- the part of the protocol buffer wire format that is needed


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a message: (number, an int or bytes)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a message ends too early")
            yield number, data[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"field of the unknown kind {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number ends too early")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError("a number is too long")


def _all(data: bytes, number: int) -> list[bytes]:
    return [value for found, value in _fields(data) if found == number and isinstance(value, bytes)]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
