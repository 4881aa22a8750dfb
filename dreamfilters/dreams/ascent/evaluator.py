"""Scores of images: the network's input form, the watched layers and the objective, as one differentiable function."""

from __future__ import annotations

from keras import ops

from dreamfilters.backend import Precision, Tensor
from dreamfilters.dreams.ascent.canvas_watch import CanvasWatch
from dreamfilters.dreams.objectives.objective import VIEWS, Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.networks import LOGITS, Network, before
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.watching import GradientRule


class Evaluator:
    """Scores images (n, h, w, c) by an objective on a network: (images, wanted) -> (n,).

    An ascent gives `views` views of each image, and as many rows of `wanted`. In its steps, the layers of the network
    can compute in less than float32; images are scored in float32.

    Raises:
        RecipeError, ModelError: the canvas is too small for a layer, or a layer does not compute in this precision.
    """

    def __init__(
        self, network: Network, goal: Objective, canvas: Canvas, *, views: int = 1, precision: Precision = "float32"
    ) -> None:
        self.network, self.goal, self.views, self.precision = network, goal, views, precision
        self.watched = CanvasWatch(network, goal.layers, canvas, precision)
        self.names, self.shapes = self.watched.names, self.watched.shapes
        self.nonlinear = frozenset(name for name in self.names.values() if name != LOGITS and network.has_linear(name))

    def score(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return the score of each image."""
        return self._scores(self.watched.activations(image), wanted)

    def logits(self, image: Tensor) -> Tensor:
        """Return the logits of the classes."""
        return self.network.watch(frozenset({LOGITS}))(self.watched.input_of(image))[LOGITS]

    def rest(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return how far the score of the values before the activation lies below 0; 0 where there are no such values.

        A unit is silent where these values are below 0, so this is its distance from a response.
        """
        if not self.nonlinear:
            return ops.zeros(image.shape[:1])
        addresses = {before(name) if name in self.nonlinear else name for name in self.names.values()}
        seen = self.network.watch(frozenset(addresses))(self.watched.input_of(image))
        return ops.maximum(-self._scores(seen, wanted, pre_activation=True), 0.0)

    def ascent_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the value to raise and the score of each image.

        A score of exactly 0 belongs to units whose ReLU is 0 everywhere, which has no gradient. Their value before the
        ReLU is raised instead.
        """
        seen = self._activations(image, wanted)
        scores = raised = self._scores(seen, wanted, self.views)
        if self.goal.raised is not None:
            raised = self.goal.raised(self._seen_by_goal(seen, self.views), wanted)
        if not self.nonlinear:
            return raised, scores
        return ops.where(scores == 0, self._scores(seen, wanted, self.views, pre_activation=True), raised), scores

    def relaxed_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the pre-activation value to raise, with the relaxed gradient, and the score of each image."""
        seen = self._activations(image, wanted, RELAXED)
        raised = self._scores(seen, wanted, self.views, pre_activation=True)
        return raised, self._scores(seen, wanted, self.views)

    def _activations(self, image: Tensor, wanted: Wanted, rule: GradientRule | None = None) -> dict[str, Tensor]:
        """Return the activations and pre-activations of the watched layers."""
        addresses = frozenset(self.names.values()) | {before(name) for name in self.nonlinear}
        only = {self.names[layer]: units for layer, units in self.goal.only(wanted).items()}
        watch = self.network.watch(addresses, rule=rule, precision=self.precision)
        return watch(self.watched.input_of(image), only)

    def _scores(
        self, seen: dict[str, Tensor], wanted: Wanted, views: int = 1, *, pre_activation: bool = False
    ) -> Tensor:
        return self.goal.score(self._seen_by_goal(seen, views, pre_activation=pre_activation), wanted)

    def _seen_by_goal(
        self, seen: dict[str, Tensor], views: int, *, pre_activation: bool = False
    ) -> dict[str, Tensor | int]:
        """Return the activations by the names of layers that the objective uses."""
        addresses = {
            layer: before(name) if pre_activation and name in self.nonlinear else name
            for layer, name in self.names.items()
        }
        activations = {layer: seen[address] for layer, address in addresses.items()}
        return activations if views == 1 else {**activations, VIEWS: views}
