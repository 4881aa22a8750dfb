"""The kernels of a convolution as images, of any number of channels."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.circuits.result import signed_image
from dreamfilters.errors import ModelError
from dreamfilters.images import ImageArray
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.graph import Step

_CONVOLUTIONS = (
    keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose,
)  # fmt: skip
_GAP = 1  # pixels between the channels of a kernel
_GROUND = 0.45  # their color, which no weight has: red, white and blue are the weights


def kernels_of(network: Network, layer: str) -> NDArray[np.float32]:
    """Return the kernel of each unit of a convolution, (units, h, w, c) for the c channels that it reads.

    Those of a depthwise convolution have one channel, and those of a separable one are the product of both its steps.

    Raises:
        UnknownNameError: the network has no such layer.
        ModelError: it is no 2-D convolution.

    Example:
        >>> kernels_of(network, "conv1").shape
        (32, 3, 3, 3)
    """
    name = network.layer(layer).name
    found = _kernels(network.graph.by_name[name])
    if found is None:
        kind = network.layer(name).type
        raise ModelError(f"{name}: a {kind} has no kernels to draw; a {first_convolution(network) or 'Conv2D'} has")
    return np.ascontiguousarray(found, np.float32)


def first_convolution(network: Network) -> str:
    """Return the first layer whose kernels can be drawn, '' for none.

    >>> first_convolution(network)
    'conv1'
    """
    return next(iter(convolutions(network)), "")


def convolutions(network: Network) -> tuple[str, ...]:
    """Return the layers whose kernels can be drawn.

    >>> convolutions(network)
    ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6')
    """
    return tuple(step.name for step in network.graph.steps if isinstance(step.operation, _CONVOLUTIONS))


def kernel_images(network: AnyNetwork, layer: str) -> tuple[ImageArray, ...]:
    """Return the kernels of a convolution as images (H, W, 3), each on its own scale.

    Where the layer reads a color or gray image, a kernel is a color or gray image too: the mid-gray is 0. Otherwise its
    channels lie side by side in a grid, white for 0, blue for positive and red for negative weights.

    Raises:
        UnknownNameError, ModelError: as `kernels_of`.

    Example:
        >>> kernel_images(network, "conv1")[0].shape, kernel_images(network, "conv2")[0].shape
        ((3, 3, 3), (15, 31, 3))
    """
    network = network_of(network)
    kernels = kernels_of(network, layer)
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.nan_to_num(kernels / np.where(largest > 0, largest, 1))
    channels, form = kernels.shape[-1], network.form
    if channels in (1, 3) and channels == form.channels and _reads_image(network, layer):
        colors = 0.5 + scaled[..., ::-1] / 2 if form.order == "BGR" else 0.5 + scaled / 2
        return tuple(np.asarray(np.broadcast_to(one, (*one.shape[:2], 3)), np.float32) for one in colors)
    return tuple(_grid(one) for one in scaled)


def _kernels(step: Step) -> NDArray[Any] | None:
    """Return the kernels (units, h, w, c) of a step, None if it is no 2-D convolution."""
    layer = step.operation
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = as_numpy(layer.kernel)  # (h, w, c, multiplier)
        return np.moveaxis(kernel.reshape(*kernel.shape[:2], -1), -1, 0)[..., None]
    if isinstance(layer, keras.layers.SeparableConv2D):
        depthwise, pointwise = as_numpy(layer.depthwise_kernel), as_numpy(layer.pointwise_kernel)[0, 0]
        by_channel = pointwise.reshape(*depthwise.shape[2:], -1)
        return np.asarray(np.einsum("hwcm,cmu->uhwc", depthwise, by_channel))
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return np.transpose(as_numpy(layer.kernel), (2, 0, 1, 3))
    if isinstance(layer, keras.layers.Conv2D):
        return np.moveaxis(as_numpy(layer.kernel), -1, 0)
    return None


def _reads_image(network: Network, layer: str) -> bool:
    """Return whether no layer with weights lies between the image and a layer."""
    graph = network.graph
    step = graph.by_name[network.layer(layer).name]
    before = graph.needed({step.inputs[0]} - {0})
    return not any(len(weight.shape) > 1 for one in before for weight in getattr(one.operation, "weights", ()))


def _grid(kernel: NDArray[np.float32]) -> ImageArray:
    """Return the channels of a kernel (h, w, c) in [-1, 1] as a grid with few empty cells."""
    height, width, count = kernel.shape
    square = math.isqrt(count - 1) + 1
    columns = min(range(square, 2 * square), key=lambda columns: (-count % columns, columns))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), _GROUND, np.float32)
    for number in range(count):
        row, column = divmod(number, columns)
        top, left = row * (height + _GAP), column * (width + _GAP)
        sheet[top : top + height, left : left + width] = signed_image(kernel[..., number])
    return sheet
