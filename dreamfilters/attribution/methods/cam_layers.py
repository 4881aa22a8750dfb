"""The layer that a class activation map is made of, and how its positions lie on the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.errors import ModelError, TargetError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import LOGITS, LayerInfo, Network
from dreamfilters.networks.graph import Step
from dreamfilters.networks.layers.layer_info import ReceptiveField
from dreamfilters.networks.layers.layer_kinds import outputs_of
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.programs import programs_of
from dreamfilters.networks.watching import layer_named_by, logits_step

_FORWARDED = types_of("identity", "cast")  # such as Dropout: the layer before has the same maps


def cam_layer(network: Network, objective: Objective, layer: str | None, size: tuple[int, int]) -> LayerInfo:
    """Return the layer of a class activation map of an objective for images of `size` = (height, width).

    It is the given one, or the last one with positions, a map or patch tokens, that the objective depends on. Behind
    the last attention of a network with a class token, the score does not depend on the patch tokens; the last layer
    whose patches have a gradient is chosen.

    Raises:
        UnknownNameError: the network has no such layer.
        ModelError: the layer has no positions.
        TargetError: the objective does not depend on the layer, or on none with positions.

    >>> cam_layer(network, logit(14), None, (48, 48)).name
    'pool3'
    """
    steps = _steps_to(network, objective)
    names, target = [step.name for step in steps], objective.names[0]
    if layer is not None:
        info = network.layer(layer)
        if not _has_positions(network, info):
            shape = " x ".join(str(side or "any") for side in info.shape)
            raise ModelError(f"{info.name}: {info.type} of {shape} is a layer without positions for CAM")
        if info.name not in names:
            raise TargetError(f"{info.name}: {target} does not depend on it; choose an earlier layer")
        return info
    learned = next((number for number, step in enumerate(steps) if _has_kernel(step)), len(steps))
    found = [info for info in map(network.layer, names[learned:]) if _has_positions(network, info)]
    found = [info for info in found if info.type not in _FORWARDED]
    if not found:
        raise TargetError(
            f"{target}: in {network.name} it depends on no layer with positions for CAM; occlusion and rise need none"
        )
    if found[-1].kind == "tokens" and found[-1].grid and found[-1].grid.leading:
        tokens = [info for info in found if info.kind == "tokens"]
        return _last_with_gradient(network, objective, tokens, size) or found[-1]
    return found[-1]


def planes_of(values: Tensor, info: LayerInfo) -> NDArray[np.float32]:
    """Return activations (n, h, w, c) or (n, t, c) of a layer with positions as maps (n, h, w, c)."""
    array = np.asarray(values)
    return info.grid.patches(array) if info.kind == "tokens" and info.grid else array


def over_image(maps: NDArray[np.float64], size: tuple[int, int], info: LayerInfo) -> Floats:
    """Return maps (n, rows, columns) of a layer as heatmaps (n, h, w) over images of `size` = (h, w)."""
    rows, columns = enlarging(size, maps.shape[1:], info)
    return np.asarray(rows @ maps @ columns.T, np.float32)


def enlarging(
    size: tuple[int, int], positions: Sequence[int], info: LayerInfo
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices (h, rows) and (w, columns) that enlarge a map of a layer to an image, see `interpolation`."""
    field = None if info.kind == "tokens" else info.receptive_field  # the grid of tokens covers the image
    down, right = (interpolation(size[axis], positions[axis], field, axis) for axis in (0, 1))
    return down, right


def interpolation(pixels: int, count: int, field: ReceptiveField | None, axis: int) -> NDArray[np.float64]:
    """Return the matrix (pixels, count) that interpolates linearly between the centers of receptive fields.

    Up to half a stride beyond the outermost centers, a pixel has the value of the nearest position. From there the
    values fall to 0 at a whole stride: at the edges of a network without padding nothing is known. Without a receptive
    field the positions are stretched over the image.

    >>> interpolation(4, 2, None, 0).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    centers = np.arange(pixels) + 0.5
    if field is None:
        first, stride = 0.5 * pixels / count, pixels / count
    else:
        first, stride = float(field.offset[axis] + field.size[axis] / 2), float(field.stride[axis])
    places = (centers - first) / stride
    inside = np.clip(places, 0, count - 1)
    held = np.clip(2 * (1 - np.abs(places - inside)), 0, 1)
    return np.asarray(np.maximum(0, 1 - np.abs(inside[:, None] - np.arange(count))) * held[:, None])


def activation_and_gradient(
    network: Network, objective: Objective, layers: Sequence[str]
) -> Callable[[Tensor, Wanted], tuple[list[Tensor], list[Tensor]]]:
    """Return (images, wanted) -> (the activation of each layer, the gradient of the score for each of them)."""
    watch = network.watch(objective.layers | set(layers))
    only_layers = network.watch(frozenset(layers))

    def both(images: Tensor, wanted: Wanted) -> tuple[list[Tensor], list[Tensor]]:
        x = network.to_input(images)
        shapes = backend.output_shapes(only_layers, tuple(x.shape))

        def total(added: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
            seen = watch(x, added=added)
            return ops.sum(objective.score(seen, wanted)), [seen[layer] for layer in layers]

        zeros = {layer: ops.zeros(shapes[layer]) for layer in layers}  # a gradient for them is that for the layer
        (_, activations), gradients = backend.value_and_gradient(total)(zeros)
        return activations, [gradients[layer] for layer in layers]

    return both


def _steps_to(network: Network, objective: Objective) -> tuple[Step, ...]:
    """Return the steps whose outputs the objective depends on, in the order of execution."""
    graph, slots = network.graph, set[int]()
    for address in objective.layers:
        name = layer_named_by(address)
        step = logits_step(graph) if address == LOGITS else graph.by_name[network.layer(name).name]
        is_linear = network.has_linear(LOGITS) if address == LOGITS else name != address
        slots.update(step.inputs if is_linear else step.outputs)  # a value before an activation is in no output
    return graph.needed(slots)


def _has_positions(network: Network, info: LayerInfo) -> bool:
    if info.kind == "tokens":
        return info.dreamable and info.grid is not None
    turned = info.kind == "map" and outputs_of(network.graph)[info.name].turned
    return info.kind == "map" and info.dreamable and info.positions != 1 and not turned


def _has_kernel(step: Step) -> bool:
    """Return whether a step has learned weights of more than one axis, unlike those that only scale the image."""
    is_layer = isinstance(step.operation, keras.layers.Layer)
    return is_layer and any(len(weight.shape) > 1 for weight in step.operation.weights)


def _last_with_gradient(
    network: Network, objective: Objective, infos: Sequence[LayerInfo], size: tuple[int, int]
) -> LayerInfo | None:
    """Return the last of these layers of tokens whose patches have a gradient on an image of noise."""
    names = tuple(info.name for info in infos)
    key = (_last_with_gradient, names, objective.kind, objective.layers)
    program = programs_of(network).get(
        key, lambda network: backend.compile(activation_and_gradient(network, objective, names))
    )
    noise = np.random.default_rng(0).uniform(size=(1, *size, network.form.channels)).astype("float32")
    _, gradients = program(backend.tensor(noise), objective.wanted)
    seen = [info for info, gradient in zip(infos, gradients, strict=True) if planes_of(gradient, info).any()]
    return seen[-1] if seen else None
