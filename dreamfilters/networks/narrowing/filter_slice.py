"""A convolution that computes a single filter for each image, a different one for each.

An objective that reads one filter for each image does not need the other filters' maps. For a filter of the second of
two convolutions with 32 filters each, they are nine tenths of the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters.backend import Tensor, in_whole_shares
from dreamfilters.networks.activation_functions import is_elementwise
from dreamfilters.networks.graph import Step

FilterSlice: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def filter_slice(step: Step) -> FilterSlice | None:
    """Return the function ((n, h, w, c), units (n,)) -> (n, h', w', 1) for a convolution, None for any other step.

    The result is the map of filter units[i] for image i, before the activation. A dense layer on maps is a convolution
    with a kernel of one position.
    """
    layer = step.operation
    is_conv = type(layer) is keras.layers.Conv2D and layer.groups == 1
    is_dense = type(layer) is keras.layers.Dense and len(step.shape) == 3
    if not (is_conv or is_dense) or not _is_plain(step):
        return None
    offsets = layer.kernel_size if is_conv else (1, 1)

    def call(x: Tensor, units: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        kernel = ops.take(layer.kernel, units, axis=-1)  # (..., channels, n)
        # All products of pixels and weights first, (n, h, w, k) for k weights of a channel, then their sum over k
        # shifts. This needs no array of patches, and the shifted maps have one channel.
        filters = ops.transpose(ops.reshape(kernel, (-1, channels, count)), (2, 1, 0))  # (n, channels, k)
        if offsets == (1, 1):
            pixels = ops.reshape(x, (count, height * width, channels))
            result = ops.reshape(ops.matmul(pixels, filters), (count, height, width))
            if is_conv:
                result = result[:, :: layer.strides[0], :: layer.strides[1]]
        else:
            pixels = ops.transpose(ops.reshape(x, (count, height * width, channels)), (0, 2, 1))
            products = ops.matmul(ops.transpose(filters, (0, 2, 1)), pixels)
            products = ops.reshape(products, (count, -1, height, width))
            result = _shifted_sum(layer, products)
        if layer.use_bias:
            result = result + ops.take(layer.bias, units)[:, None, None]
        return result[..., None]

    return in_whole_shares(call)


def depthwise_slice(step: Step) -> FilterSlice | None:
    """Return the function ((n, h, w, 1), units (n,)) -> (n, h', w', 1) for a convolution of single channels.

    The input is channel units[i] of image i, the result is that channel of the output, before the activation.
    """
    layer = step.operation
    is_depthwise = type(layer) is keras.layers.DepthwiseConv2D and layer.depth_multiplier == 1
    is_grouped = type(layer) is keras.layers.Conv2D and layer.groups == layer.filters and layer.kernel.shape[2] == 1
    if not (is_depthwise or is_grouped) or not _is_plain(step):
        return None

    def call(x: Tensor, units: Tensor) -> Tensor:
        weights = ops.take(ops.reshape(layer.kernel, (-1, step.shape[-1])), units, axis=1)  # (k, n)
        result = _weighted_sum(layer, x[..., 0], weights)
        if layer.use_bias:
            result = result + ops.take(layer.bias, units)[:, None, None]
        return result[..., None]

    return call


def _is_plain(step: Step) -> bool:
    """Return whether a layer computes in float32 with the weights that it shows, channels last, each channel alone."""
    layer = step.operation
    is_quantized = getattr(layer, "quantization_mode", None) is not None
    return layer.compute_dtype == "float32" and not is_quantized and not step.channels_first and is_elementwise(step)


def _shifted_sum(conv: Any, products: Tensor) -> Tensor:
    """Return (n, h', w'), the sum of products (n, k, h, w) with the k weights of a kernel over their shifts."""
    height, width = products.shape[2:]
    padding, places = _places(conv, height, width)
    if any(map(any, padding)):
        products = ops.pad(products, ((0, 0), (0, 0), *padding))
    terms = [
        product[:, down, across] for product, (down, across) in zip(ops.unstack(products, axis=1), places, strict=True)
    ]
    return reduce(add, terms)


def _weighted_sum(conv: Any, x: Tensor, weights: Tensor) -> Tensor:
    """Return (n, h', w'), the sum over the shifts of a kernel of maps (n, h, w) times their weights (k, n)."""
    padding, places = _places(conv, *x.shape[1:])
    if any(map(any, padding)):
        x = ops.pad(x, ((0, 0), *padding))
    factors = ops.unstack(weights, len(places))
    terms = [x[:, down, across] * factor[:, None, None] for factor, (down, across) in zip(factors, places, strict=True)]
    return reduce(add, terms)


def _places(conv: Any, height: int, width: int) -> tuple[list[tuple[int, int]], list[tuple[slice, slice]]]:
    """Return the padding of both axes, and for each weight of the kernel the positions that it is applied to."""
    reaches = [_reach(length, conv, axis) for axis, length in enumerate((height, width))]
    rows, columns = (slices for _, slices in reaches)
    return [padding for padding, _ in reaches], [(down, across) for down in rows for across in columns]


def _reach(length: int, conv: Any, axis: int) -> tuple[tuple[int, int], list[slice]]:
    """Return the padding of an axis, and the positions that each offset of the kernel is applied to."""
    stride, dilation = conv.strides[axis], conv.dilation_rate[axis]
    extent = (conv.kernel_size[axis] - 1) * dilation + 1
    if conv.padding == "same":  # TensorFlow's rule: one position for each stride; an odd pixel is added at the end
        positions = math.ceil(length / stride)
        missing = max(0, (positions - 1) * stride + extent - length)
        pad = (missing // 2, missing - missing // 2)
    else:
        positions, pad = (length - extent) // stride + 1, (0, 0)
    end = (positions - 1) * stride + 1
    return pad, [slice(offset, offset + end, stride) for offset in range(0, extent, dilation)]
