"""Gradient-weighted attention: which patches the tokens that a score reads take their values from, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.methods.token_gradient import on_grid
from dreamfilters.attribution.scorer import Scorer, steps_run
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import LayerInfo, Network
from dreamfilters.networks.activation_functions import Call
from dreamfilters.networks.graph import Step, twin
from dreamfilters.networks.layers.layer_info import TokenGrid
from dreamfilters.networks.layers.layer_kinds import outputs_of
from dreamfilters.networks.programs import programs_of
from dreamfilters.networks.reproducible import reproducible

_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


@dataclass(frozen=True)
class AttentionRelevancy:
    """The attention of each layer, weighted by its gradient and multiplied from layer to layer.

    With the attention A of a layer, (heads, t, t), and its gradient G = d score / d A, the layer adds the mean over the
    heads of max(0, G * A), times the relevancy R of the layers before, to R, which begins as the identity. A patch has
    its mean relevancy for the tokens that the score reads behind the last attention: the class token, or all tokens
    if the network averages them, each without its own share of 1. Only attention of all tokens to each other counts: of
    several stages with different numbers of tokens, the last one.

    Source: Chefer, Gur and Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder
    Transformers", ICCV 2021 (arXiv 2103.15679), equations 5 and 6.

    Example:
        >>> AttentionRelevancy()(network, logit(14), images)
        Traceback (most recent call last):
        dreamfilters.errors.ModelError: attention-relevancy: signs has no MultiHeadAttention layer before class:14; ...
    """

    name: ClassVar[str] = "attention-relevancy"
    meaning: ClassVar[str] = "attention to the patch, weighted by its positive gradient, through all layers"

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of zero or more for images (n, h, w, c) in [0, 1].

        Raises:
            ModelError: the score depends on no attention between tokens whose grid is known.
        """
        steps = _attention_steps(network, objective)
        shapes = _attention_shapes(network, objective, steps, (2, *images.shape[1:]))
        steps = _last_stage(steps, shapes)
        grid, tokens = _grid(network.layer(steps[-1].name), shapes[steps[-1].name]), _tokens(shapes[steps[-1].name])
        program = programs_of(network).get(
            (AttentionRelevancy, objective.kind, objective.layers),
            lambda network: backend.compile(_layer_relevancies(network, objective, steps)),
        )
        scorer = Scorer(network, objective, held=sum(3 * math.prod(shapes[step.name]) for step in steps))
        found = []
        for batch, count in scorer.batches(images):
            layers, is_read = program(*batch)
            every = np.stack([np.asarray(layer)[:count] for layer in layers], axis=1)
            found += [relevancy(*one) for one in zip(every, np.asarray(is_read)[:count], strict=True)]
        assert found[0].shape == (tokens,)
        return on_grid(np.stack(found).astype(np.float32), grid, *images.shape[1:3])


def relevancy(layers: NDArray[Any], is_read: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the relevancy (t,) of each token for the tokens that are read.

    Args:
        layers: (layers, t, t) the weighted attention of each layer, from the first: row i attends to column j.
        is_read: (t,) which tokens the score reads behind the last layer.

    >>> one = np.array([[0.0, 0.5], [0.0, 0.0]])
    >>> relevancy(np.stack([one, one]), np.array([True, False])).tolist()
    [0.0, 1.0]
    """
    own = np.eye(layers.shape[-1])
    through = own
    for layer in layers.astype(np.float64):
        through = through + layer @ through
    return np.asarray((through - own)[is_read].sum(axis=0) / max(1, is_read.sum()))


def _attention_steps(network: Network, objective: Objective) -> list[Step]:
    """Return the attention steps that the score depends on, in the order of execution.

    Raises:
        ModelError: there is none.
    """
    outputs = outputs_of(network.graph)
    found = [
        step
        for step in steps_run(network, objective.layers)
        if isinstance(step.operation, _ATTENTION) and outputs[step.name].of_image
    ]
    if not found:
        raise ModelError(
            f"attention-relevancy: {network.name} has no MultiHeadAttention layer before {objective.names[0]}; "
            "use grad-cam or integrated-gradients"
        )
    return found


def _last_stage(steps: Sequence[Step], shapes: dict[str, tuple[int, ...]]) -> list[Step]:
    """Return the last attention steps in a row whose tokens all attend to each other, as many in each.

    Raises:
        ModelError: the last one attends to other tokens than its own.
    """
    stage: list[Step] = []
    for step in reversed(steps):
        if not _tokens(shapes[step.name]) or (stage and shapes[step.name][1:] != shapes[stage[0].name][1:]):
            break
        stage.insert(0, step)
    if not stage:
        rows = " x ".join(map(str, shapes[steps[-1].name]))
        raise ModelError(
            f"attention-relevancy: {steps[-1].name}: attention of {rows} (heads x tokens x tokens) is not that of all "
            "tokens to each other; use token-gradient"
        )
    return stage


def _tokens(shape: tuple[int, ...]) -> int:
    """Return how many tokens attend to as many in attention of this shape (heads, ..., ...), 0 if they are others."""
    places = shape[1:]
    queries, keys = places[: len(places) // 2], places[len(places) // 2 :]
    return math.prod(queries) if queries == keys else 0


def _grid(info: LayerInfo, shape: tuple[int, ...]) -> TokenGrid:
    """Return how the tokens of attention of this shape cover the image.

    Raises:
        ModelError: this is not known.
    """
    places = shape[1:][: len(shape) // 2]
    if info.kind == "tokens" and info.grid is not None and len(places) == 1:
        return info.grid
    if info.kind == "map" and len(places) == 2:
        return TokenGrid(*places)
    raise ModelError(f"attention-relevancy: {info.name}: where its tokens lie in the image is not known; use occlusion")


@dataclass(frozen=True, eq=False)
class _Attention:
    """A gradient rule, see `networks.watching.GradientRule`, that changes no gradient, and records the attention.

    Attributes:
        network: whose steps they are.
        names: of the attention steps.
        added: name -> zeros that are added to the attention (n, heads, ..., ...), for its gradient; {} for none.
        seen: name -> the attention, which a forward pass writes.
    """

    network: Network
    names: frozenset[str]
    added: dict[str, Tensor] = field(default_factory=dict)
    seen: dict[str, Tensor] = field(default_factory=dict)

    def step(self, step: Step, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
        """Return the step's operation, of a twin that records its attention."""
        if step.name not in self.names:
            return operation, activation
        output = outputs_of(self.network.graph)[step.name]
        recorded, activation = reproducible(step, output, _recorded(step), activation)

        def call(*args: Any, **kwargs: Any) -> Any:
            outputs, self.seen[step.name] = recorded(*args, added=self.added.get(step.name), **kwargs)
            return outputs

        return call, activation

    def watched(self, value: Tensor) -> Tensor:
        """Return a watched activation as it is."""
        return value


def _recorded(step: Step) -> Call:
    """Return a step's operation with one more argument, `added`; it returns the outputs and the attention.

    `added` and the attention (n, heads, ..., ...) have a row for each image: `reproducible` pads and splits them too.
    """
    double = twin(step.operation, _flash_attention=False)
    softmax = double._masked_softmax

    def call(*args: Any, added: Tensor | None = None, **kwargs: Any) -> tuple[Any, Tensor]:
        attention: list[Tensor] = []

        def probabilities(scores: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            values = softmax(scores, attention_mask)
            values = values if added is None else values + ops.cast(added, values.dtype)
            attention.append(ops.cast(values, "float32"))
            return values

        # Keras has no other place between softmax and values; `return_attention_scores` makes it compute them.
        double.__dict__["_masked_softmax"] = probabilities
        both = double(*args, **{**kwargs, "return_attention_scores": True})
        return both if len(step.outputs) > 1 else both[0], attention[0]

    return call


def _attention_shapes(
    network: Network, objective: Objective, steps: Sequence[Step], shape: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return name -> the shape of the attention of one image, (heads, ..., ...), for images of this (n, h, w, c)."""

    def attention(images: Tensor) -> dict[str, Tensor]:
        rule = _Attention(network, frozenset(step.name for step in steps))
        network.watch(objective.layers, rule=rule)(network.to_input(images))
        return rule.seen

    def made(network: Network) -> dict[str, tuple[int, ...]]:
        return {name: seen[1:] for name, seen in backend.output_shapes(attention, shape).items()}

    key = (AttentionRelevancy, "shapes", objective.kind, objective.layers, shape)
    return programs_of(network).get(key, made)


def _layer_relevancies(
    network: Network, objective: Objective, steps: Sequence[Step]
) -> Callable[[Tensor, Wanted], tuple[list[Tensor], Tensor]]:
    """Return (images, wanted) -> (max(0, G * A) of each layer, (n, t, t), and which tokens are read, (n, t))."""
    names = [step.name for step in steps]

    def weighted(images: Tensor, wanted: Wanted) -> tuple[list[Tensor], Tensor]:
        x = network.to_input(images)
        shapes = _attention_shapes(network, objective, steps, tuple(images.shape))

        def total(added: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            rule = _Attention(network, frozenset(names), added)
            seen = network.watch(objective.layers, rule=rule)(x)
            return ops.sum(objective.score(seen, wanted)), {name: rule.seen[name] for name in names}

        zeros = {name: ops.zeros((images.shape[0], *shapes[name])) for name in names}
        (_, attention), gradients = backend.value_and_gradient(total)(zeros)
        tokens = _tokens(shapes[names[-1]])

        def square(values: Tensor) -> Tensor:
            return ops.reshape(values, (-1, values.shape[1], tokens, tokens))

        layers = [ops.mean(ops.relu(square(gradients[name] * attention[name])), axis=1) for name in names]
        return layers, ops.any(square(gradients[names[-1]]) != 0, axis=(1, 3))

    return weighted
