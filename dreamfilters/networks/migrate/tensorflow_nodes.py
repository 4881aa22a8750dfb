"""Nodes of TensorFlow programs that TensorFlow 1.14 to 2.3 stored as layers, as calls of its functions.

A `TensorFlowOpLayer` holds the node as the JSON of a `NodeDef` and the inputs that are constants by their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError

Config: TypeAlias = dict[str, Any]

# Nodes that take tensors only, or tensors and the constants that are named here.
_FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Add": ("math.add", ("x", "y")),
    "AddV2": ("math.add", ("x", "y")),
    "BiasAdd": ("nn.bias_add", ("value", "bias")),
    "Sub": ("math.subtract", ("x", "y")),
    "Mul": ("math.multiply", ("x", "y")),
    "RealDiv": ("math.truediv", ("x", "y")),
    "Pow": ("math.pow", ("x", "y")),
    "Maximum": ("math.maximum", ("x", "y")),
    "Minimum": ("math.minimum", ("x", "y")),
    "Relu": ("nn.relu", ("features",)),
    "Relu6": ("nn.relu6", ("features",)),
    "Elu": ("nn.elu", ("features",)),
    "Selu": ("nn.selu", ("features",)),
    "LeakyRelu": ("nn.leaky_relu", ("features",)),
    "Softplus": ("math.softplus", ("features",)),
    "Softsign": ("nn.softsign", ("features",)),
    "Softmax": ("nn.softmax", ("logits",)),
    "Sigmoid": ("math.sigmoid", ("x",)),
    "Tanh": ("math.tanh", ("x",)),
    "Exp": ("math.exp", ("x",)),
    "Log": ("math.log", ("x",)),
    "Sqrt": ("math.sqrt", ("x",)),
    "Rsqrt": ("math.rsqrt", ("x",)),
    "Square": ("math.square", ("x",)),
    "Neg": ("math.negative", ("x",)),
    "Abs": ("math.abs", ("x",)),
    "Mean": ("math.reduce_mean", ("input_tensor", "axis")),
    "Sum": ("math.reduce_sum", ("input_tensor", "axis")),
    "Max": ("math.reduce_max", ("input_tensor", "axis")),
    "Min": ("math.reduce_min", ("input_tensor", "axis")),
    "Reshape": ("reshape", ("tensor", "shape")),
    "Transpose": ("transpose", ("a", "perm")),
    "ExpandDims": ("expand_dims", ("input", "axis")),
    "Pad": ("pad", ("tensor", "paddings")),
}

# Attribute that affects the result -> argument of the function. Other attributes are types and hints.
_ATTRIBUTES = {"alpha": "alpha", "keep_dims": "keepdims", "data_format": "data_format"}
_TYPES = frozenset({"T", "Tidx", "Tshape", "Tperm", "Tdim", "Tpaddings", "_cloned", "N", "dtype", "_output_shapes"})


def function_of(entry: Config) -> str:
    """Return the name of TensorFlow's function for a layer's node, '' if the table has none."""
    return _FUNCTIONS.get(_node(entry)["op"], ("", ()))[0]


def call_of(entry: Config, tensors: list[Any]) -> tuple[list[Any], Config]:
    """Return the (args, kwargs) of the function, given the tensors that the layer is called on.

    Raises:
        ModelError: an attribute that is in no table.
    """
    node, name = _node(entry), entry.get("name")
    constants = {int(place): value for place, value in (entry["config"].get("constants") or {}).items()}
    if not all(isinstance(value, (int, float, list)) for value in constants.values()):
        raise ModelError(f"its layer {name} has a constant that is not a number")
    left = list(tensors)
    inputs = [constants[at] if at in constants else left.pop(0) for at in range(len(tensors) + len(constants))]
    function, names = _FUNCTIONS[node["op"]]
    if len(inputs) != len(names):
        raise ModelError(f"its layer {name} calls {function} on {len(inputs)} arguments instead of {len(names)}")
    kwargs = dict(zip(names, inputs, strict=True))
    for key, value in node.get("attr", {}).items():
        if key in _ATTRIBUTES:
            kwargs[_ATTRIBUTES[key]] = _plain(value)
        elif key not in _TYPES:
            raise ModelError(f"its layer {name} is a node with the attribute {key!r}, which is unknown")
    return [], kwargs


def _node(entry: Config) -> Mapping[str, Any]:
    node = entry["config"].get("node_def")
    if not isinstance(node, Mapping) or not isinstance(node.get("op"), str):
        raise ModelError(f"its layer {entry.get('name')} is a node of a TensorFlow program in an unknown form")
    return node


def _plain(value: Any) -> Any:
    """Return the value of an attribute from its JSON: {'f': 0.1}, {'b': True}, {'s': base64}, {} for false."""
    if isinstance(value, Mapping):
        if "s" in value:
            return {"TkhXQw==": "NHWC", "TkNIVw==": "NCHW"}.get(str(value["s"]), str(value["s"]))
        return next(iter(value.values()), False)
    return value
