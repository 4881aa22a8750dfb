"""Deletion: how soon the score falls when the pixels with the largest values are removed first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.trust.pixel_curves import SHARES, curves_and_chance
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.evidence.activations import Floats


@dataclass(frozen=True)
class Deletion:
    """The area below the score while pixels become the image's mean color, the largest value first.

    Petsiuk et al., "RISE" (BMVC 2018). The score of the whole image counts as 1 and that of the image in its mean color
    as 0, so that logits and responses can be measured too; without a score above the latter the area is not defined.
    The comparison by chance is the area of the same heatmap at another place.
    """

    name: str = "deletion"
    meaning: str = "Area below the score while pixels are removed, the largest value first: 0 if it falls at once."
    better: Literal["lower", "higher"] = "lower"
    points: Sequence[float] = SHARES

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        return curves_and_chance(case, heatmaps, (case.images, case.blank), (case.blank_scores, case.scores), self.name)


DELETION = Deletion()
