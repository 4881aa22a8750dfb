"""Insertion: how soon the score rises when the pixels with the largest values are shown first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.fills import fill_of
from dreamfilters.attribution.trust.pixel_curves import SHARES, curves_and_chance
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.evidence.activations import Floats


@dataclass(frozen=True)
class Insertion:
    """The area below the score while pixels appear in the blurred image, the largest value first.

    Petsiuk et al., "RISE" (BMVC 2018). The score of the whole image counts as 1 and that of the blurred image as 0, as
    in `Deletion`. The comparison by chance is the area of the same heatmap at another place.
    """

    name: str = "insertion"
    meaning: str = (
        "Area below the score while pixels appear in a blurred image, the largest value first: 1 is the best."
    )
    better: Literal["lower", "higher"] = "higher"
    points: Sequence[float] = SHARES

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        start = np.stack([fill_of(image, "blur") for image in case.images])
        levels = case.scorer.scores(start), case.scores
        return curves_and_chance(case, heatmaps, (start, case.images), levels, self.name)


INSERTION = Insertion()
