"""Scores of images: the network's input form, the watched layers and the objective, as one differentiable function."""

from __future__ import annotations

import copy

from keras import ops

from dreamfilters.backend import Precision, Tensor
from dreamfilters.dreams.ascent.canvas_watch import CanvasWatch
from dreamfilters.dreams.objectives.objective import VIEWS, Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.networks import LOGITS, Network, before
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.narrowing.window import FieldWindow, position_of, window_of
from dreamfilters.networks.watching import GradientRule

# The largest share of a canvas on which a neuron is computed alone: cutting it out takes time too.
_LARGEST_WINDOW = 0.7


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
        self.window = self._window(canvas)
        self.nonlinear = frozenset(name for name in self.names.values() if name != LOGITS and network.has_linear(name))

    def _window(self, canvas: Canvas) -> FieldWindow | None:
        """Return the windows that neurons are computed on; None if the whole canvas is, see `_LARGEST_WINDOW`."""
        layers = self.goal.position(self.goal.wanted)
        size = (canvas.height, canvas.width)
        if set(layers) != set(self.goal.layers) or len(layers) != 1 or not self.watched.accepts(size, canvas.channels):
            return None
        (position,), (name,) = layers.values(), self.names.values()
        if name == LOGITS or len(position) != 2:
            return None
        window = window_of(self.network.graph, name, size)
        if window is None or window.share > _LARGEST_WINDOW:
            return None
        return window if self.watched.accepts(window.size, canvas.channels) else None

    def of_views(self, views: int) -> Evaluator:
        """Return the same evaluator for another number of views of each image, without tracing the network again."""
        other = copy.copy(self)
        other.views = views
        return other

    def score(self, image: Tensor, wanted: Wanted) -> Tensor:
        """Return the score of each image."""
        return self._scores(self._activations(image, wanted, frozenset(self.names.values())), wanted)

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
        seen = self._activations(image, wanted, frozenset(addresses))
        return ops.maximum(-self._scores(seen, wanted, pre_activation=True), 0.0)

    def ascent_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the value to raise and the score of each image.

        A score of exactly 0 belongs to units whose ReLU is 0 everywhere, which has no gradient. Their value before the
        ReLU is raised instead.
        """
        seen = self._activations(image, wanted, self.addresses)
        scores = raised = self._scores(seen, wanted, self.views)
        if self.goal.raised is not None:
            raised = self.goal.raised(self._seen_by_goal(seen, self.views), wanted)
        if not self.nonlinear:
            return raised, scores
        return ops.where(scores == 0, self._scores(seen, wanted, self.views, pre_activation=True), raised), scores

    def relaxed_score(self, image: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Return the pre-activation value to raise, with the relaxed gradient, and the score of each image."""
        seen = self._activations(image, wanted, self.addresses, RELAXED)
        raised = self._scores(seen, wanted, self.views, pre_activation=True)
        return raised, self._scores(seen, wanted, self.views)

    @property
    def addresses(self) -> frozenset[str]:
        """The watched layers, and their values before the activation."""
        return frozenset(self.names.values()) | {before(name) for name in self.nonlinear}

    def _activations(
        self, image: Tensor, wanted: Wanted, addresses: frozenset[str], rule: GradientRule | None = None
    ) -> dict[str, Tensor]:
        """Return the activations at some addresses: of the units, and of the position, that the objective reads."""
        only = {self.names[layer]: units for layer, units in self.goal.only(wanted).items()}
        watch = self.network.watch(addresses, rule=rule, precision=self.precision)
        x = self.watched.input_of(image)
        if self.window is None:
            return watch(x, only)
        (position,) = self.goal.position(wanted).values()
        starts = self.window.starts(position)
        seen = watch(self.window.cut(x, starts), only)
        places = self.window.places(position, starts)
        return {address: position_of(activation, places) for address, activation in seen.items()}

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
