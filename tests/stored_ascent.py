"""What one step and ten ascents give with TensorFlow, stored for the other backends.

`python -m tests.stored_ascent` computes and stores them again, after a change of what a step does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.dreams.ascent.compiled_step import build
from dreamfilters.dreams.engine import canvas_of, dream
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.optimizers import Momentum
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Jitter, Rotate, Scale
from dreamfilters.networks import load

STORED = Path(__file__).with_name("tensorflow_ascent.npz")


def gradient() -> NDArray[np.float32]:
    """Return the gradient of two units of `signs` with respect to pixels, (2, h, w, c), under random transforms."""
    # this optimizer moves the pixels by their gradient
    recipe = Recipe(Pixels(), (Jitter(4), Rotate(5.0), Scale(0.05)), optimizer=Momentum(1.0, 0.0), steps=8)
    network, goal = load("signs"), channel("conv4", [3, 7])
    program = build(network, goal, recipe, canvas_of(network, recipe))
    pixels = np.random.default_rng(0).normal(size=(2, 48, 48, 3)).astype("float32")
    seeds = backend.tensor(np.array([3, 14], "uint64"))
    state = program.start_from({"pixels": backend.tensor(pixels)})
    state, _, _ = program.steps(state, seeds, goal.wanted, 5, 6)
    return np.asarray(state["params"]["pixels"]) - pixels


def scores() -> NDArray[np.float32]:
    """Return the scores of the dreams of ten filters of `signs`, (10,)."""
    return np.array([one.score for one in dream(load("signs"), "conv4:0-9", Recipe(steps=48), seed=7)], "float32")


def normals() -> NDArray[np.float32]:
    """Return normal random numbers of two seeds, (2, 4096)."""
    return np.asarray(backend.normal(np.array([3, 14], "uint64"), (4096,)))


if __name__ == "__main__":
    np.savez_compressed(STORED, gradient=gradient().astype("float16"), scores=scores(), normals=normals())
