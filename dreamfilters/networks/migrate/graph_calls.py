"""The calls in a stored functional graph, including functions of TensorFlow, in the format of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError
from dreamfilters.networks.migrate import tensorflow_ops

Config: TypeAlias = dict[str, Any]
AddChange: TypeAlias = Callable[[str], None]

_CONSTANT = "_CONSTANT_VALUE"
_NODE = "TensorFlowOpLayer"
FUNCTIONAL = ("Functional", "Model", "Network", "Container")  # the class names of functional models


@dataclass(frozen=True)
class Reference:
    """The `tensor`-th output of the `call`-th call of a layer, calls counted from 0."""

    layer: str
    call: int
    tensor: int


def is_operation(entry: Config) -> bool:
    """Return whether an entry is a function of TensorFlow, not a layer."""
    return entry.get("class_name") in ("TFOpLambda", "SlicingOpLambda", _NODE)


def operation(entry: Config) -> Config:
    """Return the operation of Keras that replaces a function of TensorFlow; its call sets its settings."""
    function = _function(entry)
    found = tensorflow_ops.find(function)
    if found is None:
        raise ModelError(
            f"its layer {entry.get('name')} calls TensorFlow's {function}, which has no counterpart in Keras 3; "
            "only TensorFlow 2.15 or older can open it"
        )
    return {"module": found.module, "class_name": found.class_name, "config": {}, "registered_name": found.class_name}


def _function(entry: Config) -> str:
    """Return the name of the TensorFlow function that an entry calls."""
    if entry["class_name"] == _NODE:
        return tensorflow_ops.function_of(entry) or str(entry["config"]["node_def"]["op"])
    return str(entry["config"].get("function", ""))


def wire(
    stored: Sequence[Config], layers: Sequence[Config], inputs: Any, outputs: Any, *, add_change: AddChange
) -> Config:
    """Return the settings of a Functional model: its layers with their calls, its inputs and outputs.

    Raises:
        ModelError: the graph is not one that Keras writes.
    """
    graph = _Graph(stored, layers, outputs)
    wired = []
    for entry, layer in zip(stored, layers, strict=True):
        nodes = [graph.call(entry, layer, node) for node in entry.get("inbound_nodes", [])]
        wired.append({**layer, "inbound_nodes": [{"args": args, "kwargs": kwargs} for args, kwargs in nodes]})
    for entry, layer in zip(stored, wired, strict=True):
        if is_operation(entry):
            add_change(f"TensorFlow's {_function(entry)} became the operation {layer['class_name']}")
            layer["config"]["name"] = layer["name"]
    return {"layers": wired, "input_layers": graph.ends(inputs), "output_layers": graph.ends(outputs)}


class _Graph:
    """The new name of each layer, and the number at which its calls start."""

    def __init__(self, stored: Sequence[Config], layers: Sequence[Config], outputs: Any) -> None:
        self.names = {
            str(entry.get("name", entry["config"].get("name"))): layer["name"]
            for entry, layer in zip(stored, layers, strict=True)
        }
        if len(self.names) != len(layers):
            raise ModelError("two of its layers have the same name")
        self.kinds = {layer["name"]: layer["class_name"] for layer in layers}
        self.first = dict.fromkeys(self.names, 0)
        # Most versions of Keras count the call that builds a nested model, some do not count that of a Sequential.
        calls = {str(entry.get("name")): len(entry.get("inbound_nodes", [])) for entry in stored}
        nested = {str(b.get("name")) for b in stored if b.get("class_name") in (*FUNCTIONAL, "Sequential")}
        for name in nested:
            used = self._used([outputs, *(b.get("inbound_nodes", []) for b in stored)], name)
            self.first[name] = 0 if 0 in used and max(used) < calls[name] else 1

    def _used(self, value: Any, name: str) -> set[int]:
        if self._is_reference(value):
            return {value[1]} if value[0] == name else set()
        if isinstance(value, Mapping):
            value = list(value.values())
        return set().union(*(self._used(one, name) for one in value)) if isinstance(value, list) else set()

    def _is_reference(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in self.names
            and all(isinstance(number, int) and not isinstance(number, bool) for number in value[1:3])
        )

    def call(self, entry: Config, layer: Config, node: Any) -> tuple[list[Any], Config]:
        """Return the arguments of one call."""
        args, kwargs = self._arguments(entry, node)
        if is_operation(entry):
            if entry["class_name"] == _NODE:
                tensors = args[0] if isinstance(args[0], list) else args
                args, kwargs = [], tensorflow_ops.node_arguments(entry, tensors)
            args, kwargs, settings = tensorflow_ops.arguments(_function(entry), layer["name"], args, kwargs)
            known = {key: value for key, value in layer["config"].items() if key != "name"}
            if known and known != settings:
                raise ModelError(f"its layer {layer['name']} is called with two settings: {known} and {settings}")
            layer["config"].update(settings)
        return self._written(args), self._written(kwargs)

    def _arguments(self, entry: Config, node: Any) -> tuple[list[Any], Config]:
        if isinstance(node, Mapping):
            return [{key: self._reference(value) for key, value in node.items()}], {}
        if not isinstance(node, list) or not node:
            raise ModelError(f"its layer {entry.get('name')} is called on nothing")
        items = [node] if isinstance(node[0], str) else node
        settings_of_calls = [item[3] for item in items if len(item) == 4 and isinstance(item[3], Mapping)]
        if any(settings != settings_of_calls[0] for settings in settings_of_calls):
            raise ModelError(f"its layer {entry.get('name')} is called with two settings at once")
        kwargs = settings_of_calls[0] if settings_of_calls else {}
        first = [self._replaced(item[2]) if item[0] == _CONSTANT else self._reference(item[:3]) for item in items]
        settings = {key: self._replaced(value) for key, value in kwargs.items() if value is not None}
        return [first[0] if len(first) == 1 else first], settings

    def _reference(self, value: Any) -> Reference:
        if not self._is_reference(value):
            raise ModelError(f"its graph refers to {str(value)[:60]}, which is not one of its layers")
        return Reference(self.names[value[0]], value[1] - self.first[value[0]], value[2])

    def _replaced(self, value: Any) -> Any:
        if self._is_reference(value):
            return self._reference(value)
        if isinstance(value, Mapping):
            if value.get("class_name", "__ellipsis__") != "__ellipsis__":  # Keras would build it
                raise ModelError(f"its graph calls a layer with an object, a {value['class_name']}")
            return {key: self._replaced(inner) for key, inner in value.items()}
        return [self._replaced(inner) for inner in value] if isinstance(value, list) else value

    def _written(self, value: Any) -> Any:
        if isinstance(value, Reference):
            history = [value.layer, value.call, value.tensor]
            config = {"shape": [], "dtype": "float32", "keras_history": history}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, Mapping):
            return {key: self._written(inner) for key, inner in value.items()}
        return [self._written(inner) for inner in value] if isinstance(value, list) else value

    def ends(self, value: Any) -> Any:
        """Return the inputs or outputs of the model; a single one is not a list, because the model is called on it."""
        if self._is_reference(value):
            found = self._reference(value)
            counted = found.call + (self.kinds[found.layer] == "Functional")  # Keras 3 subtracts it here
            return [found.layer, counted, found.tensor]
        if isinstance(value, Mapping):
            return {key: self.ends(inner) for key, inner in value.items()}
        if not isinstance(value, list) or not value:
            raise ModelError("its graph has no inputs or no outputs")
        return self.ends(value[0]) if len(value) == 1 else [self.ends(inner) for inner in value]
