"""The responses of units to images, plain and averaged under small transforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.ascent.compiled_step import ROBUST
from dreamfilters.dreams.transforms import Transform, Views, apply
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Activations, Floats, stream
from dreamfilters.evidence.features import Images, fitted_images
from dreamfilters.networks import Network
from dreamfilters.networks.programs import programs_of

_CHUNK = 32  # images that are transformed at a time


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of units to images.

    Attributes:
        mean: (n, units), the mean of each map.
        maximum: (n, units), its maximum.
    """

    mean: Floats
    maximum: Floats


def responses_to(
    network: Network,
    images: Images,
    units: Mapping[str, Sequence[int]],
    *,
    transforms: Sequence[Transform] = ROBUST,
    views: int = 0,
    seed: int = 0,
) -> dict[str, Responses]:
    """Return the responses of each layer's units to images, in one pass over the images.

    With `views` each image is transformed randomly that many times and the responses are averaged: the part of a
    response that survives small changes of a camera's position. The transforms of an image follow from `seed` and its
    number, not from the other images.

    Args:
        network: what `load` returned.
        images: (n, h, w, c) in [0, 1].
        units: layer -> the numbers of its filters or neurons; `LOGITS` -> numbers of classes.
        transforms: of a view.
        views: number of views of each image; 0 for the untransformed images.
        seed: random seed.

    Raises:
        RecipeError: `views` is negative.
        UnknownNameError, ImageError, InputFormError: as in `activations`.

    Example:
        >>> responses_to(network, images, {"conv6": [12]}, views=2)["conv6"].mean.shape
        (16, 1)
    """
    if views < 0:
        raise RecipeError(f"views={views}: at least 0")
    shown = _transformed(network, images, (Views(views), *transforms), seed) if views else images
    parts = list(stream(network, shown, list(units), reduce=partial(_summary, units)))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    averaged = {name: row.reshape(len(images), max(views, 1), -1).mean(axis=1) for name, row in joined.items()}
    return {layer: Responses(averaged[f"mean {layer}"], averaged[f"max {layer}"]) for layer in units}


def _summary(units: Mapping[str, Sequence[int]], batch: Activations) -> Activations:
    """Return the mean and maximum of each unit's map, (n, units), from a batch's activations."""
    found = {}
    for layer, numbers in units.items():
        maps = ops.take(batch[layer], np.asarray(numbers, "int32"), axis=-1)
        positions = tuple(range(1, len(maps.shape) - 1))
        found[f"mean {layer}"] = ops.mean(maps, axis=positions)
        found[f"max {layer}"] = ops.max(maps, axis=positions)
    return found


def _transformed(network: Network, images: Images, transforms: Sequence[Transform], seed: int) -> Iterator[Floats]:
    """Yield every view of the first image, then every view of the second, and so on."""
    transform = programs_of(network).get(
        ("transformed", tuple(transforms)),
        lambda _: backend.compile(lambda stack, seeds: apply(tuple(transforms), stack, seeds)),
    )
    for first in range(0, len(images), _CHUNK):
        chunk = fitted_images(network, images[first : first + _CHUNK])
        seeds = np.array([backend.seed_of(seed, first + number) for number in range(_CHUNK)], "uint64")
        filled = np.concatenate([chunk, np.repeat(chunk[-1:], _CHUNK - len(chunk), axis=0)])  # one program for all
        views = np.asarray(transform(backend.tensor(filled), backend.tensor(seeds)))
        yield from views[: len(views) * len(chunk) // _CHUNK]
