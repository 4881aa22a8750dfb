"""Operations that Keras lacks, with one interface; the only package that imports TensorFlow or JAX.

Keras decides which one: the environment variable KERAS_BACKEND, or its own file of settings. `tensorflow` and `jax`
hold compilation, gradients, counter-based random numbers, the inverse real Fourier transform and the warp,
`batch_bytes` the sums and products whose bytes do not depend on the batch, `seeds` the seeds, `devices` what decides
how an accelerator is used. All other code uses `keras.ops`.
"""

import multiprocessing
import os

from dreamfilters.backend.quiet import without_stderr
from dreamfilters.errors import BackendError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no messages about oneDNN
# TensorFlow uses oneDNN by default only on CPUs with AVX-512 or VNNI. Without it there are no convolutions of
# channels-first networks on a CPU, and more kernels round an image differently in another batch.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# TensorFlow takes the memory of a GPU as it needs it, not all of it at once: the viewer and worker processes share it.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# JAX takes three quarters at once, unless it is one process of several.
if multiprocessing.parent_process() is not None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

try:
    with without_stderr():
        import keras
except ModuleNotFoundError as missing:
    raise BackendError(
        f"Keras is set to run on {missing.name!r}, which is not installed; install TensorFlow or JAX, and set the "
        "environment variable KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax before Python starts"
    ) from missing

if keras.backend.backend() not in ("tensorflow", "jax"):
    raise BackendError(
        f"Keras runs on {keras.backend.backend()!r}; dreamfilters needs TensorFlow or JAX: "
        "set the environment variable KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax before Python starts"
    )

with without_stderr():
    from dreamfilters.backend.batch_bytes import (
        LANES,
        SPLITS_BATCHES,
        THREADS,
        Tensor,
        image_by_image,
        in_whole_shares,
        matmul,
        row_means,
        row_sums,
    )
    from dreamfilters.backend.devices import Device, Execution, Precision
    from dreamfilters.backend.seeds import Seeds, seed_of

    # The type checker compares the two lists: each backend offers the same names, with the same arguments.
    if keras.backend.backend() == "jax":
        from dreamfilters.backend.jax import (
            ONE_SHAPE,
            bits,
            compile,  # noqa: A004 - the field's word
            compile_rows,
            compile_steps,
            custom_gradient,
            device,
            executing,
            execution,
            float64,
            fold,
            integers,
            irfft2,
            normal,
            output_shapes,
            repeat_seeds,
            roll,
            seed_numbers,
            tensor,
            uniform,
            value_and_gradient,
            versions,
            warp,
        )
    else:
        from dreamfilters.backend.tensorflow import (
            ONE_SHAPE,
            bits,
            compile,  # noqa: A004 - the field's word
            compile_rows,
            compile_steps,
            custom_gradient,
            device,
            executing,
            execution,
            float64,
            fold,
            integers,
            irfft2,
            normal,
            output_shapes,
            repeat_seeds,
            roll,
            seed_numbers,
            tensor,
            uniform,
            value_and_gradient,
            versions,
            warp,
        )

__all__ = [
    "LANES",
    "ONE_SHAPE",
    "SPLITS_BATCHES",
    "THREADS",
    "Device",
    "Execution",
    "Precision",
    "Seeds",
    "Tensor",
    "bits",
    "compile",
    "compile_rows",
    "compile_steps",
    "custom_gradient",
    "device",
    "executing",
    "execution",
    "float64",
    "fold",
    "image_by_image",
    "in_whole_shares",
    "integers",
    "irfft2",
    "matmul",
    "normal",
    "output_shapes",
    "repeat_seeds",
    "roll",
    "row_means",
    "row_sums",
    "seed_numbers",
    "seed_of",
    "tensor",
    "uniform",
    "value_and_gradient",
    "versions",
    "warp",
]
