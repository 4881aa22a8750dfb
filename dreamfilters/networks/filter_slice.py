"""One filter of a convolution for each image, where the others are not asked for.

A goal that reads one filter an image would throw away all the others' maps, forward and backward. For filters of the
second of two convolutions with 32 filters each that is nine tenths of the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.networks.activation_functions import activation_name
from dreamfilters.networks.graph import Step

Narrow: TypeAlias = Callable[[Tensor, Tensor], Tensor]

# Activations that treat each number by itself; a softmax over the channels does not.
_EACH_ALONE = frozenset(
    {"linear", "relu", "relu6", "leaky_relu", "thresholded_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "silu",
     "hard_silu", "gelu", "tanh", "softplus", "softsign", "exponential", "mish"}
)  # fmt: skip


def narrowed(step: Step) -> Narrow | None:
    """Return the function ((n, h, w, c), units (n,)) -> (n, h', w', 1) for a convolution, None for any other step.

    Its values are those of the layer before its activation: image i as filter units[i] sees it.
    """
    conv = step.operation
    plain = type(conv) is keras.layers.Conv2D and conv.groups == 1 and not step.channels_first
    if not plain or conv.compute_dtype != "float32" or activation_name(step) not in _EACH_ALONE:
        return None

    def call(x: Tensor, units: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        # First all products of pixels and weights, (n, k, h * w) for k weights a channel, then their sum over k shifts:
        # no patches are laid out, and what is shifted has one channel.
        filters = ops.take(ops.transpose(ops.reshape(conv.kernel, (-1, channels, conv.filters))), units, axis=0)
        pixels = ops.transpose(ops.reshape(x, (count, height * width, channels)), (0, 2, 1))
        products = ops.matmul(ops.transpose(filters, (0, 2, 1)), pixels)
        products = ops.unstack(ops.reshape(products, (count, -1, height, width)), axis=1)
        result = sum(_shifted(conv, number, product) for number, product in enumerate(products))
        if conv.use_bias:
            result = result + ops.take(conv.bias, units)[:, None, None]
        return result[..., None]

    return call


def _shifted(conv: Any, number: int, product: Tensor) -> Tensor:
    """Return (n, h', w'): what the `number`-th weight of the kernel adds to each place of the map."""
    at = divmod(number, conv.kernel_size[1])
    parts = [_reach(product.shape[1 + axis], conv, axis, at[axis] * conv.dilation_rate[axis]) for axis in range(2)]
    padding, slices = zip(*parts, strict=True)
    if any(sum(pad) for pad in padding):
        product = ops.pad(product, ((0, 0), *padding))
    return product[:, slices[0], slices[1]]


def _reach(length: int, conv: Any, axis: int, offset: int) -> tuple[tuple[int, int], slice]:
    """Return how a side is padded, and which places of it the weight at `offset` meets."""
    stride = conv.strides[axis]
    extent = (conv.kernel_size[axis] - 1) * conv.dilation_rate[axis] + 1
    if conv.padding == "same":  # TensorFlow's rule: as many places as strides, the odd pixel behind
        places = math.ceil(length / stride)
        missing = max(0, (places - 1) * stride + extent - length)
        pad = (missing // 2, missing - missing // 2)
    else:
        places, pad = (length - extent) // stride + 1, (0, 0)
    return pad, slice(offset, offset + (places - 1) * stride + 1, stride)
