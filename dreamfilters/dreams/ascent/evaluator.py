"""A look at images: shown to a network in its form, and scored by what the watched layers do."""

from __future__ import annotations

from typing import Any, TypeAlias

from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError, reason
from dreamfilters.networks import LOGITS, Network, before
from dreamfilters.networks.watching import ForwardPass

Tensor: TypeAlias = Any


class Evaluator:
    """Shows images to a network and scores what the watched layers do: (images, wanted) -> (n,)."""

    def __init__(self, network: Network, goal: Objective, canvas: Canvas) -> None:
        self.network, self.goal = network, goal
        self.names = {layer: layer if layer == LOGITS else network.layer(layer).name for layer in goal.layers}
        self.bent = frozenset(name for name in self.names.values() if name != LOGITS and network.has_linear(name))
        self.watch = network.watch(frozenset(self.names.values()))
        self.refusals: dict[tuple[int, int], str] = {}  # sizes that the network cannot take, with its words
        self.shapes = self._shapes(canvas)

    def judge(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return one score an image."""
        return self._scores(self._shown(image, self.watch), wanted)

    def climbed(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return what to raise, and the scores.

        A score of exactly 0 is that of units whose ReLU is silent, which has no gradient: these are raised before it.
        """
        seen = self._shown(image, self.network.watch(self._addresses), self._only(wanted))
        scores = self._scores(seen, wanted)
        if not self.bent:
            return scores, scores
        return ops.where(scores == 0, self._scores(seen, wanted, unbent=True), scores), scores

    def activated(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return what to raise in an image that did not rise, and the scores."""
        seen = self._shown(image, self.network.watch(self._addresses, relaxed=True), self._only(wanted))
        return self._scores(seen, wanted, unbent=True), self._scores(seen, wanted)

    @property
    def _addresses(self) -> frozenset[str]:
        return frozenset(self.names.values()) | {before(name) for name in self.bent}

    def _scores(self, seen: dict[str, Tensor], wanted: Wanted, *, unbent: bool = False) -> Tensor:
        addresses = {
            layer: before(name) if unbent and name in self.bent else name for layer, name in self.names.items()
        }
        return self.goal.score({layer: seen[address] for layer, address in addresses.items()}, wanted)

    def _only(self, wanted: Wanted) -> dict[str, Tensor]:
        return {self.names[layer]: units for layer, units in self.goal.only(wanted).items()}

    def _shown(self, image: Tensor, watch: ForwardPass, only: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Return what is seen of images, their size changed only where the network takes no other than its own."""
        return watch(self.network.form.to_input(self._sized(image)), only)

    def _sized(self, image: Tensor) -> Tensor:
        size = (int(image.shape[1]), int(image.shape[2]))
        if self._takes(size, int(image.shape[3])):
            return image
        return ops.image.resize(image, self.network.form.size, interpolation="bilinear", antialias=True)

    def _takes(self, size: tuple[int, int], channels: int) -> bool:
        """Say whether the network runs on this size up to what is watched; tried once, without computing anything."""
        if size == self.network.form.size:
            return True
        if size not in self.refusals:
            self.refusals[size] = ""
            try:
                if any(0 in shape for shape in self._shapes_on(size, channels).values()):
                    self.refusals[size] = "its map would be empty"
            except Exception as error:  # whatever a layer says of a size it was not built for
                self.refusals[size] = reason(error)
        return not self.refusals[size]

    def _shapes_on(self, size: tuple[int, int], channels: int) -> dict[str, tuple[int, ...]]:
        shapes = backend.output_shapes(
            lambda image: self.watch(self.network.form.to_input(image)), (1, *size, channels)
        )
        return {layer: shapes[name] for layer, name in self.names.items()}

    def _shapes(self, canvas: Canvas) -> dict[str, tuple[int, ...]]:
        """Return the watched layers' shapes (1, ..., c) on this canvas, or on the network's size that it is resized to.

        A head of dense layers takes one size only, and an image may be resized for it. A map is not resized: asked for
        on a canvas that is too small for it, it would silently belong to another one.
        """
        size = (canvas.height, canvas.width)
        if self._takes(size, canvas.channels):
            return self._shapes_on(size, canvas.channels)
        height, width = self.network.form.size
        if height and width:
            shapes = self._shapes_on((height, width), canvas.channels)
            larger = size[0] >= height and size[1] >= width
            if larger or all(len(shape) == 2 for shape in shapes.values()):
                return shapes
        own = f"; its own size is {height}x{width}" if height and width else ""
        raise RecipeError(
            f"canvas {size[0]}x{size[1]}: too small for {_listed(self.goal)} of {self.network.name}{own} "
            f"({self.refusals[size][:120]})"
        )


def _listed(goal: Objective) -> str:
    return ", ".join("the classes" if layer == LOGITS else layer for layer in sorted(goal.layers))
