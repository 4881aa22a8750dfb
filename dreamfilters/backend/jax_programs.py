"""Programs that XLA compiles from functions that read variables of Keras, or assign them."""

from collections.abc import Callable
from typing import Any

import jax
import keras


class _Recorder(keras.StatelessScope):  # type: ignore[misc]  # Keras ships no types
    """A scope that records which variables are read and which are assigned."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, keras.Variable] = {}
        self.assigned: dict[int, keras.Variable] = {}

    def get_current_value(self, variable: keras.Variable) -> Any:
        """Return the value that a function under this scope sees, None for that of the variable itself."""
        self.read[id(variable)] = variable
        return super().get_current_value(variable)

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        """Record that a variable gets a value; the variable itself keeps its own."""
        self.assigned[id(update[0])] = update[0]
        super().add_update(update)


def compiled(function: Callable[..., Any], tensor: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return `function` compiled for each set of shapes of its arguments; `tensor` converts them."""
    programs: dict[Any, Callable[[Any], Any]] = {}

    def call(*arguments: Any) -> Any:
        arguments = jax.tree.map(tensor, arguments)
        leaves, structure = jax.tree.flatten(arguments)
        key = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in programs:
            programs[key] = _program(function, arguments)
        return programs[key](arguments)

    return call


def _program(function: Callable[..., Any], arguments: Any) -> Callable[[Any], Any]:
    with _Recorder() as found:
        jax.eval_shape(function, *arguments)
    read, assigned = list(found.read.values()), list(found.assigned.values())

    def run(values: list[Any], arguments: Any) -> Any:
        with keras.StatelessScope(list(zip(read, values, strict=True))) as scope:
            result = function(*arguments)
            return result, [scope.get_current_value(variable) for variable in assigned]

    program = jax.jit(run)

    def call(arguments: Any) -> Any:
        result, updates = program([variable.value for variable in read], arguments)
        for variable, value in zip(assigned, updates, strict=True):
            variable.assign(value)
        return result

    return call
