"""Optimizers: pure functions from a gradient and a state to a step, with one row per image; all of them ascend.

The optimizers of Keras hold variables for one loss. Here each image is optimized, stopped and restarted independently,
so the state is a value with one row per image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

from dreamfilters.dreams.settings import Settings, above, below

if TYPE_CHECKING:
    from keras import ops, tree

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
else:
    from dreamfilters.lazy_module import backend, ops, tree

Tree: TypeAlias = Any  # a dict of arrays, one row per image
Rate: TypeAlias = Annotated[float, above(0)]
Beta: TypeAlias = Annotated[float, below(0, 1)]
Schedule: TypeAlias = Literal["constant", "cosine", "linear", "warm-cosine"]

_WARM_UP = 0.1  # share of the steps during which "warm-cosine" rises
_TINY = 1e-8


class Optimizer(Protocol):
    """Turns gradients into steps."""

    @property
    def rate(self) -> float:
        """Return the learning rate."""

    def start(self, params: Tree) -> Tree:
        """Return the state before the first step."""

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the step for a learning rate of 1, and the next state; `step` counts from 0."""


def schedule_factor(schedule: Schedule, step: Tensor, steps: int) -> Tensor:
    """Return the factor of the learning rate at a step, counted from 0.

    "constant" is 1, "cosine" and "linear" fall to 0 at the end, "warm-cosine" rises over the first tenth of the steps
    and then falls.
    """
    done = ops.cast(step, "float32") / max(steps, 1)
    if schedule == "cosine":
        return 0.5 * (1 + ops.cos(math.pi * done))
    if schedule == "linear":
        return 1 - done
    if schedule == "warm-cosine":
        rising = ops.minimum((done + 1 / max(steps, 1)) / _WARM_UP, 1.0)
        return rising * 0.5 * (1 + ops.cos(math.pi * ops.maximum(done - _WARM_UP, 0.0) / (1 - _WARM_UP)))
    return ops.ones_like(done)


@dataclass(frozen=True)
class Adam(Settings):
    """Kingma and Ba (2015)."""

    rate: Rate = 0.05
    beta1: Beta = 0.9
    beta2: Beta = 0.999

    def start(self, params: Tree) -> Tree:
        """Return the sums of gradients and of their squares, both 0."""
        return {
            "first": tree.map_structure(ops.zeros_like, params),
            "second": tree.map_structure(ops.zeros_like, params),
        }

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the bias-corrected first moment over the root of the second."""
        of_sum = (1 - self.beta1) / (1 - ops.power(self.beta1, _count(step)))
        return self._over_root(gradient, state, step, lambda total, g: of_sum * total)

    def _over_root(self, gradient: Tree, state: Tree, step: Tensor, top: Any) -> tuple[Tree, Tree]:
        """Return `top(running sum, gradient)` over the root of the mean square, and the new running sums.

        The sums are beta * sum + gradient. The factor (1 - beta) and the bias correction, which turn them into moments,
        are applied to the step as a whole, because each pass over all parameters takes time.
        """
        first = tree.map_structure(lambda total, g: self.beta1 * total + g, state["first"], gradient)
        second = tree.map_structure(lambda total, g: self.beta2 * total + ops.square(g), state["second"], gradient)
        scale = ops.sqrt((1 - self.beta2) / (1 - ops.power(self.beta2, _count(step))))
        # without _TINY, TensorFlow uses an approximate reciprocal root, which differs between batches
        move = tree.map_structure(lambda m, v, g: top(m, g) / (ops.sqrt(v) * scale + _TINY), first, second, gradient)
        return move, {"first": first, "second": second}


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov momentum (Dozat 2016), with a constant first decay."""

    rate: Rate = 0.5
    beta1: Beta = 0.9
    beta2: Beta = 0.99

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the Nesterov first moment over the root of the second."""
        of_sum = self.beta1 * (1 - self.beta1) / (1 - ops.power(self.beta1, _count(step) + 1))
        of_gradient = (1 - self.beta1) / (1 - ops.power(self.beta1, _count(step)))
        return self._over_root(gradient, state, step, lambda total, g: of_sum * total + of_gradient * g)


def _count(step: Tensor) -> Tensor:
    return ops.cast(step, "float32") + 1


@dataclass(frozen=True)
class RMSprop(Settings):
    """The gradient over the root of its mean square (Tieleman and Hinton 2012)."""

    rate: Rate = 0.05
    rho: Beta = 0.9

    def start(self, params: Tree) -> Tree:
        """Return a mean square of 0."""
        return {"second": tree.map_structure(ops.zeros_like, params)}

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the scaled gradient."""
        second = tree.map_structure(
            lambda v, g: self.rho * v + (1 - self.rho) * ops.square(g), state["second"], gradient
        )
        return tree.map_structure(lambda g, v: g / (ops.sqrt(v) + _TINY), gradient, second), {"second": second}


@dataclass(frozen=True)
class Momentum(Settings):
    """Gradient ascent with momentum (Polyak 1964)."""

    rate: Rate = 1.0
    momentum: Beta = 0.9

    def start(self, params: Tree) -> Tree:
        """Return a velocity of 0."""
        return {"velocity": tree.map_structure(ops.zeros_like, params)}

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the velocity."""
        velocity = tree.map_structure(lambda v, g: self.momentum * v + g, state["velocity"], gradient)
        return velocity, {"velocity": velocity}


@dataclass(frozen=True)
class Sign(Settings):
    """Every parameter moves by the learning rate, in the direction of its gradient (FGSM, Goodfellow et al. 2015)."""

    rate: Rate = 0.01

    def start(self, params: Tree) -> Tree:
        """Return no state."""
        return {}

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the gradient's sign."""
        return tree.map_structure(ops.sign, gradient), state


@dataclass(frozen=True)
class Normalized(Settings):
    """The gradient divided by its norm: "l2" is the root mean square (keras-vis), "l1" the mean |g| (DeepDream)."""

    rate: Rate = 1.0
    norm: Literal["l1", "l2"] = "l2"

    def start(self, params: Tree) -> Tree:
        """Return no state."""
        return {}

    def move(self, gradient: Tree, state: Tree, step: Tensor) -> tuple[Tree, Tree]:
        """Return the normalized gradient of each image."""

        def scaled(g: Tensor) -> Tensor:
            norm = backend.row_means(ops.abs(g)) if self.norm == "l1" else ops.sqrt(backend.row_means(ops.square(g)))
            return g / ops.reshape(norm + _TINY, (-1,) + (1,) * (len(g.shape) - 1))

        return tree.map_structure(scaled, gradient), state
