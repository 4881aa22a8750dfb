"""Programs that XLA compiles from functions that read variables of Keras, or assign them, for one device or several."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

Run: TypeAlias = Callable[..., Any]

_IMAGES = "images"  # the axis of the devices: each computes an equal part of the images of a batch
_ALL, _ROWS, _COLUMNS = PartitionSpec(), PartitionSpec(_IMAGES), PartitionSpec(None, _IMAGES)


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


def compiled(
    function: Run,
    tensor: Callable[[Any], Any],
    *,
    devices: Callable[[], int] = lambda: 1,
    group: int = 1,
    shared: int = 0,
    columns: int = 0,
) -> Run:
    """Return `function` compiled for each set of shapes of its arguments; `tensor` converts them.

    Args:
        function: of several devices, each computes it on its own part of the images: there, the arguments are nested
            tensors with one row per image, except for the last ones, see `shared`.
        tensor: converts each argument.
        devices: how many devices share the images, if they can get equal numbers of whole groups; read at each call.
        group: number of consecutive images that are computed together.
        shared: number of arguments at the end that are the same for all images.
        columns: number of results at the end that have one column per image, (k, n), not one row.
    """
    programs: dict[Any, Callable[[Any], Any]] = {}

    def call(*arguments: Any) -> Any:
        arguments = jax.tree.map(tensor, arguments)
        leaves, structure = jax.tree.flatten(arguments)
        count = devices()
        count = count if count > 1 and leaves[0].shape[0] % (count * group) == 0 else 1
        key = structure, count, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in programs:
            programs[key] = _program(function, arguments, count, shared, columns)
        return programs[key](arguments)

    return call


def _program(function: Run, arguments: Any, devices: int, shared: int, columns: int) -> Callable[[Any], Any]:
    with _Recorder() as found:
        outputs = jax.eval_shape(function, *arguments)
    read, assigned = list(found.read.values()), list(found.assigned.values())

    def run(values: list[Any], arguments: Any) -> Any:
        with keras.StatelessScope(list(zip(read, values, strict=True))) as scope, products_in_float32():
            result = function(*arguments)
            return result, [scope.get_current_value(variable) for variable in assigned]

    if devices == 1:
        program, weights = jax.jit(run), _Weights(None)
    else:
        mesh = Mesh(np.array(jax.local_devices()[:devices]), (_IMAGES,))
        rows = (_ROWS,) * (len(arguments) - shared) + (_ALL,) * shared
        results = (_ROWS,) * (len(outputs) - columns) + (_COLUMNS,) * columns if columns else _ROWS
        # each device computes its images alone, with the program that it would run for these images alone
        part = jax.shard_map(run, mesh=mesh, in_specs=(_ALL, rows), out_specs=(results, _ALL), check_vma=False)
        program, weights = jax.jit(part), _Weights(NamedSharding(mesh, _ALL))

    def call(arguments: Any) -> Any:
        result, updates = program(weights.of(read), arguments)
        for variable, value in zip(assigned, updates, strict=True):
            variable.assign(value)
        return result

    return call


class _Weights:
    """The values of variables on all devices; a value is copied once, not at each call."""

    def __init__(self, sharding: NamedSharding | None) -> None:
        self.sharding = sharding
        self._copies: dict[int, tuple[Any, Any]] = {}  # variable -> its value, and the copy

    def of(self, variables: list[keras.Variable]) -> list[Any]:
        values = [variable.value for variable in variables]
        if self.sharding is None:
            return values
        for variable, value in zip(variables, values, strict=True):
            if id(variable) not in self._copies or self._copies[id(variable)][0] is not value:
                self._copies[id(variable)] = value, jax.device_put(value, self.sharding)
        return [self._copies[id(variable)][1] for variable in variables]


def products_in_float32() -> AbstractContextManager[Any]:
    """Return a context in which products of float32 numbers are computed in float32, not with fewer bits (TF32).

    The user's own setting of JAX counts. A CPU computes in float32 in any case.
    """
    if jax.default_backend() == "cpu" or jax.config.jax_default_matmul_precision is not None:
        return nullcontext()
    return jax.default_matmul_precision("highest")  # type: ignore[no-any-return, unused-ignore]


def repeated(step: Run, most: int) -> Run:
    """Return (state, seeds, wanted, first, last) -> (state, scores (most, n), alive (most, n)), a loop on the device.

    The bounds are arguments, so that one program takes any number of steps up to `most`. Rows of steps that were not
    taken are 0.
    """

    def loop(state: Any, seeds: Any, wanted: Any, first: Any, last: Any) -> Any:
        count = state["alive"].shape[0]

        def one(number: Any, carried: Any) -> Any:
            state, scores, alive = carried
            state, now = step(state, seeds, wanted, number)
            return state, scores.at[number - first].set(now), alive.at[number - first].set(state["alive"])

        start = state, jnp.zeros((most, count), jnp.float32), jnp.zeros((most, count), bool)
        return jax.lax.fori_loop(first, last, one, start)

    return loop
