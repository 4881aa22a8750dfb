"""Steps that compute the same bytes for an image alone and in any batch, on a CPU.

Numbers at the end of an array that do not fill a vector, and matrices of few rows, take other paths through the kernels
and are rounded differently, see `backend.LANES`. Batches are padded where that would happen. Some kernels depend on the
size of the batch itself, see `backend.SPLITS_BATCHES`.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from dreamfilters.backend import LANES, SPLITS_BATCHES, THREADS, Tensor, image_by_image, in_whole_shares
from dreamfilters.networks.activation_functions import Call
from dreamfilters.networks.graph import Slot, Step
from dreamfilters.networks.layers.layer_kinds import Output
from dreamfilters.networks.layers.pass_through import types_of

# Steps on tokens that compute the same bytes in any batch: they copy numbers, add them, or are padded by rows.
_EXACT = types_of("identity", "cast", "reshape", "reorder", "pad", "crop") | {
    "Add", "Subtract", "Multiply", "Maximum", "Minimum", "Concatenate", "GetItem", "Dense", "Conv1D", "ReLU", "Relu",
}  # fmt: skip
# Layers on maps and vectors that round the last numbers of a batch differently.
_BY_NUMBER = (keras.layers.Activation, keras.layers.LayerNormalization, keras.layers.Softmax)
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN")


def reproducible(step: Step, output: Output, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
    """Return a step's operation and activation, padded so that they do not depend on the other images."""
    if isinstance(step.operation, keras.layers.Dense):
        operation = with_enough_rows(operation)
    if SPLITS_BATCHES:
        return _in_whole_shares(step, output, operation, activation)
    numbers = None if None in output.shape else math.prod(side or 0 for side in output.shape)
    if output.tokens is None or output.kind == "vector" or not numbers or not output.of_image:
        return operation, activation
    if step.type not in _EXACT and all(isinstance(tensor, Slot) for tensor in step.tensors):
        rows = 1 if step.type in _RECURRENT else output.tokens if output.kind == "tokens" else numbers
        operation = _in_full_vectors(operation, rows)
    elif step.type == "Dense" and output.tokens < LANES:
        operation = _in_full_vectors(operation, output.tokens)
    return operation, activation and _in_full_vectors(activation, numbers)


def _in_whole_shares(step: Step, output: Output, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
    """Return a step's operation and activation, padded where their kernels depend on the size of the batch."""
    numbers = None if None in output.shape else math.prod(side or 0 for side in output.shape)
    if not output.of_image:
        return operation, activation
    on_tokens = output.tokens is not None and step.type not in _EXACT
    if isinstance(step.operation, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
        groups = getattr(step.operation, "groups", 1)  # a transposed convolution has none
        plain = max(step.operation.strides) == groups == 1
        operation = in_whole_shares(operation, least=2, share=1 if plain else THREADS)
    elif on_tokens and all(isinstance(tensor, Slot) for tensor in step.tensors):
        operation = image_by_image(operation)
    elif numbers and isinstance(step.operation, _BY_NUMBER):
        operation = _in_full_vectors(operation, numbers)
    return operation, _in_full_vectors(activation, numbers) if activation and numbers else activation


def with_enough_rows(dense: Call) -> Call:
    """Return a dense layer, or another function of (n, c), that is given at least 16 rows.

    Where kernels split a batch, it is given 16 rows at a time, and the tokens (t, c) of one image at a time.
    """
    by_image = image_by_image(dense)

    def call(x: Tensor, **kwargs: Any) -> Tensor:
        rows = x.shape[0]
        if SPLITS_BATCHES and len(x.shape) > 2:
            return by_image(x, **kwargs)
        if rows is None or len(x.shape) != 2 or (rows >= LANES and not SPLITS_BATCHES):
            return dense(x, **kwargs)
        blocks = -(-rows // LANES) if SPLITS_BATCHES else 1
        x = ops.pad(x, ((0, blocks * LANES - rows), (0, 0)))
        parts = [dense(part, **kwargs) for part in ops.split(x, blocks)]
        return ops.concatenate(parts)[:rows] if blocks > 1 else parts[0][:rows]

    return call


def _in_full_vectors(call: Call, rows: int) -> Call:
    """Give a call so many images that their rows, so many for each image, fill whole vectors."""
    multiple = LANES // math.gcd(LANES, rows)
    if multiple == 1:
        return call

    def padded(*args: Any, **kwargs: Any) -> Any:
        count = next(leaf.shape[0] for leaf in keras.tree.flatten(args) if hasattr(leaf, "shape"))
        if count is None:
            return call(*args, **kwargs)
        missing = -count % multiple

        def pad(leaf: Any) -> Any:
            if not hasattr(leaf, "shape"):
                return leaf
            # A full batch is split and joined: without a step here, TensorFlow would add up gradients in another order.
            parts = [leaf, ops.zeros((missing, *leaf.shape[1:]), leaf.dtype)] if missing else [leaf[:1], leaf[1:]]
            return ops.concatenate(parts, axis=0)

        padded_args, padded_kwargs = keras.tree.map_structure(pad, (args, kwargs))
        outputs = call(*padded_args, **padded_kwargs)
        if any(leaf.shape[0] != count + missing for leaf in keras.tree.flatten(outputs)):
            return call(*args, **kwargs)  # it folds windows into the batch, or unfolds them
        return keras.tree.map_structure(lambda tensor: tensor[:count], outputs)

    return padded
