"""Operations that Keras lacks; the only file that imports TensorFlow.

It holds compilation, gradients, counter-based random numbers, the inverse real Fourier transform and the warp. All
other code uses `keras.ops`. Another backend would be another version of this file.
"""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[import-not-found]  # of np.show_runtime()

from dreamfilters.errors import BackendError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no messages about oneDNN
# TensorFlow uses oneDNN by default only on CPUs with AVX-512 or VNNI. Without it there are no convolutions of
# channels-first networks on a CPU, and more kernels round an image differently in another batch.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Redirect stderr: the C++ library of TensorFlow writes messages before it reads the settings of its log."""
    try:
        stderr, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # there is no stderr
        yield
        return
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)


try:
    with _without_stderr():
        import keras
except ModuleNotFoundError as missing:
    raise BackendError(
        f"Keras is set to run on {missing.name!r}, which is not installed; dreamfilters needs TensorFlow: "
        "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
    ) from missing

if keras.backend.backend() != "tensorflow":
    raise BackendError(
        f"Keras runs on {keras.backend.backend()!r}; dreamfilters needs TensorFlow: "
        "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
    )

with _without_stderr():
    import tensorflow as tf

Tensor: TypeAlias = Any  # a tf.Tensor; Keras ships no type for it
Seeds: TypeAlias = Any  # (n,) uint64, one per image

tensor = tf.convert_to_tensor


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
        return graphs[key](*arguments)

    return compiled


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


def versions() -> dict[str, str]:
    """Return the versions and the oneDNN setting, which affect the bytes of an image in addition to its seed."""
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


# Random numbers. Those of an image depend on its own seed only, so that it is the same alone and in any batch. The
# random operations of TensorFlow take one seed for a batch.

# Functions such as exp and cos round differently in vector instructions and in the scalar instructions for the last few
# numbers of an array. This many numbers fill a vector. Values of single images use only +, -, * and /, or are computed
# for a multiple of this many numbers.
LANES = 16

# Without AVX-512, oneDNN splits a batch evenly between the threads of some kernels, also in the middle of an image, and
# rounds both parts of the image differently. Such kernels are given a multiple of the number of threads. A product with
# one matrix for all images is computed one image at a time, because its rows are rounded by their place in the batch.
# ONEDNN_MAX_CPU_ISA limits oneDNN to older instructions: with AVX2, a CPU with AVX-512 computes as one without it.
_ISA = os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
SPLITS_BATCHES = not __cpu_features__.get("AVX512F", False) or _ISA in ("SSE41", "AVX", "AVX2", "AVX2_VNNI")
THREADS = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or os.cpu_count() or 1

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def seed_of(*parts: object) -> np.uint64:
    """Return an image's seed, derived from the run's seed, the unit's name and other identifying values.

    >>> int(seed_of(7, "conv6:12")) == int(seed_of(7, "conv6:12"))
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def _mix(state: Tensor) -> Tensor:
    """Return the output of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""

    def xor_shift(z: Tensor, by: int) -> Tensor:
        return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(by, tf.uint64)))

    z = xor_shift(state, 30) * tf.constant(_MIX_1, tf.uint64)
    z = xor_shift(z, 27) * tf.constant(_MIX_2, tf.uint64)
    return xor_shift(z, 31)


def fold(seeds: Seeds, number: int | Tensor) -> Seeds:
    """Return a new seed for each image for its `number`-th use, such as a step, a transform or a view."""
    number = tf.cast(tf.convert_to_tensor(number), tf.uint64)
    golden = tf.constant(_GOLDEN, tf.uint64)
    return _mix(tf.convert_to_tensor(seeds, tf.uint64) + (number + tf.constant(1, tf.uint64)) * golden)


def repeat_seeds(seeds: Seeds, views: int) -> Seeds:
    """Return a seed for each view of each image, (n,) -> (n * views,), with the views of an image together."""
    if views == 1:
        return seeds
    return tf.reshape(tf.stack([fold(seeds, view) for view in range(views)], axis=1), (-1,))


def _bits(seeds: Seeds, shape: tuple[int, ...]) -> Tensor:
    """Return (n, *shape) uint64: outputs 1 to size of SplitMix64 for each seed."""
    size = int(np.prod(shape, dtype=np.int64))
    steps = tf.constant(np.arange(1, size + 1, dtype=np.uint64) * np.uint64(_GOLDEN))
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


def image_by_image(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of batches that computes one image at a time where kernels split batches.

    Each argument with a shape has one row for each image. A function whose outputs have not is computed as it is.
    """
    if not SPLITS_BATCHES:
        return call

    def each(*args: Any, **kwargs: Any) -> Any:
        count = next(leaf.shape[0] for leaf in keras.tree.flatten(args) if hasattr(leaf, "shape"))
        if count is None or count < 2:
            return call(*args, **kwargs)
        # split: its gradient joins the images, while that of a slice would add whole batches
        leaves = keras.tree.flatten((args, kwargs))
        parts = [keras.ops.split(leaf, count) if hasattr(leaf, "shape") else [leaf] * count for leaf in leaves]
        outputs = []
        for image in zip(*parts, strict=True):
            image_args, image_kwargs = keras.tree.pack_sequence_as((args, kwargs), list(image))
            outputs.append(call(*image_args, **image_kwargs))
        if any(leaf.shape[0] != 1 for leaf in keras.tree.flatten(outputs[0])):
            return call(*args, **kwargs)  # it folds windows into the batch, or unfolds them
        return keras.tree.map_structure(lambda *leaves: keras.ops.concatenate(leaves), *outputs)

    return each


def in_whole_shares(call: Callable[..., Any], *, least: int = 1, share: int = THREADS) -> Callable[..., Any]:
    """Return a function of batches that gets as many images for each thread where kernels split batches.

    Args:
        call: each argument with a shape has one row for each image. A function whose outputs have not is computed as it
            is.
        least: the number of images from which the function is given whole shares, and the fewest that it is given.
        share: what the number of images is a multiple of.
    """
    if not SPLITS_BATCHES:
        return call

    def padded(*args: Any, **kwargs: Any) -> Any:
        count = next(leaf.shape[0] for leaf in keras.tree.flatten(args) if hasattr(leaf, "shape"))
        missing = 0 if count is None or count == least == 1 else max(least, -(-count // share) * share) - count
        if not missing:
            return call(*args, **kwargs)

        def pad(leaf: Any) -> Any:
            return tf.concat([leaf, tf.repeat(leaf[-1:], missing, axis=0)], 0) if hasattr(leaf, "shape") else leaf

        padded_args, padded_kwargs = keras.tree.map_structure(pad, (args, kwargs))
        outputs = call(*padded_args, **padded_kwargs)
        if any(leaf.shape[0] != count + missing for leaf in keras.tree.flatten(outputs)):
            return call(*args, **kwargs)  # it folds windows into the batch, or unfolds them
        return keras.tree.map_structure(lambda tensor: tensor[:count], outputs)

    return padded


def matmul(a: Any, b: Any) -> Tensor:
    """Return a @ b, with bytes for an image that do not depend on the other images.

    An array of three axes or more has one matrix or more for each image; a matrix is the same for all.
    """
    if len(a.shape) < 3:
        return in_whole_shares(functools.partial(keras.ops.matmul, a))(b)
    if len(b.shape) < 3:
        return image_by_image(lambda rows: keras.ops.matmul(rows, b))(a)
    if a.shape[-1] > LANES:  # where there are few rows and columns, long sums are split between the threads too
        return image_by_image(keras.ops.matmul)(a, b)
    return in_whole_shares(keras.ops.matmul)(a, b)


def row_sums(x: Tensor) -> Tensor:
    """Return the sum of each row, (n, ...) -> (n,), with bytes that do not depend on the other rows.

    Long rows (measured: from about 8,000 numbers) that do not fill whole vectors are added up in another order next to
    other rows, so rows are padded with zeros.
    """
    size = int(np.prod(x.shape[1:], dtype=np.int64))
    flat = tf.reshape(x, (-1, size))
    if size % LANES:
        flat = tf.pad(flat, ((0, 0), (0, -size % LANES)))
    return tf.reduce_sum(flat, axis=1)


def row_means(x: Tensor) -> Tensor:
    """Return the mean of each row, (n, ...) -> (n,), by `row_sums`."""
    return row_sums(x) / float(np.prod(x.shape[1:], dtype=np.int64))


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
            return _project(upstream, tf.linalg.inv(matrices), rows, columns, "CONSTANT") / determinant

        return _project(image, matrices, height, width, "REFLECT"), back

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
