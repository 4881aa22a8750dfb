"""The training of a denoiser: steps of Adam on noisy images, as a pure function of a state that can be stored."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.priors.denoiser import DATA_STD, denoised, initial_weights
from dreamfilters.dreams.priors.denoiser_weights import Architecture
from dreamfilters.dreams.priors.pixel_store import PixelStore

State: TypeAlias = dict[str, Any]  # "weights", their running "average", those of the optimizer: "first", "second"

BATCH = 48  # images of a step
_ADAM = Adam(rate=2e-3, beta1=0.9, beta2=0.99)
_WARM, _FALLS, _LAST = 100, 0.6, 0.02  # steps of rising rate; share of the steps before it falls; share at the end
_CLIP = 1.0  # largest norm of a gradient
_SIGMA_MEAN, _SIGMA_STD = -1.0, 1.4  # of log(sigma) in training; EDM has -1.2 and 1.2
_TRIAL_STEPS = 8  # timed, to find how many steps fit into a time
_SHOWN = 200  # steps whose mean loss is shown


@dataclass(frozen=True, eq=False)
class DenoiserTraining:
    """The training of a denoiser on some images; equal values give equal bytes on one machine.

    Attributes:
        pixels: the images, in 8 bits.
        rows: (n,) the numbers of those that are trained on.
        architecture: of the denoiser.
        steps: number of steps; the learning rate depends on it.
        seed: random seed.
    """

    pixels: PixelStore = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    architecture: Architecture
    steps: int
    seed: int

    def start(self) -> State:
        """Return the state before the first step."""
        weights = {name: backend.tensor(value) for name, value in initial_weights(self.architecture, self.seed).items()}
        return {"weights": weights, "average": weights, **_ADAM.start(weights)}

    def run(
        self, state: State, losses: list[float], on_step: Callable[[State, list[float]], None] | None = None
    ) -> State:
        """Return the state after the last step, from that after `len(losses)` steps, to which further ones are added.

        The loss of a step is the mean square error, weighted as by Karras et al. (2022), so that it is near 1 before
        the training at every noise level.
        """
        while len(losses) < self.steps:
            state, loss = self._step(state, *self._batch(len(losses)))
            losses.append(float(loss))
            if on_step is not None:
                on_step(state, losses)
        return state

    def steps_within(self, seconds: float) -> int:
        """Return the number of steps that take this time, from the median of a few; a result depends on it only."""
        state, times = self.start(), []
        for number in range(_TRIAL_STEPS):
            began = time.perf_counter()
            _, loss = self._step(state, *self._batch(number))
            float(loss)  # it is computed now
            times.append(time.perf_counter() - began)
        return max(1, int(seconds / statistics.median(times)))

    @property
    def _step(self) -> Callable[..., tuple[State, Tensor]]:
        return _compiled_step()

    @cached_property
    def _seeds(self) -> Tensor:
        return backend.tensor(np.array([backend.seed_of(self.seed, "denoiser", row) for row in range(BATCH)]))

    def _batch(self, number: int) -> tuple[Tensor, ...]:
        """Return the arguments of a step: images, their seeds, the rate and the decay of the average."""
        chosen = np.random.default_rng([self.seed, 1, number]).integers(0, len(self.rows), BATCH)
        images = self.pixels.take(self.rows[chosen]).astype(np.float32) / np.float32(127.5) - 1
        decay = min(0.995, (1 + number) / (10 + number))  # the first weights are soon forgotten
        numbers = (np.float32(rate_at(number, self.steps)), np.float32(decay), np.int32(number))
        return (backend.tensor(images), self._seeds, *map(backend.tensor, numbers))


def rate_at(number: int, steps: int) -> float:
    """Return the learning rate of a step: it rises over 100 steps, and falls over the last two fifths.

    >>> [round(rate_at(step, 1000), 5) for step in (0, 99, 600, 800, 999)]
    [2e-05, 0.002, 0.002, 0.001, 4e-05]
    """
    done = number / steps
    falling = 1.0 if done < _FALLS else max(_LAST, (1 - done) / (1 - _FALLS))
    return _ADAM.rate * min(1.0, (number + 1) / _WARM) * falling


def mean_loss(losses: list[float]) -> float:
    """Return the mean loss of the last steps."""
    return float(np.mean(losses[-_SHOWN:], dtype=np.float64))


@cache
def _compiled_step() -> Callable[..., tuple[State, Tensor]]:
    """Return the compiled step; compiling takes seconds, and trainings share it."""
    return backend.compile(_step)


def _step(
    state: State, images: Tensor, seeds: backend.Seeds, rate: Tensor, decay: Tensor, number: Tensor
) -> tuple[State, Tensor]:
    """Return the state after a step, and its loss."""
    seeds = backend.fold(seeds, number)
    level = backend.normal(backend.fold(seeds, 0), (1, 1, 1))
    sigma = ops.exp(level * _SIGMA_STD + _SIGMA_MEAN)
    noisy = images + sigma * backend.normal(backend.fold(seeds, 1), tuple(images.shape[1:]))
    weight = (sigma * sigma + DATA_STD**2) / ops.square(sigma * DATA_STD)

    def negative_loss(weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        loss = ops.mean(weight * ops.square(denoised(weights, noisy, sigma) - images))
        return -loss, loss

    (_, loss), slope = backend.value_and_gradient(negative_loss)(state["weights"])
    norm = ops.sqrt(sum(ops.sum(ops.square(part)) for part in slope.values()))
    slope = keras.tree.map_structure(lambda part: part * ops.minimum(1.0, _CLIP / (norm + 1e-8)), slope)
    moments = {"first": state["first"], "second": state["second"]}
    move, moments = _ADAM.move(slope, moments, number)
    weights = keras.tree.map_structure(lambda value, by: value + rate * by, state["weights"], move)
    average = keras.tree.map_structure(lambda a, b: decay * a + (1 - decay) * b, state["average"], weights)
    return {"weights": weights, "average": average, **moments}, loss
