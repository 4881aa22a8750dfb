"""Where a dream's response stands among those of real images, and whether it loses to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.comparison.responses import Responses, responses_to
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.errors import ImageError
from dreamfilters.evidence.features import Images
from dreamfilters.networks import Network
from dreamfilters.serialization import plain, table


@dataclass(frozen=True)
class ResponseRank:
    """A dream's response beside those of real images.

    Attributes:
        response: of the dream.
        largest: the strongest real image's.
        index: that image's place among the real ones.
        ratio: response / largest; None unless `largest` is above 0, where a ratio would say nothing.
        margin: response - largest.
        percentile: the share of real images that answer no more than the dream, 0 to 100.
        count: of real images whose response is a number.
        loses: whether a real image answers more than the dream, or the dream's response is no number.
    """

    response: float
    largest: float
    index: int
    ratio: float | None
    margin: float
    percentile: float
    count: int
    loses: bool

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Response", [self.as_values()])


def response_rank(response: float, real: ArrayLike) -> ResponseRank:
    """Return where one response stands among those of real images.

    The ratio is a(v) / max a(x) over real images x, the percentile the share with a(x) <= a(v). Both numbers must come
    from the same unit and the same reducer, mean or maximum. Real responses that are no numbers do not count.

    Raises:
        ImageError: no real response is a number.

    Example:
        >>> response_rank(3.0, [1.0, 2.0, 4.0, 3.0]).percentile
        75.0
    """
    values = np.asarray(real, np.float64).ravel()
    known = values[~np.isnan(values)]
    if not known.size:
        raise ImageError(f"{values.size} real images: none has a response to stand beside")
    index, own = int(np.nanargmax(values)), float(response)
    largest = float(values[index])
    return ResponseRank(
        response=own,
        largest=largest,
        index=index,
        ratio=own / largest if largest > 0 else None,
        margin=own - largest,
        percentile=100 * float(np.mean(known <= own)),
        count=int(known.size),
        loses=not own >= largest,
    )


@dataclass(frozen=True)
class ResponseRanks:
    """One dream against the real images, by the mean of its unit's map and by its maximum.

    Attributes:
        mean, maximum: of the images as they are.
        moved_mean, moved_maximum: of dream and real images alike under small motions, averaged; None if not asked for.
    """

    mean: ResponseRank
    maximum: ResponseRank
    moved_mean: ResponseRank | None = None
    moved_maximum: ResponseRank | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        """In which of the four the dream loses to a real image, in words; empty where it never does."""
        named = {
            "by mean": self.mean,
            "by maximum": self.maximum,
            "by mean, moved": self.moved_mean,
            "by maximum, moved": self.moved_maximum,
        }
        return tuple(f"{name}: loses to image {one.index}" for name, one in named.items() if one and one.loses)

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**plain(self), "flags": list(self.flags)}

    def _repr_html_(self) -> str:
        parts = {name: values for name, values in plain(self).items() if values}
        title = "; ".join(self.flags) or "No real image does better"
        return table(title, [{"by": name.replace("_", " "), **values} for name, values in parts.items()])


def contests(
    network: Network,
    dreams: Images,
    real: Images,
    layer: str,
    unit: int,
    *,
    looks: int = ROBUST_VIEWS,
    seed: int = 0,
) -> tuple[ResponseRanks, ...]:
    """Return each dream of one unit against the real images, plain and under `looks` small motions; 0 for plain only.

    Every image is seen in the network's own size, also a dream that was made on a larger canvas. For many units ask
    `responses_to` once for all of them, and `contests_between`. Arguments and errors are those of `responses_to`.

    Example:
        >>> contests(network, [made.image], images, "conv6", 12)[0].mean.ratio
        5.98
    """
    pairs = [
        [responses_to(network, images, {layer: [unit]}, looks=count, seed=seed)[layer] for images in (dreams, real)]
        for count in ([0, looks] if looks else [0])
    ]
    return contests_between(*pairs[0], moved=(pairs[1][0], pairs[1][1]) if looks else None)


def contests_between(
    dreams: Responses, real: Responses, *, column: int = 0, moved: tuple[Responses, Responses] | None = None
) -> tuple[ResponseRanks, ...]:
    """Return each dream against the real images by what one unit answered to both.

    Args:
        dreams: answers to each dream.
        real: answers to the real images.
        column: the unit's place among the units of these answers.
        moved: both again, under small motions.
    """
    pairs = [(dreams.mean, real.mean), (dreams.maximum, real.maximum)]
    if moved:
        pairs += [(moved[0].mean, moved[1].mean), (moved[0].maximum, moved[1].maximum)]
    return tuple(
        ResponseRanks(*(response_rank(float(ours[row, column]), theirs[:, column]) for ours, theirs in pairs))
        for row in range(len(dreams.mean))
    )
