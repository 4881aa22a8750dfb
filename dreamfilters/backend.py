"""What Keras has not, and the only file that imports TensorFlow.

Compiling, gradients, counter-based random numbers, the inverse real Fourier transform and the warp live here;
everything else is written in `keras.ops`. A second backend would be a second one of this file.
"""

import functools
import hashlib
import os
from collections.abc import Callable
from typing import Any, TypeAlias

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # a person who asks for a dream need not read about oneDNN

from dreamfilters.errors import BackendError

try:
    import keras
except ModuleNotFoundError as missing:
    raise BackendError(
        f"Keras is set to run on {missing.name!r}, which is not installed; dreamfilters needs TensorFlow: "
        "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
    ) from missing
import numpy as np

if keras.backend.backend() != "tensorflow":
    raise BackendError(
        f"Keras runs on {keras.backend.backend()!r}; dreamfilters needs TensorFlow: "
        "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
    )

import tensorflow as tf

Tensor: TypeAlias = Any  # a tf.Tensor; Keras ships no type for it
Seeds: TypeAlias = Any  # (n,) uint64, one per image

tensor = tf.convert_to_tensor


def compile(function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: A001 - the field's word
    """Compile a pure function of nested tensors into a graph, one for each set of shapes it is called with.

    Without XLA: on a CPU it costs a factor of 1.3 to 12 for these networks and seconds at the first call. The cache is
    our own because several shapes are meant here, and `tf.function` warns of them as of a mistake.
    """
    graphs: dict[Any, Callable[..., Any]] = {}

    def compiled(*arguments: Any) -> Any:
        leaves = tf.nest.flatten(arguments)
        key = tuple((tuple(leaf.shape), leaf.dtype) for leaf in leaves)
        if key not in graphs:
            # partial: TensorFlow counts graphs by their code, and would call several programs one traced too often
            graphs[key] = tf.function(functools.partial(function), autograph=False, jit_compile=False)
        return graphs[key](*arguments)

    return compiled


def value_and_gradient(
    function: Callable[[Any], tuple[Tensor, Any]],
) -> Callable[[Any], tuple[tuple[Tensor, Any], Any]]:
    """Turn `params -> (value, extra)` into `params -> ((value, extra), d value / d params)`.

    A parameter that the value does not depend on gets a gradient of zero.
    """

    def both(params: Any) -> tuple[tuple[Tensor, Any], Any]:
        with tf.GradientTape() as tape:
            tape.watch(params)
            value, extra = function(params)
        gradient = tape.gradient(value, params, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return (value, extra), gradient

    return both


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function(x) -> (y, dy -> dx)` state its own gradient."""
    return tf.custom_gradient(function)  # type: ignore[no-any-return]


def output_shapes(
    function: Callable[[Tensor], dict[str, Tensor]], shape: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a function of one tensor gives for a shape, without computing anything.

    A size that does not fit raises what the layer says of it; run at once, some kernels return maps that cannot be.
    """
    with tf.init_scope():  # on its own, even where another graph is being traced around it
        graph = tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(shape, tf.float32))
        return {name: tuple(spec.shape) for name, spec in graph.structured_outputs.items()}


def versions() -> dict[str, str]:
    """Return what decides the bytes of an image beside the seed: the builds and the switch for oneDNN."""
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def read_checkpoint(prefix: str) -> tuple[Callable[[str], Any], dict[str, tuple[str, tuple[int, ...]]]]:
    """Return what reads an array of a TensorFlow checkpoint, `path/to/variables`, by its key; it runs no program.

    And of each array its type and shape, before any is read.
    """
    reader = tf.train.load_checkpoint(prefix)
    types, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
    return reader.get_tensor, {key: (types[key].name, tuple(shapes[key])) for key in shapes}


# ---------------------------------------------------------------------------------------------------------------------
# Chance is an argument. An image's numbers depend on its own seed only, so that it comes out the same alone and in
# any batch; the random operations of TensorFlow take one seed for the whole batch.

# Functions such as exp and cos round differently in the vector instructions and in the scalar ones that finish the last
# few numbers of an array. So many numbers fill a vector; what is drawn or turned per image keeps to +, -, * and /, or
# is computed for so many numbers at once.
LANES = 16

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def seed_of(*parts: object) -> np.uint64:
    """Derive an image's seed from the run's seed, the unit's name and whatever else tells it apart.

    >>> int(seed_of(7, "conv6:12")) == int(seed_of(7, "conv6:12"))
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def _mix(state: Tensor) -> Tensor:
    """SplitMix64's output function (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)."""

    def xor_shift(z: Tensor, by: int) -> Tensor:
        return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(by, tf.uint64)))

    z = xor_shift(state, 30) * tf.constant(_MIX_1, tf.uint64)
    z = xor_shift(z, 27) * tf.constant(_MIX_2, tf.uint64)
    return xor_shift(z, 31)


def fold(seeds: Seeds, number: int | Tensor) -> Seeds:
    """Give every image a new seed for the `number`-th use: a step, a transform, a view."""
    number = tf.cast(tf.convert_to_tensor(number), tf.uint64)
    golden = tf.constant(_GOLDEN, tf.uint64)
    return _mix(tf.convert_to_tensor(seeds, tf.uint64) + (number + tf.constant(1, tf.uint64)) * golden)


def repeat_seeds(seeds: Seeds, views: int) -> Seeds:
    """Give each of `views` looks at an image its own seed: (n,) -> (n * views,), an image's looks together."""
    if views == 1:
        return seeds
    return tf.reshape(tf.stack([fold(seeds, view) for view in range(views)], axis=1), (-1,))


def _bits(seeds: Seeds, shape: tuple[int, ...]) -> Tensor:
    """Return (n, *shape) uint64: SplitMix64 of each seed, read at the positions 1 to size."""
    size = int(np.prod(shape, dtype=np.int64))
    steps = tf.constant(np.arange(1, size + 1, dtype=np.uint64) * np.uint64(_GOLDEN))
    seeds = tf.convert_to_tensor(seeds, tf.uint64)
    return tf.reshape(_mix(seeds[:, None] + steps), (-1, *shape))


def uniform(seeds: Seeds, shape: tuple[int, ...] = (), low: float = 0.0, high: float = 1.0) -> Tensor:
    """Draw (n, *shape) float32 in [low, high), image i from its own seed."""
    top = tf.cast(tf.bitwise.right_shift(_bits(seeds, shape), tf.constant(40, tf.uint64)), tf.float32)  # 24 bits: exact
    return top * ((high - low) / 2**24) + low


def normal(seeds: Seeds, shape: tuple[int, ...] = ()) -> Tensor:
    """Draw (n, *shape) standard normal float32, image i from its own seed, by Box and Muller (1958)."""
    size = int(np.prod(shape, dtype=np.int64))
    whole = -(-size // LANES) * LANES
    if size < whole:  # so that each image's logarithms fill vectors and round alike in any batch
        return tf.reshape(normal(seeds, (whole,))[:, :size], (-1, *shape))
    bits = _bits(seeds, shape)
    mask = tf.constant(2**24 - 1, tf.uint64)
    radius = (
        tf.cast(tf.bitwise.bitwise_and(bits, mask), tf.float32) + 0.5
    ) / 2**24  # in (0, 1): its logarithm is finite
    angle = tf.cast(tf.bitwise.right_shift(bits, tf.constant(40, tf.uint64)), tf.float32) * (2 * np.pi / 2**24)
    return tf.sqrt(-2.0 * tf.math.log(radius)) * tf.cos(angle)


def integers(seeds: Seeds, shape: tuple[int, ...], low: int, high: int) -> Tensor:
    """Draw (n, *shape) int32 in [low, high), image i from its own seed."""
    return tf.cast(tf.floor(uniform(seeds, shape) * (high - low)), tf.int32) + low


# ---------------------------------------------------------------------------------------------------------------------
# Sums over all of an image


def row_sums(x: Tensor) -> Tensor:
    """Return the sum of each row, (n, ...) -> (n,), whose bytes do not depend on the other rows.

    A long row (measured: from about 8,000 numbers) that does not fill whole vectors is added up in another order next
    to other rows; zeros fill it up.
    """
    size = int(np.prod(x.shape[1:], dtype=np.int64))
    flat = tf.reshape(x, (-1, size))
    if size % LANES:
        flat = tf.pad(flat, ((0, 0), (0, -size % LANES)))
    return tf.reduce_sum(flat, axis=1)


def row_means(x: Tensor) -> Tensor:
    """Return the mean of each row, (n, ...) -> (n,), as `row_sums` adds."""
    return row_sums(x) / float(np.prod(x.shape[1:], dtype=np.int64))


# ---------------------------------------------------------------------------------------------------------------------
# Images


def irfft2(real: Tensor, imaginary: Tensor, height: int, width: int) -> Tensor:
    """Return the inverse real 2-D Fourier transform, (n, c, h, w // 2 + 1) twice -> (n, c, h, w)."""
    return tf.signal.irfft2d(tf.complex(real, imaginary), fft_length=[height, width])


def roll(image: Tensor, shifts: Tensor) -> Tensor:
    """Shift each image (n, h, w, c) by its own (down, right) whole pixels `shifts` (n, 2), wrapping at the edges."""
    _, height, width, _ = image.shape
    shifts = tf.cast(shifts, tf.int32)
    rows = tf.math.floormod(tf.range(height) - shifts[:, :1], height)
    columns = tf.math.floormod(tf.range(width) - shifts[:, 1:], width)

    @custom_gradient
    def rolled(image: Tensor) -> Any:
        moved = tf.gather(tf.gather(image, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

        def back(upstream: Tensor) -> Tensor:  # the way back is a roll too: exact, and no slow scatter
            rows = tf.math.floormod(tf.range(height) + shifts[:, :1], height)
            columns = tf.math.floormod(tf.range(width) + shifts[:, 1:], width)
            return tf.gather(tf.gather(upstream, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

        return moved, back

    return rolled(image)


def warp(image: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """Resample images bilinearly through affine maps, mirrored beyond their edges.

    `image` is (n, h, w, c); `matrices` (n, 3, 3) sends an output place (x, y, 1) in pixels to the input place that is
    read there; the result is (n, height, width, c). The gradient is the inverse map's resampling times the map's
    determinant: the adjoint of the continuous operation. It equals the discrete adjoint for whole shifts and has a
    cosine above .99 with it for the rotations and scales that recipes use; the exact scatter takes three times as long.
    """
    rows, columns = int(image.shape[1]), int(image.shape[2])

    @custom_gradient
    def warped(image: Tensor) -> Any:
        result = _project(image, matrices, height, width, "REFLECT")

        def back(upstream: Tensor) -> Tensor:
            determinant = tf.abs(tf.linalg.det(matrices[:, :2, :2]))[:, None, None, None]
            return _project(upstream, tf.linalg.inv(matrices), rows, columns, "CONSTANT") / determinant

        return result, back

    return warped(image)


def _project(image: Tensor, matrices: Tensor, height: int, width: int, fill: str) -> Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image,
        transforms=tf.reshape(matrices, (-1, 9))[:, :8],
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode=fill,
        fill_value=0.0,
    )
