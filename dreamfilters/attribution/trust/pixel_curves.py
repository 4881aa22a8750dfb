"""The score of an image while its pixels are replaced in the order of a heatmap, as deletion and insertion measure it.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models" (BMVC 2018), section 4.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.scorer import Scorer
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase, differ
from dreamfilters.evidence.activations import Floats

STEPS = 32  # of a curve; each replaces as many pixels
SHARES = tuple(step / STEPS for step in range(STEPS + 1))  # of the pixels that are replaced at each point
_DRAWS = 2  # heatmaps that are moved elsewhere, for each image


def order_of(heatmap: Floats, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the numbers of the pixels of (h, w), the largest value first; equal values are in random order.

    >>> order_of(np.array([[1.0, 3.0], [2.0, 0.0]]), np.random.default_rng(0)).tolist()
    [1, 2, 0, 3]
    """
    values = np.nan_to_num(heatmap.ravel(), nan=-np.inf)
    return np.lexsort((random.random(values.size), -values))


def pixel_curves(scorer: Scorer, before: Floats, after: Floats, orders: NDArray[np.intp]) -> Floats:
    """Return the scores (n, STEPS + 1) of images `before` whose pixels become those of `after`, in these orders.

    Args:
        scorer: of the objective.
        before, after: (n, h, w, c).
        orders: (n, h * w) numbers of the pixels.
    """
    return np.stack([_curve(scorer, *one) for one in zip(before, after, orders, strict=True)])


def _curve(scorer: Scorer, before: Floats, after: Floats, order: NDArray[np.intp]) -> Floats:
    """Return the scores of one image, (STEPS + 1,)."""
    place = np.empty(order.size, np.intp)
    place[order] = np.arange(order.size)
    counts = np.round(np.array(SHARES) * order.size).astype(np.intp)
    replaced = place.reshape(1, *before.shape[:2], 1) < counts[:, None, None, None]
    return scorer.scores(np.where(replaced, after, before).astype(np.float32))


def areas(curves: Floats, low: Floats, high: Floats, defined: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the areas (n,) below the curves, from 0 to 1, and the curves as shares of the way from `low` to `high`.

    Shares below 0 and above 1 are cut, so that no image outweighs the others. Where it is not defined, the area is NaN.
    """
    span = np.where(defined, high - low, 1)[:, None]
    shares = np.clip((curves - low[:, None]) / span, 0, 1)
    found = np.trapezoid(shares, np.array(SHARES), axis=1)
    return np.where(defined, found, np.nan).astype(np.float32), shares.astype(np.float32)


def moved(heatmap: Floats, random: np.random.Generator) -> Floats:
    """Return the heatmap (h, w) at another place, with wraparound: the same shapes, without the knowledge where."""
    height, width = heatmap.shape
    return np.roll(heatmap, (int(random.integers(height)), int(random.integers(width))), axis=(0, 1))


def curves_and_chance(
    case: TrustCase, heatmaps: Floats, ends: tuple[Floats, Floats], levels: tuple[Floats, Floats], purpose: str
) -> Measured:
    """Return the areas below the curves of heatmaps (n, h, w), and the mean areas of heatmaps that are moved elsewhere.

    Args:
        case: the images.
        heatmaps: (n, h, w).
        ends: the images (n, h, w, c) at the start and at the end of a curve.
        levels: the scores (n,) that count as 0 and as 1.
        purpose: names the random numbers.
    """
    rows = range(len(heatmaps))
    random = [case.random(purpose, row) for row in rows]
    defined = differ(levels[1], levels[0])

    def measured(maps: list[Floats]) -> tuple[Floats, Floats]:
        orders = np.stack([order_of(maps[row], random[row]) for row in rows])
        return areas(pixel_curves(case.scorer, *ends, orders), *levels, defined)

    values, curves = measured(list(heatmaps))
    elsewhere = [measured([moved(heatmaps[row], random[row]) for row in rows])[0] for _ in range(_DRAWS)]
    return Measured(values, np.mean(elsewhere, axis=0, dtype=np.float32), curves)
