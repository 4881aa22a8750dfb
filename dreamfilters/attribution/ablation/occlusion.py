"""Occlusion witnesses: whether a unit's strongest response to real images comes from the place that its map names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.ablation.ablated_sets import units_of_targets
from dreamfilters.attribution.ablation.witness import OcclusionWitness
from dreamfilters.attribution.fills import Fill, check_fill, fill_of
from dreamfilters.backend import Tensor
from dreamfilters.evidence.activations import Activations, Floats, stream
from dreamfilters.evidence.scan.sources import ImageSource, image_size, source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.programs import programs_of

Box: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right

_LARGEST = 3  # a mask takes at most a third of each side, so that one of equal size fits elsewhere
_ELSEWHERE = 16  # places of the same mask that do not overlap it
_NEEDED = 0.5  # of the response above that to the mask alone, which the mask has to remove


def occlusion_witness(
    network: AnyNetwork,
    units: str | Sequence[str],
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    *,
    fill: Fill = "mean",
) -> tuple[OcclusionWitness, ...]:
    """Return, for each unit, what masking the place of its strongest response does to this response.

    The place is the receptive field of the position with the largest value over all images, cut to a third of each side
    of the image around its center. The response is the maximum of the unit's map. It is *confirmed* that the unit
    responds to this place if the mask there removes at least half of the response above that to an image of nothing but
    the mask, and more than the same mask at every one of up to 16 other places that do not overlap it. Where it is not
    confirmed, other places of the image activate the unit too, or what surrounds the place decides.

    Args:
        network: a Keras model, or the value that `load` returns.
        units: targets of layers with maps, such as "conv4:3" or "conv4".
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8.
        fill: what the mask shows: "mean" (the mean color of the image), "gray" (0.5), "black" or "blur" (the image,
            blurred so that no detail of the mask's size is left).

    Raises:
        TargetError: a target is not one of whole units.
        UnknownNameError: no such layer.
        ImageError: no image can be read.
        RecipeError: there is no such fill.

    Example:
        >>> found = occlusion_witness(network, "conv6:0", "signs/")[0]
        >>> found.confirmed, found.masked < found.response
        (True, True)
    """
    network = network_of(network)
    check_fill(fill)
    wanted = units_of_targets(network, (units,) if isinstance(units, str) else units)
    source = source_of(images)
    found: list[OcclusionWitness] = []
    for layer, numbers in wanted.items():
        found += witnesses(network, layer, numbers, source, range(len(source.names)), fill)
    return tuple(found)


def witnesses(
    network: Network, layer: str, units: Sequence[int], source: ImageSource, indices: Sequence[int], fill: Fill
) -> list[OcclusionWitness]:
    """Return the witnesses of a layer's units among the images of these indices."""
    size = image_size(source, network.form)
    fitted = source.fitted(size, network.form)
    field = network.layer(layer).receptive_field
    if network.layer(layer).kind != "map" or field is None:
        reason = "the unit has no receptive field smaller than the image"
        return [OcclusionWitness(layer, unit, reason=reason) for unit in units]
    strongest = _strongest(network, layer, fitted, indices)
    respond = programs_of(network).get((occlusion_witness, layer), lambda one: _responses(one, layer))
    found = []
    for unit in units:
        index, row, column = strongest[unit]
        if index < 0:
            found.append(OcclusionWitness(layer, unit, reason="its map is not finite on any image"))
            continue
        box = _place(field.box(row, column), size)
        image = fitted.tried(index)
        assert not isinstance(image, str)  # it was read before
        half = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        filled = fill_of(np.asarray(image, np.float32), fill, blur=half)
        places = elsewhere(box, size)
        shown = [image, _covered(image, filled, box), filled, *(_covered(image, filled, place) for place in places)]
        padded = np.stack(shown + shown[:1] * (3 + _ELSEWHERE - len(shown)))
        values = np.asarray(respond(backend.tensor(padded), backend.tensor(unit)))[: len(shown)].tolist()
        found.append(_judged(layer, unit, source.names[index], (row, column), box, values))
    return found


def _judged(
    layer: str, unit: int, image: str, position: tuple[int, int], box: Box, values: list[float]
) -> OcclusionWitness:
    response, masked, blank, *others = values
    reason = "" if response > blank else "no image activates it more than the mask alone"
    is_needed = response - masked >= _NEEDED * (response - blank)
    confirmed = not reason and is_needed and all(masked < other for other in others)
    return OcclusionWitness(
        layer, unit, image, position, box, response, masked, blank, tuple(others), confirmed, reason
    )


def _strongest(
    network: Network, layer: str, fitted: ImageSource, indices: Sequence[int]
) -> dict[int, tuple[int, int, int]]:
    """Return (index of the image, row, column) of the largest value of each unit, the first one of equal values."""

    def maxima(values: Activations) -> Activations:
        maps = values[layer]
        flat = ops.reshape(maps, (ops.shape(maps)[0], -1, maps.shape[-1]))
        # the width of the map is needed to find the row of a position
        width = ops.broadcast_to(ops.shape(maps)[2], (ops.shape(maps)[0],))
        return {"value": ops.max(flat, axis=1), "at": ops.argmax(flat, axis=1), "width": width}

    read: list[int] = []

    def images() -> Any:
        for index, image in fitted.only(indices):
            read.append(index)
            yield image

    parts = list(stream(network, images(), [layer], reduce=maxima))
    values, at, width = (np.concatenate([part[key] for part in parts]) for key in ("value", "at", "width"))
    values = np.where(np.isfinite(values), values, -np.inf)
    best = values.argmax(axis=0)
    known = np.isfinite(values.max(axis=0))
    return {
        unit: (read[row], *divmod(int(at[row, unit]), int(width[row]))) if known[unit] else (-1, 0, 0)
        for unit, row in enumerate(best)
    }


def _responses(network: Network, layer: str) -> Any:
    watch = network.watch(frozenset({layer}))

    def responses(images: Tensor, unit: Tensor) -> Tensor:
        return ops.max(ops.take(watch(network.to_input(images))[layer], unit, axis=-1), axis=(1, 2))

    return backend.compile(responses)


def _place(box: Box, size: tuple[int, int]) -> Box:
    """Return a box cut to a third of each side around its center, inside the image."""
    sides = []
    for first, last, side in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        first, last = max(first, 0), min(last, side)
        length = max(1, min(last - first, side // _LARGEST))
        start = min(max((first + last - length) // 2, 0), side - length)
        sides.append((start, start + length))
    (top, bottom), (left, right) = sides
    return top, left, bottom, right


def elsewhere(box: Box, size: tuple[int, int]) -> list[Box]:
    """Return boxes of the same size that do not overlap a box, spread evenly over the image, at most 16.

    >>> elsewhere((0, 0, 2, 2), (4, 4))
    [(0, 2, 2, 4), (1, 2, 3, 4), (2, 0, 4, 2), (2, 1, 4, 3), (2, 2, 4, 4)]
    """
    height, width = box[2] - box[0], box[3] - box[1]
    rows, columns = _starts(size[0], height), _starts(size[1], width)
    boxes = [(row, column, row + height, column + width) for row in rows for column in columns]
    free = [one for one in boxes if not _overlap(one, box)]
    chosen = np.linspace(0, len(free) - 1, min(_ELSEWHERE, len(free))).round().astype(int)
    return [free[number] for number in chosen]


def _starts(side: int, length: int) -> list[int]:
    """Return where boxes of this length begin: every half length, and at the end."""
    return sorted({*range(0, side - length + 1, max(1, length // 2)), side - length})


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _covered(image: Any, filled: Floats, box: Box) -> Floats:
    covered = np.array(image, np.float32)
    top, left, bottom, right = box
    covered[top:bottom, left:right] = filled[top:bottom, left:right]
    return covered
