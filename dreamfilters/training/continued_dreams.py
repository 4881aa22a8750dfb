"""Dreams that go on from look to look: the same images take a few more steps on weights that have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.dreams.ascent.compiled_step import build
from dreamfilters.dreams.default_recipes import recipe_of
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import Network

_LAYERS = 3  # of which units are dreamed by default
_UNITS = 2  # of each of them, and classes


def default_targets(network: Network, layers: Sequence[str]) -> tuple[str, ...]:
    """Return two units of each of three of the layers, evenly spaced before the output, and two classes."""
    output = network.output_layer.name
    inner = [info for name in layers if (info := network.layer(name)).dreamable and info.name != output]
    chosen = [inner[place] for place in _spread(len(inner), _LAYERS)]
    units = [f"{quoted(info.name)}:{unit}" for info in chosen for unit in _spread(info.units, _UNITS)]
    classes = _spread(len(network.classes), _UNITS) if network.is_classifier else []
    return (*units, *(f"class:{number}" for number in classes))


def _spread(count: int, most: int) -> list[int]:
    return sorted({round(place * (count - 1) / max(1, most - 1)) for place in range(min(most, count))})


class ContinuedDreams:
    """The dreams of some targets on one network, whose weights may change between the calls of `advance`."""

    def __init__(self, network: Network, targets: Sequence[str], recipe: Recipe, seed: int) -> None:
        """Take the targets, a recipe that can start from an image, and a seed.

        Raises:
            TargetError, UnknownNameError: the network does not have a target.
            RecipeError: the canvas does not fit.
        """
        objectives = goals(network, targets, class_score=recipe.class_score) if targets else []
        self._batches = [_Batch(network, goal, recipe, seed) for goal in objectives]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the targets, in the order of the images."""
        return tuple(name for batch in self._batches for name in batch.goal.names)

    def advance(self, steps: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Take steps on the network as it is now; return the images (targets, h, w, c) and their scores (targets,)."""
        made = [batch.advance(steps) for batch in self._batches]
        if not made:
            return np.zeros((0, 1, 1, 1), np.uint8), np.zeros(0, np.float32)
        return np.concatenate([images for images, _ in made]), np.concatenate([scores for _, scores in made])

    def restart(self, images: NDArray[np.uint8], done: int) -> None:
        """Go on from these images, (targets, h, w, c), which took so many steps before, in another process or here."""
        start = 0
        for batch in self._batches:
            batch.restart(images[start : start + len(batch.goal)], done)
            start += len(batch.goal)


class _Batch:
    """The dreams of one objective: its compiled step, and the state of the ascent."""

    def __init__(self, network: Network, goal: Objective, recipe: Recipe, seed: int) -> None:
        self.goal, self.recipe = goal, recipe_of(network, goal, recipe)
        self.canvas = canvas_of(network, self.recipe)
        self.program = build(network, goal, self.recipe, self.canvas)
        self.wanted = keras.tree.map_structure(backend.tensor, goal.wanted)
        self.seeds = backend.tensor(np.array([backend.seed_of(seed, name, 0) for name in goal.names], "uint64"))
        self.state: dict[str, Any] = self.program.start(self.seeds)
        self.done = 0

    def advance(self, steps: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        # An image whose score was not finite for one look may go on at the next one.
        state = {**self.state, "alive": ops.ones((len(self.goal),), "bool")}
        if steps:
            state, _, _ = self.program.steps(state, self.seeds, self.wanted, self.done, self.done + steps)
        self.state, self.done = state, self.done + steps
        images = self.program.to_image(state["params"])
        scores = np.array(self.program.score(images, self.wanted), np.float32)
        return np.floor(np.asarray(images) * 255 + 0.5).astype(np.uint8), scores

    def restart(self, images: NDArray[np.uint8], done: int) -> None:
        self.done = done
        params = self.recipe.parameterization.fit(images / np.float32(255), self.canvas)
        self.state = self.program.start_from(keras.tree.map_structure(backend.tensor, params))
