"""Which real images excite a unit most, found in one pass that keeps only the best so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.evidence.activations import Activations, Floats, stream
from dreamfilters.networks import LOGITS, Network

Reducer: TypeAlias = Literal["mean", "max"]


@dataclass(frozen=True, eq=False)
class Response:
    """What one unit answers to one image.

    Attributes:
        index: the image's place in the order in which the images came.
        score: the mean or the maximum of the map.
        place: (row, column) of the map's maximum.
        map: (h, w) float32; (1, 1) for a unit that answers an image as a whole, such as a class.
    """

    index: int
    score: float
    place: tuple[int, int]
    map: Floats


def strongest(
    network: Network,
    images: Iterable[ArrayLike],
    units: Mapping[str, Sequence[int]],
    *,
    k: int = 4,
    reduce: Reducer = "mean",
    batch: int = 64,
) -> dict[str, dict[int, tuple[Response, ...]]]:
    """Return for each unit the `k` images that excite it most, the strongest first.

    The memory it takes does not grow with the number of images. Of equal scores the earlier image comes first; a
    score that is not a number never counts.

    Args:
        network: what `load` returned.
        images: (n, h, w, c) in [0, 1], or one (h, w, c) after the other; brought to the network's size if needed.
        units: layer -> the numbers of its filters or neurons; `LOGITS` -> numbers of classes.
        k: how many images a unit; fewer come back where there are fewer.
        reduce: what makes one number of a map, its "mean" or its "max".
        batch: images at a time.

    Raises:
        UnknownNameError: no such layer.
        TargetError: a unit that the layer does not have.
        RecipeError: `k` or `batch` below 1, or another `reduce`.
        ImageError, InputFormError: as in `recording.activations`.

    Example:
        >>> strongest(load("signs"), images, {"conv6": [12]}, k=1)["conv6"][12][0].place
        (3, 4)
    """
    if k < 1:
        raise RecipeError(f"k={k}: at least 1")
    if reduce not in ("mean", "max"):
        raise RecipeError(f"reduce={reduce!r}: 'mean' or 'max'")
    for layer, numbers in units.items():
        _check(network, layer, numbers)
    best: dict[str, _Best] = {}
    first = 0
    for maps in stream(network, images, list(units), reduce=_only(units), batch=batch):
        for layer, seen in maps.items():
            new = _Best.of(seen, first, reduce)
            best[layer] = (best[layer].joined(new) if layer in best else new).top(k)
        first += len(seen)
    return {
        layer: {number: best[layer].responses(column, reduce) for column, number in enumerate(numbers)}
        for layer, numbers in units.items()
    }


def response_of(index: int, answer: Floats, reduce: Reducer = "mean") -> Response:
    """Return what a map (h, w) of the `index`-th image comes to."""
    row, column = np.unravel_index(np.argmax(answer), answer.shape)
    score = answer.mean(dtype=np.float64) if reduce == "mean" else answer.max()
    return Response(index, float(score), (int(row), int(column)), answer)


def _check(network: Network, layer: str, numbers: Sequence[int]) -> None:
    count = network.layer(layer).units
    wrong = [number for number in numbers if not 0 <= number < (count or 0)]
    if wrong:
        what = "class" if layer == LOGITS else layer
        raise TargetError(f"{what} {wrong[0]}: {network.name} has {count} there, 0 to {(count or 0) - 1}")


def _only(units: Mapping[str, Sequence[int]]) -> Callable[[Activations], Activations]:
    """Return the function that keeps the wanted units of each layer, as maps (n, h, w, units)."""

    def chosen(seen: Activations) -> Activations:
        taken = {layer: ops.take(value, np.asarray(units[layer], "int32"), axis=-1) for layer, value in seen.items()}
        return {layer: t if len(t.shape) == 4 else t[:, None, None, :] for layer, t in taken.items()}

    return chosen


@dataclass(frozen=True, eq=False)
class _Best:
    """Images ranked for each unit of one layer: k rows, one column a unit."""

    indices: np.ndarray  # (k, units)
    scores: np.ndarray  # (k, units)
    maps: Floats  # (k, h, w, units)

    @classmethod
    def of(cls, maps: Floats, first: int, reduce: Reducer) -> _Best:
        """Return a batch's (n, h, w, units) as they come, the first image being number `first`."""
        scores = maps.mean(axis=(1, 2), dtype=np.float64) if reduce == "mean" else maps.max(axis=(1, 2))
        indices = np.broadcast_to(np.arange(first, first + len(maps))[:, None], scores.shape)
        return cls(indices, scores, maps)

    def joined(self, other: _Best) -> _Best:
        """Return the rows of both, the earlier images first."""
        return _Best(
            np.concatenate([self.indices, other.indices]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.maps, other.maps]),
        )

    def top(self, k: int) -> _Best:
        """Return the k best rows of each unit."""
        order = np.argsort(-np.nan_to_num(self.scores, nan=-np.inf), axis=0, kind="stable")[:k]  # (k, units)
        return _Best(
            np.take_along_axis(self.indices, order, axis=0),
            np.take_along_axis(self.scores, order, axis=0),
            np.take_along_axis(self.maps, order[:, None, None, :], axis=0),
        )

    def responses(self, column: int, reduce: Reducer) -> tuple[Response, ...]:
        """Return one unit's ranking."""
        return tuple(
            response_of(int(index), seen.copy(), reduce)  # a copy, or a map would keep all others alive
            for index, score, seen in zip(
                self.indices[:, column], self.scores[:, column], self.maps[..., column], strict=True
            )
            if not np.isnan(score)
        )
