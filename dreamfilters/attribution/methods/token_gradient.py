"""Gradient times activation of the tokens of a vision transformer, drawn on the grid of their patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.scorer import Scorer, steps_run
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.errors import ModelError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import LayerInfo, Network
from dreamfilters.networks.layers.layer_info import TokenGrid
from dreamfilters.networks.programs import programs_of


@dataclass(frozen=True)
class TokenGradient:
    """What each token of a layer adds to the score, to first order: its activation times the gradient of the score.

    The sum over the channels of a token is drawn on its patch. Behind attention a token has information of the whole
    image, so that the place is where the network holds it. Class and register tokens are not drawn. Source: the
    product of gradient and activation as in Grad-CAM and its relatives (Selvaraju et al., ICCV 2017), without pooling
    the gradient; Captum: `LayerGradientXActivation`.

    Attributes:
        layer: a layer of tokens (default: the last one whose patches reach the score; in a network that reads the
            class token, the input of the last attention).

    Example:
        >>> TokenGradient()(network, logit(14), images)
        Traceback (most recent call last):
        dreamfilters.errors.ModelError: token-gradient: signs has no layer of tokens with a grid before class:14; ...
    """

    name: ClassVar[str] = "token-gradient"
    meaning: ClassVar[str] = "activation times gradient of the token whose patch it is; positive raises the score"

    layer: str | None = None

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return signed heatmaps (n, h, w) for images (n, h, w, c) in [0, 1].

        Raises:
            ModelError: the score depends on no layer of tokens whose grid is known.
            UnknownNameError: the network has no such layer.
        """
        layer = self._layer(network, objective, images.shape[1:])
        program = _program(network, objective, (layer.name,))
        parts = [
            np.asarray(program(*batch)[layer.name])[:count]
            for batch, count in Scorer(network, objective).batches(images)
        ]
        assert layer.grid is not None
        return on_grid(np.concatenate(parts), layer.grid, *images.shape[1:3])

    def _layer(self, network: Network, objective: Objective, shape: Sequence[int]) -> LayerInfo:
        known = _token_layers(network, objective)
        if self.layer is not None:
            chosen = network.layer(self.layer).name
            if chosen not in known:
                hint = f"such as {list(known)[-1]}" if known else "this score depends on none"
                raise ModelError(f"token-gradient: {self.layer}: give a layer of tokens before the score, {hint}")
            return known[chosen]
        key = (TokenGradient, "layer", objective.kind, objective.layers, tuple(shape))
        found = programs_of(network).get(key, lambda network: _last_reaching(network, objective, known, shape))
        if found is None:
            raise ModelError(
                f"token-gradient: {network.name} has no layer of tokens with a grid before {objective.names[0]}; "
                "use grad-cam or integrated-gradients"
            )
        return known[found]


def on_grid(values: Floats, grid: TokenGrid, height: int, width: int) -> Floats:
    """Return the values of tokens (n, t) as heatmaps (n, height, width): each patch has the value of its token.

    >>> on_grid(np.array([[9.0, 1.0, 2.0]], "float32"), TokenGrid(1, 2, leading=1), 2, 4)[0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    patches = grid.patches(values[..., None])[..., 0]
    for axis, (count, length) in enumerate(((grid.rows, height), (grid.columns, width)), start=1):
        edges = np.arange(count + 1) * length // count  # as `TokenGrid.box`
        patches = np.repeat(patches, np.diff(edges), axis=axis)
    return np.asarray(patches, np.float32)


def _token_layers(network: Network, objective: Objective) -> dict[str, LayerInfo]:
    """Return the layers of tokens with a grid that the score depends on, besides those that it reads."""
    read = {network.layer(name).name for name in objective.layers}
    steps = [step for step in steps_run(network, objective.layers) if step.name not in read and len(step.outputs) == 1]
    infos = [network.layer(step.name) for step in steps]
    return {info.name: info for info in infos if info.kind == "tokens" and info.grid is not None}


def _last_reaching(
    network: Network, objective: Objective, layers: Mapping[str, LayerInfo], shape: Sequence[int]
) -> str | None:
    """Return the last layer of which some patches reach the score, for an image of noise; None if there is none.

    The last layers of a network that reads the class token compute the other tokens for nothing.
    """
    if not layers:
        return None
    noise = np.asarray(backend.uniform(np.array([backend.seed_of("token-gradient")]), tuple(shape)))
    (batch, _), *_ = Scorer(network, objective).batches(noise)
    values = _program(network, objective, tuple(layers))(*batch)
    for name, info in reversed(list(layers.items())):
        assert info.grid is not None
        if np.any(info.grid.patches(np.asarray(values[name])[:1, :, None])):
            return name
    return None


def _program(
    network: Network, objective: Objective, layers: tuple[str, ...]
) -> Callable[[Tensor, Wanted], dict[str, Tensor]]:
    """Return the compiled (images, wanted) -> {layer: activation times gradient of each token (n, t)}."""

    def made(network: Network) -> Callable[..., Any]:
        watch = network.watch(objective.layers.union(layers))

        def products(images: Tensor, wanted: Wanted) -> dict[str, Tensor]:
            x = network.to_input(images)

            def total(added: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
                seen = watch(x, added=added)
                return ops.sum(objective.score(seen, wanted)), {name: seen[name] for name in layers}

            zeros = {name: ops.zeros_like(value) for name, value in watch(x).items() if name in layers}
            # the gradient for what is added to a layer is that for the layer
            (_, tokens), gradients = backend.value_and_gradient(total)(zeros)
            return {name: ops.sum(tokens[name] * gradients[name], axis=-1) for name in layers}

        return backend.compile(products)

    return programs_of(network).get((TokenGradient, objective.kind, objective.layers, layers), made)
