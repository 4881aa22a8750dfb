"""Operations that Keras lacks, on TensorFlow: what the package `backend` offers, where Keras runs on TensorFlow."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.client import device_lib  # what says how much memory a device has

from dreamfilters.backend.batch_bytes import LANES, Tensor
from dreamfilters.backend.devices import Device, Executions
from dreamfilters.backend.dispatch import one_by_one, within_memory
from dreamfilters.backend.quiet import without_stderr
from dreamfilters.backend.seeds import GOLDEN, MIX_1, MIX_2, Seeds, increments

tensor = tf.convert_to_tensor
ONE_SHAPE = False  # an image has the same bytes in batches of all sizes


def compile(function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: A001 - the field's word
    """Return a pure function of nested tensors compiled into graphs, one for each set of input shapes.

    XLA is off: on a CPU it makes these networks 1.3 to 12 times slower and the first call takes seconds. Graphs are
    cached here because `tf.function` warns about several shapes.
    """
    graphs: dict[Any, Callable[..., Any]] = {}

    def compiled(*arguments: Any) -> Any:
        leaves = tf.nest.flatten(arguments)
        key = tuple((tuple(leaf.shape), leaf.dtype) for leaf in leaves)
        if key not in graphs:
            # partial: TensorFlow counts graphs by their code, and would warn about retracing
            graphs[key] = tf.function(functools.partial(function), autograph=False, jit_compile=False)
        with _products_in_float32(), within_memory(tf.errors.ResourceExhaustedError, "", device):
            return graphs[key](*arguments)

    return compiled


def compile_rows(function: Callable[..., Any], *, group: int = 1) -> Callable[..., Any]:
    """Return `function` as `compile` does, for nested tensors that all have one row per image, as its results have.

    `group` is the number of images that are computed together; one device computes all of them.
    """
    return compile(function)


def compile_steps(step: Callable[..., Any], *, group: int = 1) -> Callable[..., Any]:
    """Return (state, seeds, wanted, first, last) -> (state, scores, alive): steps `first` to `last` - 1 of an ascent.

    `step` is (state, seeds, wanted, number) -> (state, scores (n,)) and the state has `alive` (n,). The results are
    arrays of NumPy, (last - first, n). `group` is that of `compile_rows`.
    """
    return functools.partial(one_by_one, compile(step), tensor)


@contextmanager
def _products_in_float32() -> Iterator[None]:
    """Compute products of float32 numbers in float32 inside the context: a GPU uses fewer bits (TF32) by default."""
    if device().kind == "cpu" or not tf.config.experimental.tensor_float_32_execution_enabled():
        yield
        return
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)


def float64() -> AbstractContextManager[Any]:
    """Return a context in which tensors can have the type float64."""
    return nullcontext()


def value_and_gradient(
    function: Callable[[Any], tuple[Tensor, Any]],
) -> Callable[[Any], tuple[tuple[Tensor, Any], Any]]:
    """Return `params -> ((value, extra), d value / d params)` for a function `params -> (value, extra)`.

    A parameter that does not affect the value gets a gradient of zero.
    """

    def both(params: Any) -> tuple[tuple[Tensor, Any], Any]:
        with tf.GradientTape() as tape:
            tape.watch(params)
            value, extra = function(params)
        return (value, extra), tape.gradient(value, params, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return both


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a custom gradient, from `function(x) -> (y, dy -> dx)`."""
    return tf.custom_gradient(function)  # type: ignore[no-any-return]


def output_shapes(
    function: Callable[[Tensor], dict[str, Tensor]], shape: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return the output shapes of a function of one tensor of this shape, without computing values.

    An invalid size raises the error of the layer; executed directly, some kernels would return wrong maps.
    """
    with tf.init_scope():  # independent of a graph that is being traced
        graph = tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(shape, tf.float32))
        return {name: tuple(spec.shape) for name, spec in graph.structured_outputs.items()}


def _found() -> Device:
    with without_stderr():  # TensorFlow for GPUs writes an error where there is none
        accelerators = tf.config.list_physical_devices("GPU")
    if not accelerators:
        return Device("cpu", "cpu")
    name = str(tf.config.experimental.get_device_details(accelerators[0]).get("device_name", "GPU"))
    limits = [found.memory_limit for found in device_lib.list_local_devices() if found.device_type == "GPU"]
    return Device("gpu", name, len(accelerators), limits[0] if limits else None)


_executions = Executions(_found, "tensorflow")
device, execution, executing = _executions.device, _executions.now, _executions.changed


def versions() -> dict[str, str]:
    """Return the versions, the device and the oneDNN setting, which affect the bytes of an image besides its seed."""
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "device": device().name,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


# Random numbers. Those of an image depend on its own seed only, so that it is the same alone and in any batch. The
# random operations of TensorFlow take one seed for a batch.


def _mix(state: Tensor) -> Tensor:
    """Return the output of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""

    def xor_shift(z: Tensor, by: int) -> Tensor:
        return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(by, tf.uint64)))

    z = xor_shift(state, 30) * tf.constant(MIX_1, tf.uint64)
    z = xor_shift(z, 27) * tf.constant(MIX_2, tf.uint64)
    return xor_shift(z, 31)


def fold(seeds: Seeds, number: int | Tensor) -> Seeds:
    """Return a new seed for each image for its `number`-th use, such as a step, a transform or a view."""
    number = tf.cast(tf.convert_to_tensor(number), tf.uint64)
    golden = tf.constant(GOLDEN, tf.uint64)
    return _mix(tf.convert_to_tensor(seeds, tf.uint64) + (number + tf.constant(1, tf.uint64)) * golden)


def repeat_seeds(seeds: Seeds, views: int) -> Seeds:
    """Return a seed for each view of each image, (n,) -> (n * views,), with the views of an image together."""
    if views == 1:
        return seeds
    return tf.reshape(tf.stack([fold(seeds, view) for view in range(views)], axis=1), (-1,))


def seed_numbers(seeds: Seeds) -> np.ndarray:
    """Return seeds as (n,) uint64 of NumPy."""
    return np.asarray(seeds)


def bits(seeds: Seeds, shape: tuple[int, ...]) -> np.ndarray:
    """Return the bits that random numbers are made of, (n, *shape) uint64 of NumPy, which are equal on all backends."""
    return np.asarray(_bits(seeds, shape))


def _bits(seeds: Seeds, shape: tuple[int, ...]) -> Tensor:
    """Return (n, *shape) uint64: outputs 1 to size of SplitMix64 for each seed."""
    size = int(np.prod(shape, dtype=np.int64))
    steps = tf.constant(increments(size))
    seeds = tf.convert_to_tensor(seeds, tf.uint64)
    return tf.reshape(_mix(seeds[:, None] + steps), (-1, *shape))


def uniform(seeds: Seeds, shape: tuple[int, ...] = (), low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return uniform random (n, *shape) float32 in [low, high), image i from its own seed."""
    top = tf.cast(tf.bitwise.right_shift(_bits(seeds, shape), tf.constant(40, tf.uint64)), tf.float32)  # 24 bits: exact
    return top * ((high - low) / 2**24) + low


def normal(seeds: Seeds, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard normal random (n, *shape) float32, image i from its own seed, by Box and Muller (1958)."""
    size = int(np.prod(shape, dtype=np.int64))
    if size % LANES:  # each image's logarithms fill vectors, so that they round alike in any batch
        return tf.reshape(normal(seeds, (size + -size % LANES,))[:, :size], (-1, *shape))
    bits = _bits(seeds, shape)
    low = tf.bitwise.bitwise_and(bits, tf.constant(2**24 - 1, tf.uint64))
    radius = (tf.cast(low, tf.float32) + 0.5) / 2**24  # in (0, 1): its logarithm is finite
    angle = tf.cast(tf.bitwise.right_shift(bits, tf.constant(40, tf.uint64)), tf.float32) * (2 * np.pi / 2**24)
    return tf.sqrt(-2.0 * tf.math.log(radius)) * tf.cos(angle)


def integers(seeds: Seeds, shape: tuple[int, ...], low: int, high: int) -> Tensor:
    """Return random (n, *shape) int32 in [low, high), image i from its own seed."""
    return tf.cast(tf.floor(uniform(seeds, shape) * (high - low)), tf.int32) + low


def irfft2(real: Tensor, imaginary: Tensor, height: int, width: int) -> Tensor:
    """Return the inverse real 2-D Fourier transform, (n, c, h, w // 2 + 1) twice -> (n, c, h, w)."""
    return tf.signal.irfft2d(tf.complex(real, imaginary), fft_length=[height, width])


def roll(image: Tensor, shifts: Tensor) -> Tensor:
    """Return each image (n, h, w, c) shifted by its own integer (down, right) in `shifts` (n, 2), with wraparound."""
    _, height, width, _ = image.shape
    shifts = tf.cast(shifts, tf.int32)

    def moved(image: Tensor, shifts: Tensor) -> Tensor:
        rows = tf.math.floormod(tf.range(height) - shifts[:, :1], height)
        columns = tf.math.floormod(tf.range(width) - shifts[:, 1:], width)
        return tf.gather(tf.gather(image, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

    @custom_gradient
    def rolled(image: Tensor) -> Any:  # the gradient is a roll too: exact, and no slow scatter
        return moved(image, shifts), lambda upstream: moved(upstream, -shifts)

    return rolled(image)


def warp(image: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """Return images resampled bilinearly through affine maps, mirrored beyond their edges, (n, height, width, c).

    `image` is (n, h, w, c). `matrices` (n, 3, 3) map an output position (x, y, 1) in pixels to an input position. The
    gradient is the resampling by the inverse map times the determinant of the map, the adjoint of the continuous
    operation. It equals the discrete adjoint for integer shifts, and its cosine with it is above .99 for the rotations
    and scales of recipes. The exact scatter takes three times as long.
    """
    rows, columns = int(image.shape[1]), int(image.shape[2])

    @custom_gradient
    def warped(image: Tensor) -> Any:
        def back(upstream: Tensor) -> Tensor:
            determinant = tf.abs(tf.linalg.det(matrices[:, :2, :2]))[:, None, None, None]
            return _resampled(upstream / determinant, tf.linalg.inv(matrices), rows, columns, mirrored=False)

        return _resampled(image, matrices, height, width, mirrored=True), back

    return warped(image)


# The smallest image, in pixels, that XLA resamples: it takes a third of the time of TensorFlow's kernel, and .2 seconds
# to compile. Its images have other bytes, so that the choice may not depend on the batch.
_LEAST_FOR_XLA = 96 * 96


def _resampled(image: Tensor, matrices: Tensor, height: int, width: int, *, mirrored: bool) -> Tensor:
    """Return (n, height, width, c), resampled bilinearly; mirrored beyond the edges, or 0."""
    if image.shape[0] is not None and image.shape[1] * image.shape[2] >= _LEAST_FOR_XLA:
        return _by_xla(tuple(image.shape), height, width, mirrored)(image, matrices)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image,
        transforms=tf.reshape(matrices, (-1, 9))[:, :8],
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="REFLECT" if mirrored else "CONSTANT",
        fill_value=0.0,
    )


@functools.lru_cache(maxsize=64)  # compiled once for all programs that call it
def _by_xla(shape: tuple[int, ...], height: int, width: int, mirrored: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function that resamples images of one shape: the four nearest pixels at each position, weighted."""
    count, rows, columns, channels = shape
    y, x = (axis.ravel() for axis in np.indices((height, width), "float32"))

    def read(number: Tensor, share: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Return the pixel that stands for one of this number on an axis, and its share."""
        if mirrored:
            number = tf.math.floormod(number, 2 * size)
            return tf.minimum(number, 2 * size - 1 - number), share[..., None]
        is_inside = (number >= 0) & (number < size)
        return tf.clip_by_value(number, 0, size - 1), tf.where(is_inside, share, tf.zeros_like(share))[..., None]

    def resampled(image: Tensor, matrices: Tensor) -> Tensor:
        across = matrices[:, 0, 0, None] * x + (matrices[:, 0, 1, None] * y + matrices[:, 0, 2, None])
        down = matrices[:, 1, 0, None] * x + (matrices[:, 1, 1, None] * y + matrices[:, 1, 2, None])
        column, row = tf.floor(across), tf.floor(down)
        across, down = across - column, down - row  # shares of the pixels to the right and below
        column, row = tf.cast(column, tf.int32), tf.cast(row, tf.int32)
        left, right = read(column, 1 - across, columns), read(column + 1, across, columns)
        pixels, first = tf.reshape(image, (-1, channels)), tf.range(count)[:, None] * (rows * columns)

        def in_row(row: Tensor, share: Tensor) -> Tensor:
            firsts = row * columns + first
            return share * sum(share * tf.gather(pixels, firsts + column) for column, share in (left, right))

        above, below = in_row(*read(row, 1 - down, rows)), in_row(*read(row + 1, down, rows))
        return tf.reshape(above + below, (count, height, width, channels))

    return tf.function(resampled, autograph=False, jit_compile=True)  # type: ignore[no-any-return]
