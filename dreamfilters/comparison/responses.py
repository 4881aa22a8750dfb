"""What units answer to images, as they are and under small motions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

_CHUNK = 32  # images that are moved at a time


@dataclass(frozen=True, eq=False)
class Responses:
    """What units answer to images.

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
    looks: int = 0,
    seed: int = 0,
) -> dict[str, Responses]:
    """Return what the units of each layer answer to images in the network's size, in one pass over the images.

    With `looks` every image is seen so many times, each moved by its own chance, and the answers are averaged: how
    much of a response survives what a camera does to an image. It takes so many times as long. The motions of a
    image follow from `seed` and from its place, not from its neighbors.

    Args:
        network: what `load` returned.
        images: (n, h, w, c) in [0, 1].
        units: layer -> the numbers of its filters or neurons; `LOGITS` -> numbers of classes.
        transforms: how a look is moved.
        looks: how many; 0 for the images as they are.
        seed: chance.

    Raises:
        RecipeError: `looks` is negative.
        UnknownNameError, ImageError, InputFormError: as in `recording.activations`.

    Example:
        >>> responses_to(network, images, {"conv6": [12]}, looks=8)["conv6"].mean.shape
        (100, 1)
    """
    if looks < 0:
        raise RecipeError(f"looks={looks}: at least 0")
    seen = _moved(network, images, (Views(looks), *transforms), seed) if looks else images
    parts = list(stream(network, seen, list(units), reduce=_summary(units)))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def averaged(name: str) -> Floats:
        return np.asarray(whole[name].reshape(len(images), max(looks, 1), -1).mean(axis=1))

    return {layer: Responses(averaged(f"mean {layer}"), averaged(f"max {layer}")) for layer in units}


def _summary(units: Mapping[str, Sequence[int]]) -> Callable[[Activations], Activations]:
    """Return the function that reads the mean and the maximum of each unit's map, (n, units), off a batch."""

    def summary(seen: Activations) -> Activations:
        found = {}
        for layer, numbers in units.items():
            maps = ops.take(seen[layer], np.asarray(numbers, "int32"), axis=-1)
            places = tuple(range(1, len(maps.shape) - 1))
            found[f"mean {layer}"], found[f"max {layer}"] = ops.mean(maps, axis=places), ops.max(maps, axis=places)
        return found

    return summary


def _moved(network: Network, images: Images, transforms: Sequence[Transform], seed: int) -> Iterator[Floats]:
    """Yield every look at the first image, then every look at the second."""
    move = _mover(network, tuple(transforms))
    for first in range(0, len(images), _CHUNK):
        chunk = fitted_images(network, images[first : first + _CHUNK])
        seeds = np.array([backend.seed_of(seed, first + place) for place in range(_CHUNK)], "uint64")
        filled = np.concatenate([chunk, np.repeat(chunk[-1:], _CHUNK - len(chunk), axis=0)])  # one program for all
        looks = np.asarray(move(backend.tensor(filled), backend.tensor(seeds)))
        yield from looks[: len(looks) * len(chunk) // _CHUNK]


def _mover(network: Network, transforms: tuple[Transform, ...]) -> Callable[[Any, Any], Any]:
    """Return the program that moves images, kept with the network."""
    return programs_of(network).get(
        ("moved", transforms), lambda _: backend.compile(lambda stack, seeds: apply(transforms, stack, seeds))
    )
