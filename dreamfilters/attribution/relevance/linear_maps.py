"""The linear maps of layers, x -> apply(x, kernel), whose kernel can be replaced by its positive or negative part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import CONVOLUTIONS, Step
from dreamfilters.networks.reproducible import with_enough_rows

LINEAR = (*CONVOLUTIONS, keras.layers.Dense, keras.layers.EinsumDense)

_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)


@dataclass(frozen=True, eq=False)
class LinearMap:
    """What a layer computes before its bias and activation.

    Attributes:
        kernel: in float32.
        apply: (x, a kernel of the same shape) -> the output.
    """

    kernel: Tensor
    apply: Callable[[Tensor, Tensor], Tensor]

    def positive(self, raising: Tensor, lowering: Tensor) -> Tensor:
        """Return the sum of the contributions >= 0 of parts of the input, `raising` >= 0 and `lowering` <= 0."""
        return self.apply(raising, ops.maximum(self.kernel, 0)) + self.apply(lowering, ops.minimum(self.kernel, 0))

    def negative(self, raising: Tensor, lowering: Tensor) -> Tensor:
        """Return the sum of the contributions <= 0 of the same parts."""
        return self.apply(raising, ops.minimum(self.kernel, 0)) + self.apply(lowering, ops.maximum(self.kernel, 0))


@dataclass(frozen=True, eq=False)
class NormScale:
    """What a batch normalization computes in inference: x * factor + shift, with the axes of its input."""

    factor: Tensor
    shift: Tensor


def norm_scale(norm: Any, rank: int) -> NormScale:
    """Return the factor and the shift of a batch normalization of tensors with `rank` axes."""
    factor = ops.rsqrt(norm.moving_variance + norm.epsilon)
    factor = factor * norm.gamma if norm.scale else factor
    shift = -norm.moving_mean * factor
    shift = shift + norm.beta if norm.center else shift
    shape = [1] * rank
    shape[norm.axis] = -1
    return NormScale(ops.reshape(factor, shape), ops.reshape(shift, shape))


def takes_scale(step: Step, norm: Step) -> bool:
    """Return whether a batch normalization after a linear layer without activation can be a factor of its kernel."""
    if norm.type != "BatchNormalization" or not isinstance(step.operation, LINEAR):
        return False
    rank = len(step.shape) + 1
    channels = 1 if step.channels_first and rank == 4 else rank - 1
    return not isinstance(step.operation, keras.layers.EinsumDense) and norm.operation.axis % rank == channels


def linear_maps(step: Step, scale: NormScale | None) -> tuple[LinearMap, ...]:
    """Return the linear maps of a layer in order, two for a separable convolution, the last one scaled.

    Raises:
        ModelError: the layer is quantized.
    """
    layer = step.operation
    if getattr(layer, "quantization_mode", None):
        raise ModelError(f"lrp: no rule for a quantized {step.type} ({step.name}); use integrated-gradients")
    factor = None if scale is None else ops.reshape(scale.factor, (-1,))
    if isinstance(layer, _SEPARABLE):
        pointwise = ops.cast(layer.pointwise_kernel, "float32")
        return (
            LinearMap(ops.cast(layer.depthwise_kernel, "float32"), _depthwise(layer)),
            LinearMap(pointwise if factor is None else pointwise * factor, _pointwise(layer)),
        )
    kernel = ops.cast(layer.kernel, "float32")
    if factor is not None:
        kernel = kernel * _on_outputs(layer, kernel, factor)
    return (LinearMap(kernel, _apply(layer)),)


def _on_outputs(layer: Any, kernel: Tensor, factor: Tensor) -> Tensor:
    """Return a factor of each output channel with the axes of the kernel."""
    if isinstance(layer, _DEPTHWISE):
        return ops.reshape(factor, kernel.shape[-2:])
    return factor[:, None] if isinstance(layer, _TRANSPOSED) else factor


def _apply(layer: Any) -> Callable[[Tensor, Tensor], Tensor]:
    if isinstance(layer, keras.layers.Dense):
        return lambda x, kernel: with_enough_rows(lambda rows: ops.matmul(rows, kernel))(x)
    if isinstance(layer, keras.layers.EinsumDense):
        return lambda x, kernel: ops.einsum(layer.equation, x, kernel)
    if isinstance(layer, _DEPTHWISE):
        return _depthwise(layer)
    if isinstance(layer, _TRANSPOSED):
        return lambda x, kernel: ops.conv_transpose(
            x, kernel, list(layer.strides), layer.padding, layer.output_padding, layer.data_format, layer.dilation_rate
        )
    return layer.convolution_op  # type: ignore[no-any-return]


def _depthwise(layer: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, kernel: ops.depthwise_conv(
        x, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate
    )


def _pointwise(layer: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, kernel: ops.conv(x, kernel, 1, "valid", layer.data_format)
