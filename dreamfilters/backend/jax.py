"""Operations that Keras lacks, on JAX: what the package `backend` offers, where Keras runs on JAX."""

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from dreamfilters.backend.batch_bytes import LANES, Tensor
from dreamfilters.backend.devices import Device, Executions
from dreamfilters.backend.dispatch import one_by_one, within_memory
from dreamfilters.backend.jax_programs import compiled, repeated
from dreamfilters.backend.jax_words import fold_words, random_words, words_of
from dreamfilters.backend.seeds import Seeds

# XLA compiles other code for another number of images, and rounds an image differently in it. An image has the same
# bytes next to any others in batches of one size, to which all batches are filled, see `Execution.rows`.
ONE_SHAPE = True


def tensor(value: Any) -> Tensor:
    """Return a value as a tensor; seeds, (...) uint64 of NumPy, become (..., 2) uint32, because JAX has 32 bits."""
    if isinstance(value, jax.Array):
        return value
    if isinstance(value, keras.Variable):
        return value.value
    if isinstance(value, np.ndarray | np.generic) and value.dtype == np.uint64:
        return words_of(value)
    return jnp.array(value)  # a copy: `asarray` may share the memory of an array that is changed later


def compile(function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: A001 - the field's word
    """Return a pure function of nested tensors compiled by XLA, once for each set of input shapes.

    The variables of Keras that it reads are arguments of the program, so that it always computes with their values of
    now: as constants, they would keep those of the first call, and would be stored in each program.
    """
    return _within_memory(compiled(function, tensor))


def compile_rows(function: Callable[..., Any], *, group: int = 1) -> Callable[..., Any]:
    """Return `function` as `compile` does, for nested tensors that all have one row per image, as its results have.

    Of several devices, each computes its own part of the batch, in whole groups of images: see `Execution.devices`.
    """
    return _within_memory(compiled(function, tensor, devices=_devices, group=group))


def compile_steps(step: Callable[..., Any], *, group: int = 1) -> Callable[..., Any]:
    """Return (state, seeds, wanted, first, last) -> (state, scores, alive): steps `first` to `last` - 1 of an ascent.

    `step` is (state, seeds, wanted, number) -> (state, scores (n,)) and the state has `alive` (n,). The results are
    arrays of NumPy, (last - first, n). At most `Execution.steps` steps are one dispatch. `group` is that of
    `compile_rows`.
    """
    single = compiled(step, tensor, devices=_devices, group=group, shared=1)
    loops: dict[int, Callable[..., Any]] = {}

    def steps(state: Any, seeds: Seeds, wanted: Any, first: int, last: int) -> tuple[Any, np.ndarray, np.ndarray]:
        most = execution().steps
        if most == 1:
            return one_by_one(single, tensor, state, seeds, wanted, first, last)
        if most not in loops:
            loop = repeated(step, most)
            loops[most] = compiled(loop, tensor, devices=_devices, group=group, shared=2, columns=2)
        parts = []
        for begin in range(first, last, most):
            end = min(begin + most, last)
            state, *part = loops[most](state, seeds, wanted, np.int32(begin), np.int32(end))
            parts.append([np.asarray(values)[: end - begin] for values in part])
        scores, alive = (np.concatenate(each) for each in zip(*parts, strict=True))
        return state, scores, alive

    return _within_memory(steps)


def _within_memory(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call` with one line for the error of a full memory."""

    @functools.wraps(call)
    def within(*arguments: Any) -> Any:
        with within_memory(jax.errors.JaxRuntimeError, "RESOURCE_EXHAUSTED", device):
            return call(*arguments)

    return within


def _devices() -> int:
    return execution().devices


def float64() -> AbstractContextManager[Any]:
    """Return a context in which tensors can have the type float64; JAX has 32 bits by default."""
    return jax.enable_x64(True)  # type: ignore[no-any-return, unused-ignore]


def value_and_gradient(
    function: Callable[[Any], tuple[Tensor, Any]],
) -> Callable[[Any], tuple[tuple[Tensor, Any], Any]]:
    """Return `params -> ((value, extra), d value / d params)` for a function `params -> (value, extra)`.

    A parameter that does not affect the value gets a gradient of zero.
    """
    return jax.value_and_grad(function, has_aux=True)  # type: ignore[no-any-return, unused-ignore]


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a custom gradient, from `function(x) -> (y, dy -> dx)`.

    The gradient calls `function` again, so that only x is kept; XLA computes once what occurs twice.
    `jax.custom_gradient` keeps what `dy -> dx` refers to, which is invalid after a call that is not compiled.
    """

    @functools.wraps(function)
    def value(*inputs: Tensor) -> Tensor:
        return function(*inputs)[0]

    def forward(*inputs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return function(*inputs)[0], inputs

    def backward(inputs: tuple[Tensor, ...], upstream: Tensor) -> tuple[Tensor, ...]:
        gradients = function(*inputs)[1](upstream)
        return tuple(gradients) if isinstance(gradients, tuple | list) else (gradients,)

    with_gradient = jax.custom_vjp(value)
    with_gradient.defvjp(forward, backward)
    return with_gradient  # type: ignore[no-any-return, unused-ignore]


def output_shapes(
    function: Callable[[Tensor], dict[str, Tensor]], shape: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return the output shapes of a function of one tensor of this shape, without computing values."""
    found = jax.eval_shape(function, jax.ShapeDtypeStruct(shape, jnp.float32))
    return {name: tuple(spec.shape) for name, spec in found.items()}


def _found() -> Device:
    devices = jax.local_devices()
    memory = None if jax.default_backend() == "cpu" else (devices[0].memory_stats() or {}).get("bytes_limit")
    return Device(devices[0].platform, str(devices[0].device_kind), len(devices), memory)


_executions = Executions(_found, "jax")
device, execution, executing = _executions.device, _executions.now, _executions.changed


def versions() -> dict[str, str]:
    """Return the versions, the device and XLA's settings, which affect the bytes of an image besides its seed."""
    return {
        "jax": jax.__version__,
        "jaxlib": jax.lib.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "device": str(replace(device(), count=execution().devices)),
        "xla": os.environ.get("XLA_FLAGS") or "default",
    }


# Random numbers. Those of an image depend on its own seed only, and their bits are those of the other backends.


def seed_numbers(seeds: Seeds) -> np.ndarray:
    """Return seeds as (n,) uint64 of NumPy."""
    return _joined(_pair(seeds))


def bits(seeds: Seeds, shape: tuple[int, ...]) -> np.ndarray:
    """Return the bits that random numbers are made of, (n, *shape) uint64 of NumPy, which are equal on all backends."""
    return _joined(random_words(_pair(seeds), shape))


def _joined(words: tuple[Tensor, Tensor]) -> np.ndarray:
    high, low = (np.asarray(word).astype(np.uint64) for word in words)
    return np.asarray((high << np.uint64(32)) | low)


def _pair(seeds: Seeds) -> tuple[Tensor, Tensor]:
    seeds = tensor(seeds)
    return seeds[..., 0], seeds[..., 1]


def fold(seeds: Seeds, number: int | Tensor) -> Seeds:
    """Return a new seed for each image for its `number`-th use, such as a step, a transform or a view.

    `number` is below 2 ** 32 - 1.
    """
    return jnp.stack(fold_words(_pair(seeds), jnp.asarray(number)), axis=-1)


def repeat_seeds(seeds: Seeds, views: int) -> Seeds:
    """Return a seed for each view of each image, (n,) -> (n * views,), with the views of an image together."""
    if views == 1:
        return seeds
    return jnp.stack([fold(seeds, view) for view in range(views)], axis=1).reshape(-1, 2)


def uniform(seeds: Seeds, shape: tuple[int, ...] = (), low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return uniform random (n, *shape) float32 in [low, high), image i from its own seed."""
    top = (random_words(_pair(seeds), shape)[0] >> 8).astype(jnp.float32)  # 24 bits: exact
    # the product is not negative; without an operation between them, XLA multiplies and adds with one rounding, unlike
    # the other backends, also across an optimization barrier
    return jnp.maximum(top * ((high - low) / 2**24), 0.0) + low


def normal(seeds: Seeds, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard normal random (n, *shape) float32, image i from its own seed, by Box and Muller (1958)."""
    size = int(np.prod(shape, dtype=np.int64))
    if size % LANES:  # each image's logarithms fill vectors, so that they round alike in any batch
        return normal(seeds, (size + -size % LANES,))[:, :size].reshape(-1, *shape)
    high, low = random_words(_pair(seeds), shape)
    radius = ((low & 0xFFFFFF).astype(jnp.float32) + 0.5) / 2**24  # in (0, 1): its logarithm is finite
    angle = (high >> 8).astype(jnp.float32) * (2 * np.pi / 2**24)
    return jnp.sqrt(-2.0 * jnp.log(radius)) * jnp.cos(angle)


def integers(seeds: Seeds, shape: tuple[int, ...], low: int, high: int) -> Tensor:
    """Return random (n, *shape) int32 in [low, high), image i from its own seed."""
    return jnp.floor(uniform(seeds, shape) * (high - low)).astype(jnp.int32) + low


def irfft2(real: Tensor, imaginary: Tensor, height: int, width: int) -> Tensor:
    """Return the inverse real 2-D Fourier transform, (n, c, h, w // 2 + 1) twice -> (n, c, h, w)."""
    return jnp.fft.irfft2(jax.lax.complex(real, imaginary), s=(height, width))


def roll(image: Tensor, shifts: Tensor) -> Tensor:
    """Return each image (n, h, w, c) shifted by its own integer (down, right) in `shifts` (n, 2), with wraparound."""

    def moved(image: Tensor, shifts: Tensor) -> Tensor:
        return jax.vmap(lambda one, by: jnp.roll(one, (by[0], by[1]), axis=(0, 1)))(image, shifts)

    shifts = jnp.asarray(shifts)

    @custom_gradient
    def rolled(image: Tensor) -> Any:  # the gradient is a roll too: exact, and no slow scatter
        return moved(image, shifts), lambda upstream: moved(upstream, -shifts)

    return rolled(image)


def warp(image: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """Return images resampled bilinearly through affine maps, mirrored beyond their edges, (n, height, width, c).

    `image` is (n, h, w, c). `matrices` (n, 3, 3) map an output position (x, y, 1) in pixels to an input position. The
    gradient is that of the other backends: the resampling by the inverse map times the determinant of the map.
    """
    rows, columns = int(image.shape[1]), int(image.shape[2])
    matrices = jnp.asarray(matrices)

    @custom_gradient
    def warped(image: Tensor) -> Any:
        def back(upstream: Tensor) -> Tensor:
            inverse, determinant = _inverse(matrices)
            return _resampled(upstream, inverse, rows, columns, mirrored=False) / determinant[:, None, None, None]

        return _resampled(image, matrices, height, width, mirrored=True), back

    return warped(image)


def _inverse(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inverses (n, 3, 3) of affine maps and |determinant| (n,), by Cramer's rule."""
    a, b, x, c, d, y = (matrices[:, row, column] for row in (0, 1) for column in (0, 1, 2))
    determinant = a * d - b * c
    rows = jnp.stack([jnp.stack([d, -b, b * y - d * x], -1), jnp.stack([-c, a, c * x - a * y], -1)], 1)
    last = jnp.broadcast_to(jnp.array([[[0.0, 0.0, 1.0]]]), (matrices.shape[0], 1, 3))
    return jnp.concatenate([rows / determinant[:, None, None], last], 1), jnp.abs(determinant)


def _resampled(image: Tensor, matrices: Tensor, height: int, width: int, *, mirrored: bool) -> Tensor:
    """Return (n, height, width, c): the four nearest pixels at each position, weighted; 0 beyond edges or mirrored."""
    n, rows, columns, channels = image.shape
    y, x = jnp.mgrid[0:height, 0:width].astype(jnp.float32)
    at = matrices[:, :2, :1, None] * x + matrices[:, :2, 1:2, None] * y + matrices[:, :2, 2:3, None]  # (n, 2, h, w)
    left, top = jnp.floor(at[:, 0]), jnp.floor(at[:, 1])
    across, down = at[:, 0] - left, at[:, 1] - top
    left, top = left.astype(jnp.int32), top.astype(jnp.int32)
    pixels = image.reshape(n, rows * columns, channels)

    def inside(index: Tensor, size: int) -> tuple[Tensor, Tensor | float]:
        if mirrored:
            index = jnp.mod(index, 2 * size)
            return jnp.where(index < size, index, 2 * size - 1 - index), 1.0
        return jnp.clip(index, 0, size - 1), ((index >= 0) & (index < size)).astype(jnp.float32)

    total: Tensor = 0.0
    for row, row_share in ((top, 1 - down), (top + 1, down)):
        for column, column_share in ((left, 1 - across), (left + 1, across)):
            (r, has_row), (c, has_column) = inside(row, rows), inside(column, columns)
            places = (r * columns + c).reshape(n, -1, 1)
            read = jnp.take_along_axis(pixels, places, axis=1, mode="clip").reshape(n, height, width, channels)
            total = total + read * (row_share * column_share * has_row * has_column)[..., None]
    return total
