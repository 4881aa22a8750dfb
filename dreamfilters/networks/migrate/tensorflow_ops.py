"""Functions and nodes of TensorFlow that functional graphs store as layers, and the operation of Keras for each.

A `TensorFlowOpLayer`, of TensorFlow 1.14 to 2.3, holds a node as the JSON of a `NodeDef`, and its constant inputs by
their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError

Config: TypeAlias = dict[str, Any]

_NUMPY, _NN, _CORE, _IMAGE, _MATH = (f"keras.src.ops.{module}" for module in ("numpy", "nn", "core", "image", "math"))


@dataclass(frozen=True)
class Operation:
    """The operation of Keras for a function of TensorFlow.

    Attributes:
        class_name: of the operation.
        module: the module of the class.
        inputs: TensorFlow's names of the inputs, in order.
        settings: TensorFlow's argument -> the operation's setting.
        defaults: TensorFlow's defaults where they differ from the operation's.
        neutral: argument -> the values at which it changes nothing.
    """

    class_name: str
    module: str = _NUMPY
    inputs: tuple[str, ...] = ("x",)
    settings: Mapping[str, str] | None = None
    defaults: Mapping[str, Any] | None = None
    neutral: Mapping[str, tuple[Any, ...]] | None = None


_OPERANDS = ("x", "y")
_REDUCED = {"axis": "axis", "keepdims": "keepdims", "keep_dims": "keepdims", "reduction_indices": "axis"}


def _binary(class_name: str) -> Operation:
    return Operation(class_name, inputs=_OPERANDS)


def _reduction(class_name: str) -> Operation:
    return Operation(class_name, inputs=("input_tensor",), settings=_REDUCED)


_NAMED: dict[str, Operation] = {
    **{
        f"math.{class_name.lower()}": _binary(class_name)
        for class_name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
    },
    "__operators__.add": _binary("Add"),
    "math.truediv": _binary("TrueDivide"),
    "math.divide": _binary("TrueDivide"),
    "math.pow": _binary("Power"),
    "nn.bias_add": Operation(
        "Add", inputs=("value", "bias"), neutral={"data_format": ("NHWC", "N...C", "channels_last")}
    ),
    **{
        f"math.reduce_{class_name.lower()}": _reduction(class_name)
        for class_name in ("Mean", "Sum", "Max", "Min", "Prod", "Std")
    },
    "math.reduce_variance": _reduction("Var"),
    **{
        f"math.{class_name.lower()}": Operation(class_name)
        for class_name in ("Negative", "Square", "Sqrt", "Exp", "Log", "Tanh")
    },
    "math.abs": Operation("Absolute"),
    "math.rsqrt": Operation("Rsqrt", _MATH),
    "math.sigmoid": Operation("Sigmoid", _NN),
    "math.softplus": Operation("Softplus", _NN, inputs=("features",)),
    **{
        f"nn.{class_name.lower()}": Operation(class_name, _NN, inputs=("features",))
        for class_name in ("Relu", "Relu6", "Elu", "Selu", "Softsign")
    },
    "nn.silu": Operation("Silu", _NN, inputs=("features",), neutral={"beta": (1, 1.0)}),
    "nn.leaky_relu": Operation(
        "LeakyRelu", _NN, inputs=("features",), settings={"alpha": "negative_slope"}, defaults={"alpha": 0.2}
    ),
    "nn.gelu": Operation(
        "Gelu", _NN, inputs=("features",), settings={"approximate": "approximate"}, defaults={"approximate": False}
    ),
    "nn.softmax": Operation("Softmax", _NN, inputs=("logits",), settings={"axis": "axis", "dim": "axis"}),
    "nn.log_softmax": Operation("LogSoftmax", _NN, inputs=("logits",), settings={"axis": "axis", "dim": "axis"}),
    "linalg.l2_normalize": Operation(
        "Normalize", _NN, settings={"axis": "axis", "epsilon": "epsilon", "dim": "axis"}, defaults={"epsilon": 1e-12}
    ),
    "concat": Operation("Concatenate", inputs=("values",), settings={"axis": "axis"}),
    "stack": Operation("Stack", inputs=("values",), settings={"axis": "axis"}),
    "reshape": Operation("Reshape", inputs=("tensor",), settings={"shape": "newshape"}),
    "transpose": Operation("Transpose", inputs=("a",), settings={"perm": "axes"}, neutral={"conjugate": (False,)}),
    "expand_dims": Operation("ExpandDims", inputs=("input",), settings={"axis": "axis", "dim": "axis"}),
    "squeeze": Operation("Squeeze", inputs=("input",), settings={"axis": "axis", "squeeze_dims": "axis"}),
    "tile": Operation("Tile", inputs=("input",), settings={"multiples": "repeats"}),
    "reverse": Operation("Flip", inputs=("tensor",), settings={"axis": "axis"}),
    "pad": Operation(
        "Pad",
        inputs=("tensor",),
        settings={"paddings": "pad_width", "mode": "mode"},
        neutral={"constant_values": (0, 0.0)},
    ),
    "clip_by_value": Operation("Clip", inputs=("t",), settings={"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "cast": Operation("Cast", _CORE, settings={"dtype": "dtype"}),
    "stop_gradient": Operation("StopGradient", _CORE, inputs=("input",)),
    "image.resize": Operation(
        "Resize",
        _IMAGE,
        inputs=("images",),
        settings={"size": "size", "method": "interpolation", "antialias": "antialias"},
        defaults={"data_format": "channels_last"},
        neutral={"preserve_aspect_ratio": (False,)},
    ),
    "__operators__.getitem": Operation("GetItem", inputs=("tensor", "slice_spec")),
}

_ALIASES = {
    **{name: f"math.{name}" for name in ("add", "subtract", "multiply", "truediv", "divide", "maximum", "minimum")},
    **{name: f"math.{name}" for name in ("abs", "exp", "pow", "sqrt", "square", "negative", "sigmoid", "tanh")},
    **{name: f"math.{name}" for name in ("reduce_mean", "reduce_sum", "reduce_max", "reduce_min")},
    **{f"nn.{name}": f"math.{name}" for name in ("sigmoid", "tanh", "softplus")},
    "__operators__.truediv": "math.truediv",
    "__operators__.mul": "math.multiply",
    "__operators__.sub": "math.subtract",
    "nn.swish": "nn.silu",
    "nn.l2_normalize": "linalg.l2_normalize",
    "math.l2_normalize": "linalg.l2_normalize",
    "math.softmax": "nn.softmax",
    "image.resize_images": "image.resize",
    "image.resize_v2": "image.resize",
}

# Node -> the function that computes the same. Its inputs are those of the function and the argument in `_CONSTANTS`.
_FUNCTIONS = {
    **{op: f"math.{op.lower()}" for op in ("Add", "Pow", "Maximum", "Minimum", "Softplus", "Sigmoid", "Tanh")},
    **{op: f"math.{op.lower()}" for op in ("Exp", "Log", "Sqrt", "Rsqrt", "Square", "Abs")},
    **{op: f"math.reduce_{op.lower()}" for op in ("Mean", "Sum", "Max", "Min")},
    **{op: f"nn.{op.lower()}" for op in ("Relu", "Relu6", "Elu", "Selu", "Softsign", "Softmax")},
    "AddV2": "math.add",
    "BiasAdd": "nn.bias_add",
    "Sub": "math.subtract",
    "Mul": "math.multiply",
    "RealDiv": "math.truediv",
    "Neg": "math.negative",
    "LeakyRelu": "nn.leaky_relu",
    "Reshape": "reshape",
    "Transpose": "transpose",
    "ExpandDims": "expand_dims",
    "Pad": "pad",
}
_CONSTANTS = {
    **dict.fromkeys(("Mean", "Sum", "Max", "Min", "ExpandDims"), "axis"),
    "Reshape": "shape",
    "Transpose": "perm",
    "Pad": "paddings",
}
# Attribute that affects the result -> argument of the function. Other attributes are types and hints.
_ATTRIBUTES = {"alpha": "alpha", "keep_dims": "keepdims", "data_format": "data_format"}
_TYPES = frozenset({"T", "Tidx", "Tshape", "Tperm", "Tdim", "Tpaddings", "_cloned", "N", "dtype", "_output_shapes"})


def find(function: str) -> Operation | None:
    """Return the operation for a function of TensorFlow, None if the table has none.

    >>> find("compat.v1.nn.relu").class_name
    'Relu'
    """
    first_api = function.startswith("compat.v1.")
    name = function.removeprefix("compat.v1.")
    if first_api and name.startswith("image."):
        return None  # the resizing of TensorFlow 1 used other sample positions
    return _NAMED.get(_ALIASES.get(name, name))


def arguments(function: str, name: str, args: list[Any], kwargs: Config) -> tuple[list[Any], Config, Config]:
    """Return (args, kwargs, settings) of the operation for a call of TensorFlow's function.

    Raises:
        ModelError: an argument that the operation has no counterpart for.
    """
    found = find(function)
    if found is None:
        raise ModelError(f"its layer {name} calls TensorFlow's {function}, which is not in the table")
    given: Config = {**(found.defaults or {}), **dict(zip(found.inputs, args, strict=False)), **kwargs}
    given.pop("name", None)
    if len(args) > len(found.inputs):
        raise ModelError(f"its layer {name} calls {function} on {len(args)} arguments instead of {len(found.inputs)}")
    for key in [key for key in given if key in (found.neutral or {})]:
        value = given.pop(key)
        if value not in (found.neutral or {})[key]:
            raise ModelError(f"its layer {name} calls {function} with {key}={value!r}, which Keras 3 does not support")
    try:
        called = [given.pop(key) for key in found.inputs]
    except KeyError as missing:
        raise ModelError(f"its layer {name} calls {function} without {missing}") from None
    settings = {(found.settings or {}).get(key, key): value for key, value in given.items()}
    known = {*(found.settings or {}).values(), *(found.defaults or {})}
    for key in settings:
        if key not in known:
            raise ModelError(f"its layer {name} calls {function} with {key!r}, which is unknown")
    return _called(found, called), {}, _settled(found, settings)


def _called(found: Operation, called: list[Any]) -> list[Any]:
    if found.class_name == "GetItem":
        spec = called[1] if isinstance(called[1], list) else [called[1]]
        return [called[0], [_slice(part) for part in spec]]
    if found.inputs == ("values",):
        return called
    return [_constant(value) if isinstance(value, list) else value for value in called]


def _constant(numbers: list[Any]) -> Config:
    return {"class_name": "__numpy__", "config": {"value": numbers, "dtype": "float32"}}


def _slice(part: Any) -> Any:
    if isinstance(part, Mapping) and part.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(part, Mapping) and set(part) <= {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": {key: part.get(key) for key in ("start", "stop", "step")}}
    if part is None or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    raise ModelError(f"its graph is sliced by {str(part)[:40]}, which Keras 3 does not support")


def _settled(found: Operation, settings: Config) -> Config:
    if found.class_name == "Pad":
        settings["mode"] = str(settings.get("mode", "constant")).lower()
    if found.class_name == "Normalize":
        settings["order"] = 2
        settings["epsilon"] = float(settings["epsilon"]) ** 0.5  # TensorFlow's epsilon bounds the square
    if found.class_name in ("Squeeze", "Normalize") and isinstance(settings.get("axis"), list):
        axes = settings["axis"]
        settings["axis"] = axes[0] if len(axes) == 1 else tuple(axes)
    return settings


def function_of(entry: Config) -> str:
    """Return the name of TensorFlow's function for a layer's node, '' if the table has none."""
    return _FUNCTIONS.get(_node(entry)["op"], "")


def node_arguments(entry: Config, tensors: list[Any]) -> Config:
    """Return the arguments of the function by name, given the tensors that the layer is called on.

    Raises:
        ModelError: the number of inputs is not that of the function, or an attribute is in no table.
    """
    node, name = _node(entry), entry.get("name")
    constants = {int(number): value for number, value in (entry["config"].get("constants") or {}).items()}
    if not all(isinstance(value, (int, float, list)) for value in constants.values()):
        raise ModelError(f"its layer {name} has a constant that is not a number")
    left = list(tensors)
    inputs = [constants[n] if n in constants else left.pop(0) for n in range(len(tensors) + len(constants))]
    function = _FUNCTIONS[node["op"]]
    names = _NAMED[function].inputs + ((_CONSTANTS[node["op"]],) if node["op"] in _CONSTANTS else ())
    if len(inputs) != len(names):
        raise ModelError(f"its layer {name} calls {function} on {len(inputs)} arguments instead of {len(names)}")
    kwargs = dict(zip(names, inputs, strict=True))
    for key, value in node.get("attr", {}).items():
        if key in _ATTRIBUTES:
            kwargs[_ATTRIBUTES[key]] = _plain(value)
        elif key not in _TYPES:
            raise ModelError(f"its layer {name} is a node with the attribute {key!r}, which is unknown")
    return kwargs


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
