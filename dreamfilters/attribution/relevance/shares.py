"""How the relevance of an output is shared out to the parts of the inputs that it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.relevance.linear_maps import LinearMap
from dreamfilters.backend import Tensor

Box: TypeAlias = tuple[Tensor, Tensor]  # the least and the greatest value of an input of the network
Parts: TypeAlias = Sequence[Tensor]

_LEAST = 1e-20  # of a sum of contributions: a quotient by a smaller one would overflow


def halves(x: Tensor) -> Parts:
    """Return the positive and the negative part of a tensor, whose sum it is."""
    return ops.maximum(x, 0), ops.minimum(x, 0)


def by_contributions(
    relevance: Tensor, output: Tensor, parts: Parts, positive: Callable[..., Tensor], negative: Callable[..., Tensor]
) -> Parts:
    """Return the relevance of each part, in proportion to its contributions of the output's sign.

    Biases take no share. For an output of at least 0 this is alpha1-beta0 (Bach et al. 2015). For a negative output it
    is the same of the negated layer, the generalized gamma rule (Andeol et al., "Learning domain invariant
    representations by joint Wasserstein distance minimization", 2021) for a large gamma.

    Args:
        relevance: of the output.
        output: its value, biases included.
        parts: of the inputs.
        positive, negative: linear functions of the parts, the sums of the contributions of each sign.
    """

    def shared(contributions: Tensor, chosen: Tensor) -> Tensor:
        quotient = ops.where(chosen, relevance / ops.where(chosen, contributions, 1.0), 0.0)
        return ops.sum(contributions * ops.stop_gradient(quotient))

    def total(parts: Parts) -> tuple[Tensor, None]:
        raising, lowering = positive(*parts), negative(*parts)
        return (
            shared(raising, (output >= 0) & (raising > _LEAST)) + shared(lowering, (output < 0) & (lowering < -_LEAST)),
            None,
        )

    _, gradients = backend.value_and_gradient(total)(list(parts))
    return [part * gradient for part, gradient in zip(parts, gradients, strict=True)]


def by_parts(linear: LinearMap, relevance: Tensor, output: Tensor, x: Tensor, box: Box | None) -> Tensor:
    """Return the relevance of the input of a linear map by alpha1-beta0 (z-plus), or by z-B for pixels in a box.

    z-B takes the distances from the least and greatest values as the parts of a pixel, so that a black one counts too
    (Montavon et al., "Explaining nonlinear classification decisions with deep Taylor decomposition", 2017).
    """
    parts = halves(x) if box is None else (x - box[0], x - box[1])
    raising, lowering = by_contributions(relevance, output, parts, linear.positive, linear.negative)
    return raising + lowering


def by_epsilon(linear: LinearMap, relevance: Tensor, output: Tensor, x: Tensor, epsilon: float) -> Tensor:
    """Return the relevance of the input of a linear map by the epsilon rule; bias and epsilon take their share.

    `epsilon` is a share of the root mean square of the outputs of an image (Montavon et al. 2019, section 10.2).
    """
    size = ops.reshape(ops.sqrt(backend.row_means(ops.square(output))), (-1, *[1] * (len(output.shape) - 1)))
    stable = output + float(epsilon) * ops.where(output < 0, -size, size)
    share = ops.where(stable != 0, relevance / ops.where(stable != 0, stable, 1.0), 0.0)
    _, gradient = backend.value_and_gradient(lambda x: (ops.sum(linear.apply(x, linear.kernel) * share), None))(x)
    return x * gradient
