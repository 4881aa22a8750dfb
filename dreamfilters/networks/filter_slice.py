"""A convolution that computes a single filter for each image, a different one for each.

An objective that reads one filter for each image does not need the other filters' maps. For a filter of the second of
two convolutions with 32 filters each, they are nine tenths of the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters.backend import Tensor, in_whole_shares
from dreamfilters.networks.activation_functions import activation_name
from dreamfilters.networks.graph import Step

FilterSlice: TypeAlias = Callable[[Tensor, Tensor], Tensor]

# Activations of single numbers, unlike a softmax over the channels.
_ELEMENTWISE = frozenset(
    {"linear", "relu", "relu6", "leaky_relu", "thresholded_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "silu",
     "hard_silu", "gelu", "tanh", "softplus", "softsign", "exponential", "mish"}
)  # fmt: skip


def filter_slice(step: Step) -> FilterSlice | None:
    """Return the function ((n, h, w, c), units (n,)) -> (n, h', w', 1) for a convolution, None for any other step.

    The result is the map of filter units[i] for image i, before the activation.
    """
    conv = step.operation
    plain = type(conv) is keras.layers.Conv2D and conv.groups == 1 and not step.channels_first
    if not plain or conv.compute_dtype != "float32" or activation_name(step) not in _ELEMENTWISE:
        return None

    def call(x: Tensor, units: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        # All products of pixels and weights first, (n, k, h * w) for k weights of a channel, then their sum over k
        # shifts. This needs no array of patches, and the shifted maps have one channel.
        filters = ops.take(ops.transpose(ops.reshape(conv.kernel, (-1, channels, conv.filters))), units, axis=0)
        pixels = ops.transpose(ops.reshape(x, (count, height * width, channels)), (0, 2, 1))
        products = ops.matmul(ops.transpose(filters, (0, 2, 1)), pixels)
        products = ops.unstack(ops.reshape(products, (count, -1, height, width)), axis=1)
        result = sum(_shifted(conv, number, product) for number, product in enumerate(products))
        if conv.use_bias:
            result = result + ops.take(conv.bias, units)[:, None, None]
        return result[..., None]

    return in_whole_shares(call)


def _shifted(conv: Any, number: int, product: Tensor) -> Tensor:
    """Return (n, h', w'), the term that the `number`-th weight of the kernel adds at each position of the map."""
    offsets = divmod(number, conv.kernel_size[1])
    parts = [_reach(product.shape[1 + axis], conv, axis, offsets[axis] * conv.dilation_rate[axis]) for axis in range(2)]
    padding, slices = zip(*parts, strict=True)
    if any(sum(pad) for pad in padding):
        product = ops.pad(product, ((0, 0), *padding))
    return product[:, slices[0], slices[1]]


def _reach(length: int, conv: Any, axis: int, offset: int) -> tuple[tuple[int, int], slice]:
    """Return the padding of an axis, and the slice of its positions that the weight at `offset` is applied to."""
    stride = conv.strides[axis]
    extent = (conv.kernel_size[axis] - 1) * conv.dilation_rate[axis] + 1
    if conv.padding == "same":  # TensorFlow's rule: one position for each stride; an odd pixel is added at the end
        positions = math.ceil(length / stride)
        missing = max(0, (positions - 1) * stride + extent - length)
        pad = (missing // 2, missing - missing // 2)
    else:
        positions, pad = (length - extent) // stride + 1, (0, 0)
    return pad, slice(offset, offset + (positions - 1) * stride + 1, stride)
