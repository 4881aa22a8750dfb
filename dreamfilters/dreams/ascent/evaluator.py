"""Scores of images: the network's input form, the watched layers and the objective, as one differentiable function."""

from __future__ import annotations

from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError, reason
from dreamfilters.images.resizing import resize_matrix
from dreamfilters.networks import LOGITS, Network, before
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.watching import GradientRule


class Evaluator:
    """Scores images (n, h, w, c) by an objective on a network: (images, wanted) -> (n,)."""

    def __init__(self, network: Network, goal: Objective, canvas: Canvas) -> None:
        self.network, self.goal = network, goal
        self.names = {layer: layer if layer == LOGITS else network.layer(layer).name for layer in sorted(goal.layers)}
        self.nonlinear = frozenset(name for name in self.names.values() if name != LOGITS and network.has_linear(name))
        self.watch = network.watch(frozenset(self.names.values()))
        self.refusals: dict[tuple[int, int], str] = {}  # size -> why the network does not accept it, or ""
        self.shapes = self._shapes(canvas)

    def score(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return the score of each image."""
        return self._scores(self.watch(self._input(image)), wanted)

    def logits(self, image: Tensor) -> Tensor:
        """Return the logits of the classes."""
        return self.network.watch(frozenset({LOGITS}))(self._input(image))[LOGITS]

    def rest(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return how far the score of the values before the activation lies below 0; 0 where there are no such values.

        A unit is silent where these values are below 0, so this is its distance from a response.
        """
        if not self.nonlinear:
            return ops.zeros(image.shape[:1])
        addresses = {before(name) if name in self.nonlinear else name for name in self.names.values()}
        seen = self.network.watch(frozenset(addresses))(self._input(image))
        return ops.maximum(-self._scores(seen, wanted, pre_activation=True), 0.0)

    def ascent_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the value to raise and the score of each image.

        A score of exactly 0 belongs to units whose ReLU is 0 everywhere, which has no gradient. Their value before the
        ReLU is raised instead.
        """
        seen = self._activations(image, wanted)
        scores = raised = self._scores(seen, wanted)
        if self.goal.raised is not None:
            raised = self.goal.raised({layer: seen[name] for layer, name in self.names.items()}, wanted)
        if not self.nonlinear:
            return raised, scores
        return ops.where(scores == 0, self._scores(seen, wanted, pre_activation=True), raised), scores

    def relaxed_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the pre-activation value to raise, with the relaxed gradient, and the score of each image."""
        seen = self._activations(image, wanted, RELAXED)
        return self._scores(seen, wanted, pre_activation=True), self._scores(seen, wanted)

    def _activations(self, image: Tensor, wanted: Wanted, rule: GradientRule | None = None) -> dict[str, Tensor]:
        """Return the activations and pre-activations of the watched layers."""
        addresses = frozenset(self.names.values()) | {before(name) for name in self.nonlinear}
        only = {self.names[layer]: units for layer, units in self.goal.only(wanted).items()}
        return self.network.watch(addresses, rule=rule)(self._input(image), only)

    def _scores(self, seen: dict[str, Tensor], wanted: Wanted, *, pre_activation: bool = False) -> Tensor:
        addresses = {
            layer: before(name) if pre_activation and name in self.nonlinear else name
            for layer, name in self.names.items()
        }
        return self.goal.score({layer: seen[address] for layer, address in addresses.items()}, wanted)

    def _input(self, image: Tensor) -> Tensor:
        """Return the input of the network; images of a size that it does not accept are resized by `images.resize`."""
        count, height, width, channels = map(int, image.shape)
        form = self.network.form
        if self._accepts((height, width), channels):
            return form.to_input(image)
        rows = resize_matrix(height, form.size[0] or height, form.resize)
        columns = resize_matrix(width, form.size[1] or width, form.resize)
        # one matrix product per image and per row, whose bytes do not depend on the batch
        resized = ops.matmul(rows, ops.reshape(image, (count, height, width * channels)))
        resized = ops.matmul(columns, ops.reshape(resized, (count, len(rows), width, channels)))
        lowest, highest = (ops.stop_gradient(end(image, axis=(1, 2), keepdims=True)) for end in (ops.min, ops.max))
        return form.to_input(ops.maximum(ops.minimum(resized, highest), lowest))

    def _accepts(self, size: tuple[int, int], channels: int) -> bool:
        """Return whether the network runs on this size up to the watched layers; found by tracing, once per size."""
        if size == self.network.form.size:
            return True
        if size not in self.refusals:
            self.refusals[size] = ""
            try:
                if any(0 in shape for shape in self._shapes_on(size, channels).values()):
                    self.refusals[size] = "its map would be empty"
            except Exception as error:  # any error that a layer raises on a size that it was not built for
                self.refusals[size] = reason(error)
        return not self.refusals[size]

    def _shapes_on(self, size: tuple[int, int], channels: int) -> dict[str, tuple[int, ...]]:
        shapes = backend.output_shapes(
            lambda image: self.watch(self.network.form.to_input(image)), (1, *size, channels)
        )
        return {layer: shapes[name] for layer, name in self.names.items()}

    def _shapes(self, canvas: Canvas) -> dict[str, tuple[int, ...]]:
        """Return the watched layers' shapes (1, ..., c) on this canvas, or on the network's size after resizing.

        A head of dense layers or a transformer accepts one size only, so the image is resized for it. For a map, a
        canvas that is too small is an error: after resizing, the map would not be that of the canvas.
        """
        size = (canvas.height, canvas.width)
        if self._accepts(size, canvas.channels):
            return self._shapes_on(size, canvas.channels)
        height, width = self.network.form.size
        if height and width:
            shapes = self._shapes_on((height, width), canvas.channels)
            larger = size[0] >= height and size[1] >= width
            if larger or all(self.network.layer(name).kind != "map" for name in self.names.values()):
                return shapes
        layers = ", ".join("the classes" if layer == LOGITS else layer for layer in sorted(self.names))
        native = f"; its native size is {height}x{width}" if height and width else ""
        raise RecipeError(
            f"canvas {size[0]}x{size[1]}: too small for {layers} of {self.network.name}{native} "
            f"({self.refusals[size][:120]})"
        )
