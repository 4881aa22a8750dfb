"""The sanity check: whether a heatmap changes when the weights of the network become random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.trust.randomized_weights import SHARES
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.evidence.activations import Floats


@dataclass(frozen=True)
class WeightDependence:
    """The rank correlation of a heatmap with that of a copy of the network in which a share of the layers is random.

    Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018): layers become random from the output down, and
    Spearman's correlation compares the heatmaps, with their signs. A heatmap that stays the same does not show what
    these layers have learned.

    Attributes:
        name: the key in the registry.
        share: of the layers with weights, one of `SHARES`.
        meaning: what a value states.
    """

    name: str
    share: float
    meaning: str
    better: Literal["lower", "higher"] = "lower"
    points: Sequence[float] = ()

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        copy = case.randomized.of(case.network, case.objective)[SHARES.index(self.share)]
        others = method(copy, case.objective, case.images)
        found = [rank_correlation(one, other) for one, other in zip(heatmaps, others, strict=True)]
        return Measured(np.array(found, np.float32))


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation of two heatmaps, the mean rank for equal values; NaN where one is constant.

    >>> round(rank_correlation(np.array([1.0, 2.0, 30.0]), np.array([0.1, 0.2, 0.3])), 6)
    1.0
    """
    if not (np.isfinite(one).all() and np.isfinite(other).all()) or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


UPPER_HALF = WeightDependence(
    "sanity-half",
    0.5,
    "Rank correlation with the heatmap after the upper half of the layers became random: 0 is best.",
)
ALL_LAYERS = WeightDependence(
    "sanity-all", 1.0, "Rank correlation with the heatmap after all layers became random: 0 is best."
)
