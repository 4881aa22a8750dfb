"""A model as one flat list of steps, run up to what is watched, without a trace on the user's model.

Keras cannot reach into a nested model ("output is not connected"), returns the first call of a shared layer whichever is
meant, and refuses other sizes than the one it was built for. So the graph is walked here once, nested models inlined,
and each step is run through a *twin* of its layer: another object over the same weights, whose checks and activation
can be changed while the user's stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.errors import ModelError

Tensor: TypeAlias = Any
Ref: TypeAlias = tuple[int, int]  # (step, output); step -1 is the model's input

LOGITS = "logits!"  # what enters the last softmax; no layer can be called so, Keras would quote it "logits_"

_INLINE = (
    layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose,
    layers.Conv2DTranspose, layers.Conv3DTranspose, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    layers.SeparableConv1D, layers.SeparableConv2D,
)  # fmt: skip
_ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax)
_SQUASHING = ("softmax", "sigmoid", "log_softmax")


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one layer or operation in the flattened graph."""

    name: str
    operation: Any
    arguments: Any  # keras' record of the call, with placeholders for tensors
    refs: dict[int, Ref]  # id of a placeholder -> where its value comes from
    shape: tuple[int | None, ...]  # of the first output, with the batch axis

    @property
    def inputs(self) -> tuple[Ref, ...]:
        """Return where the tensors it is called with come from."""
        return tuple(self.refs.values())

    @property
    def activation(self) -> str:
        """Return the name of its nonlinearity, "" if it has none of its own."""
        if isinstance(self.operation, (*_INLINE, layers.Activation)):
            function = self.operation.activation
            return str(getattr(function, "__name__", None) or getattr(function, "name", type(function).__name__))
        if isinstance(self.operation, layers.ReLU):
            return "relu6" if self.operation.max_value == 6 else "relu"
        if isinstance(self.operation, _ACTIVATIONS):
            return type(self.operation).__name__.lower()
        return ""


@dataclass(frozen=True, eq=False)
class Graph:
    """The flattened model."""

    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]
    index: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index.update({step.name: number for number, step in enumerate(self.steps)})

    def ancestors(self, numbers: Iterable[int]) -> list[int]:
        """Return the steps that these need, themselves included, in running order."""
        needed: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number >= 0 and number not in needed:
                needed.add(number)
                waiting += [ref[0] for ref in self.steps[number].inputs]
        return sorted(needed)

    def logits(self) -> tuple[Ref, bool]:
        """Return where the logits are: a reference, and whether its step's own activation must be left out."""
        ref = self.outputs[0]
        step = self.steps[ref[0]]
        if isinstance(step.operation, _ACTIVATIONS) and step.activation in _SQUASHING:
            return step.inputs[0], False
        return ref, isinstance(step.operation, _INLINE) and step.activation in _SQUASHING

    def has_linear(self, name: str) -> bool:
        """Return whether a layer has an activation that can be left out."""
        if name == LOGITS:
            return False
        step = self.steps[self.index[name]]
        return isinstance(step.operation, (*_INLINE, *_ACTIVATIONS)) and step.activation not in ("linear", "")

    def has_relu(self) -> bool:
        """Return whether any step clips at zero, as ReLU does."""
        return any(_relu_ceiling(step) is not None for step in self.steps)


def flatten(model: keras.Model) -> Graph:
    """Walk a functional or sequential model into a graph.

    Raises:
        ModelError: a subclassed model has no graph, an unbuilt one no shapes.
    """
    functional = _functional(model)
    steps: list[Step] = []
    origins = {id(tensor): (-1, number) for number, tensor in enumerate(functional.inputs)}
    outputs = _walk(functional, "", origins, steps)
    counts = Counter(step.name for step in steps)
    calls: Counter[str] = Counter()
    named = []
    for step in steps:
        name = f"{step.name}:{calls[step.name]}" if counts[step.name] > 1 else step.name
        calls[step.name] += 1
        named.append(Step(name, step.operation, step.arguments, step.refs, step.shape))
    return Graph(tuple(named), tuple(outputs))


def _functional(model: Any) -> Any:
    """Return the functional model behind a model."""
    inner = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    if inner is None:
        raise ModelError(f"model {model.name!r} is not built: its input shape is unknown; give it a keras.Input first")
    if not hasattr(inner, "_nodes_by_depth"):
        raise ModelError(
            f"model {model.name!r} is a {type(model).__name__}, which has no graph of layers; "
            "only functional and sequential models can be looked into"
        )
    return inner


def _walk(functional: Any, prefix: str, origins: dict[int, Ref], steps: list[Step]) -> list[Ref]:
    """Append the steps of a model whose inputs come from `origins`; return where its outputs come from.

    The order is the one that Keras runs a model in. It is private there (`Function._run_through_graph`), but public
    means such as `clone_model` add nodes to the user's layers and do not enter models nested twice.
    """
    for depth in sorted(functional._nodes_by_depth, reverse=True):
        for node in functional._nodes_by_depth[depth]:
            if not node.operation or node.is_input:
                continue
            if any(id(tensor) not in origins for tensor in node.input_tensors):
                continue
            refs = {id(tensor): origins[id(tensor)] for tensor in node.input_tensors}
            name = prefix + node.operation.name
            if isinstance(node.operation, keras.Model):
                inner = _functional(node.operation)
                inside = {id(a): refs[id(b)] for a, b in zip(inner.inputs, node.input_tensors, strict=True)}
                found = _walk(inner, f"{name}/", inside, steps)
            else:
                shape = tuple(node.outputs[0].shape)
                steps.append(Step(name, node.operation, node.arguments, refs, shape))
                found = [(len(steps) - 1, number) for number in range(len(node.outputs))]
            origins.update({id(tensor): ref for tensor, ref in zip(node.outputs, found, strict=True)})
    return [origins[id(tensor)] for tensor in functional.outputs]


def watch(
    graph: Graph, names: frozenset[str], *, linear: frozenset[str] = frozenset(), relaxed: bool = False
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return a function from the network's input to the activations of these layers, float32, channels last.

    Only what they need is run. For a layer in `linear` the value before its activation is returned, while what flows on
    is unchanged. `relaxed` lets a gradient pass the ReLUs of a picture that has none otherwise (Lucid).
    """
    sources: dict[str, tuple[Ref, bool]] = {}
    for name in names:
        if name == LOGITS:
            sources[name] = graph.logits()
        elif name in linear:
            sources[name] = _before_activation(graph, name)
        else:
            sources[name] = ((graph.index[name], 0), False)
    needed = graph.ancestors(ref[0] for ref, _ in sources.values())
    bare = {ref[0] for ref, without in sources.values() if without}
    twins = {number: _runner(graph.steps[number], relaxed=relaxed) for number in needed}
    straight = {number: _runner(graph.steps[number], linear=True) for number in bare}

    def run(tensor: Tensor) -> dict[str, Tensor]:
        values: dict[Ref, Tensor] = {(-1, 0): tensor}
        before: dict[int, Tensor] = {}
        for number in needed:
            step = graph.steps[number]
            args, kwargs = step.arguments.fill_in({key: values[ref] for key, ref in step.refs.items()})
            if number in bare:
                before[number] = straight[number](*args, **kwargs)
            for output, value in enumerate(keras.tree.flatten(twins[number](*args, **kwargs))):
                values[number, output] = value
        return {name: _shown(before[ref[0]] if without else values[ref], graph, ref)
                for name, (ref, without) in sources.items()}  # fmt: skip

    return run


def _shown(value: Tensor, graph: Graph, ref: Ref) -> Tensor:
    value = ops.cast(value, "float32")
    if len(value.shape) == 4 and channels_first(graph, ref[0]):
        return ops.transpose(value, (0, 2, 3, 1))
    return value


def channels_first(graph: Graph, number: int) -> bool:
    """Return whether a step's maps lie channels first: as its own layer says, or the nearest one before it."""
    while number >= 0:
        layout = getattr(graph.steps[number].operation, "data_format", None)
        if layout is not None:
            return bool(layout == "channels_first")
        inputs = graph.steps[number].inputs
        number = inputs[0][0] if inputs else -1
    return False


def _before_activation(graph: Graph, name: str) -> tuple[Ref, bool]:
    step = graph.steps[graph.index[name]]
    if isinstance(step.operation, _INLINE):
        return (graph.index[name], 0), True
    if isinstance(step.operation, _ACTIVATIONS):
        return step.inputs[0], False
    raise ModelError(f"{name}: a {type(step.operation).__name__} has no activation of its own to leave out")


def _runner(step: Step, *, linear: bool = False, relaxed: bool = False) -> Callable[..., Any]:
    """Return what runs a step: a twin of its layer, or the operation itself."""
    operation = step.operation
    ceiling = _relu_ceiling(step) if relaxed else None
    if ceiling is not None and not isinstance(operation, _INLINE):
        return _relaxed_relu(ceiling)
    if isinstance(operation, layers.Dropout):
        return lambda tensor, *_, **__: tensor
    if not isinstance(operation, keras.Layer):
        return operation  # type: ignore[no-any-return]
    twin = _twin(operation)
    if linear:
        twin.__dict__["activation"] = keras.activations.linear
    elif ceiling is not None:
        twin.__dict__["activation"] = _relaxed_relu(ceiling)
    call = _steady_dense(twin) if isinstance(operation, layers.Dense) else twin
    if operation._call_has_training_arg:
        return lambda *args, **kwargs: call(*args, **{**kwargs, "training": False})
    return call


def _twin(layer: keras.Layer) -> Any:
    """Return another object over the same weights, without the checks that bind it to one input size."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__["input_spec"] = None
    twin.__dict__["activity_regularizer"] = None  # it would append to the losses of the user's layer
    return twin


_STEADY_ROWS = 16


def _steady_dense(twin: Any) -> Callable[..., Tensor]:
    """Give a dense layer at least 16 rows: fewer take another path through the matrix kernels and round otherwise.

    So a picture comes out the same to the byte alone and in any batch.
    """

    def call(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        rows = tensor.shape[0]
        if len(tensor.shape) != 2 or rows is None or rows >= _STEADY_ROWS:
            return twin(tensor, *args, **kwargs)
        return twin(ops.pad(tensor, ((0, _STEADY_ROWS - rows), (0, 0))), *args, **kwargs)[:rows]

    return call


def _relu_ceiling(step: Step) -> float | None:
    """Return where a ReLU's ramp ends (infinity, or 6), None if the step is no ReLU."""
    operation = step.operation
    if isinstance(operation, layers.ReLU):
        plain = not operation.negative_slope and not operation.threshold
        return (float("inf") if operation.max_value is None else float(operation.max_value)) if plain else None
    name = step.activation or getattr(type(operation), "__name__", "").lower()
    return {"relu": float("inf"), "relu6": 6.0}.get(name)


def _relaxed_relu(ceiling: float) -> Callable[..., Tensor]:
    """Return a ReLU that lets a gradient through where every way is blocked (Lucid, misc/redirected_relu_grad.py).

    For a picture whose true gradient at this layer is zero everywhere, the gradient passes in all places but those where
    it would push a silent unit lower, or a saturated one higher. For ascent: up is along the gradient.
    """

    @backend.custom_gradient
    def relu(x: Tensor) -> Any:
        y = ops.minimum(ops.relu(x), ceiling)

        def back(dy: Tensor) -> Tensor:
            below, above = x < 0, x > ceiling
            true = ops.where(ops.logical_or(x <= 0, x >= ceiling), ops.zeros_like(dy), dy)
            worse = ops.logical_or(ops.logical_and(below, dy < 0), ops.logical_and(above, dy > 0))
            redirected = ops.where(worse, ops.zeros_like(dy), dy)
            axes = tuple(range(1, len(x.shape)))
            blocked = ops.max(ops.abs(true), axis=axes, keepdims=True) == 0
            return ops.where(blocked, redirected, true)

        return y, back

    return lambda x, *_, **__: relu(x)
