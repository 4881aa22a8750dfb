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

HALF = SHARES.index(0.5)  # of the layers are random where the value is taken


@dataclass(frozen=True)
class WeightDependence:
    """The rank correlation of a heatmap with that of a copy of the network whose upper half of layers is random.

    Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018): weights become random from the output down, and
    Spearman's correlation compares the heatmaps. The curve has the correlations with one random layer, half and all.
    """

    name: str = "sanity"
    meaning: str = (
        "Rank correlation with the heatmap after the upper half of the layers has become random: near 0 is best."
    )
    better: Literal["lower", "higher"] = "lower"
    points: Sequence[float] = SHARES

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        networks = case.randomized.of(case.network, case.objective)
        others = [method(network, case.objective, case.images) for network in networks]
        curves = np.array(
            [[rank_correlation(heatmap, other[row]) for other in others] for row, heatmap in enumerate(heatmaps)],
            np.float32,
        )
        return Measured(curves[:, HALF], curves=curves)


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation of two heatmaps, the mean rank for equal values; NaN where one is constant.

    >>> round(rank_correlation(np.array([1.0, 2.0, 30.0]), np.array([0.1, 0.2, 0.3])), 6)
    1.0
    """
    if not (np.isfinite(one).all() and np.isfinite(other).all()) or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


WEIGHT_DEPENDENCE = WeightDependence()
