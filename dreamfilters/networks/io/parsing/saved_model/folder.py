"""The content of a SavedModel folder of Keras 2: the configuration of its layers, and its checkpoint.

`keras_metadata.pb` (since TensorFlow 2.5) or the object graph in `saved_model.pb` hold the configuration as JSON. The
field numbers of the messages are those of `saved_metadata.proto`, `saved_object_graph.proto`, `saved_model.proto` and
`trackable_object_graph.proto` of TensorFlow 2.15. The program of the folder is never run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.description import Objects
from dreamfilters.networks.io.parsing.json_text import Config, parsed
from dreamfilters.networks.io.parsing.regular_files import read_whole
from dreamfilters.networks.io.parsing.saved_model.checkpoint import Checkpoint
from dreamfilters.networks.io.parsing.saved_model.protocol_buffers import Message, fields, integer, messages, text


def stored_config(folder: Path) -> Config:
    """Return the configuration of the model, with the version of Keras.

    Raises:
        ModelError: the folder is damaged, or has no Keras layers.
    """
    metadata, program = folder / "keras_metadata.pb", folder / "saved_model.pb"
    try:
        if metadata.is_file():
            described = _in_metadata(read_whole(metadata, limits.LARGEST_PROGRAM))
        else:
            described = _in_program(read_whole(program, limits.LARGEST_PROGRAM))
    except (ValueError, KeyError) as error:
        raise ModelError(f"its description of the layers is damaged: {error}") from None
    if described is None:
        raise ModelError(
            "is a SavedModel without Keras layers, as model.export writes it; use model.save('NAME.keras')"
        )
    root = parsed(bytes(described[: limits.LARGEST_CONFIG + 1]))
    if not isinstance(root.get("config"), (Mapping, list)):
        raise ModelError("is a SavedModel without the configuration of its layers; save the model as .keras")
    return root


def open_checkpoint(folder: Path) -> Checkpoint:
    """Return the checkpoint of a SavedModel folder.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    prefix = folder / "variables" / "variables"
    if not prefix.with_suffix(".index").is_file():
        raise ModelError("has no variables/variables.index, the weights of a SavedModel")
    return Checkpoint(prefix)


def stored_objects(checkpoint: Checkpoint, arrays: Mapping[str, int]) -> Objects:
    """Return the objects of a checkpoint; `arrays` are the numbers of its arrays by their keys.

    Raises:
        ModelError: it has none, or too many.
    """
    parts: list[dict[str, int]] = []
    keys: list[str] = []
    size = 0
    try:
        for node in messages(checkpoint.text(b"_CHECKPOINTABLE_OBJECT_GRAPH"), 1):
            children = [dict(fields(child)) for child in messages(node, 1)]
            parts.append({text(child.get(2)): integer(child.get(1)) for child in children})
            attributes = [dict(fields(attribute)) for attribute in messages(node, 2)]
            keys.append(next((text(a.get(3)) for a in attributes if text(a.get(1)) == "VARIABLE_VALUE"), ""))
            size += len(keys[-1]) + sum(map(len, parts[-1]))
            if len(parts) > limits.MOST_OBJECTS or size > limits.LARGEST_NAMES:
                raise ModelError(f"its checkpoint has more than {len(parts):,} objects, or too long names")
    except ValueError as error:
        raise ModelError(f"the objects of its checkpoint are damaged: {error}") from None
    if any(number >= len(parts) for inner in parts for number in inner.values()):
        raise ModelError("the objects of its checkpoint are damaged: one is missing")
    return Objects(tuple(parts), tuple(keys), arrays)


def config_text(root: Config) -> str:
    """Return the configuration of the model as JSON."""
    return json.dumps({"class_name": root.get("class_name"), "config": root.get("config")})


def _in_metadata(data: bytes) -> Message | None:
    """Return the description in `keras_metadata.pb`; line ends that git on Windows changed are restored."""
    try:
        nodes = list(_nodes(data))
    except ValueError:
        nodes = list(_nodes(data.replace(b"\r\n", b"\n")))
    return nodes[0] if nodes else None


def _nodes(data: bytes) -> Iterator[Message]:
    for message in messages(memoryview(data), 1):
        node = dict(fields(message))
        if text(node.get(3)) == "root":
            value = node[5]
            if not isinstance(value, int):
                yield value


def _in_program(data: bytes) -> Message | None:
    """Return the description in `saved_model.pb`; up to TensorFlow 2.4 it is with the first object of the graph."""
    for graph in messages(memoryview(data), 2):  # SavedModel.meta_graphs
        for objects in messages(graph, 7):  # MetaGraphDef.object_graph_def
            for node in messages(objects, 1):  # SavedObjectGraph.nodes, the first is the model
                described = (value for user in messages(node, 4) for value in messages(user, 3))
                return next(described, None)  # user_object, metadata
    return None
