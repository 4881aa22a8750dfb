"""Sums and products whose bytes for an image do not depend on the other images of its batch, on a CPU."""

import functools
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[import-not-found]  # of np.show_runtime()

Tensor: TypeAlias = Any  # a tensor of the backend; Keras ships no type for it

# Functions such as exp and cos round differently in vector instructions and in the scalar instructions for the last few
# numbers of an array. This many numbers fill a vector. Values of single images use only +, -, * and /, or are computed
# for a multiple of this many numbers.
LANES = 16

# Without AVX-512, oneDNN splits a batch evenly between the threads of some kernels, also in the middle of an image, and
# rounds both parts of the image differently. Such kernels are given a multiple of the number of threads. A product with
# one matrix for all images is computed one image at a time, because its rows are rounded by their place in the batch.
# ONEDNN_MAX_CPU_ISA limits oneDNN to older instructions: with AVX2, a CPU with AVX-512 computes as one without it.
_ISA = os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
SPLITS_BATCHES = keras.backend.backend() == "tensorflow" and (
    not __cpu_features__.get("AVX512F", False) or _ISA in ("SSE41", "AVX", "AVX2", "AVX2_VNNI")
)
THREADS = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or os.cpu_count() or 1


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
        parts = [ops.split(leaf, count) if hasattr(leaf, "shape") else [leaf] * count for leaf in leaves]
        outputs = []
        for image in zip(*parts, strict=True):
            image_args, image_kwargs = keras.tree.pack_sequence_as((args, kwargs), list(image))
            outputs.append(call(*image_args, **image_kwargs))
        if any(leaf.shape[0] != 1 for leaf in keras.tree.flatten(outputs[0])):
            return call(*args, **kwargs)  # it folds windows into the batch, or unfolds them
        return keras.tree.map_structure(lambda *leaves: ops.concatenate(leaves), *outputs)

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
            return ops.concatenate([leaf, ops.repeat(leaf[-1:], missing, axis=0)]) if hasattr(leaf, "shape") else leaf

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
        return in_whole_shares(functools.partial(ops.matmul, a))(b)
    if len(b.shape) < 3:
        return image_by_image(lambda rows: ops.matmul(rows, b))(a)
    if a.shape[-1] > LANES:  # where there are few rows and columns, long sums are split between the threads too
        return image_by_image(ops.matmul)(a, b)
    return in_whole_shares(ops.matmul)(a, b)


def row_sums(x: Tensor) -> Tensor:
    """Return the sum of each row, (n, ...) -> (n,), with bytes that do not depend on the other rows.

    Long rows (measured: from about 8,000 numbers) that do not fill whole vectors are added up in another order next to
    other rows, so rows are padded with zeros.
    """
    size = int(np.prod(x.shape[1:], dtype=np.int64))
    flat = ops.reshape(x, (-1, size))
    if size % LANES:
        flat = ops.pad(flat, ((0, 0), (0, -size % LANES)))
    return ops.sum(flat, axis=1)


def row_means(x: Tensor) -> Tensor:
    """Return the mean of each row, (n, ...) -> (n,), by `row_sums`."""
    return row_sums(x) / float(np.prod(x.shape[1:], dtype=np.int64))
