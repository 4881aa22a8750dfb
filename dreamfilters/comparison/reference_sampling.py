"""Which real images a unit's dreams are held against, where a measure needs some of one kind and some of another."""

from __future__ import annotations

from collections.abc import Sequence

from dreamfilters.comparison.measures.path_similarity import Company
from dreamfilters.comparison.measures.two_afc import TwoAFCTrials
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import ImageError
from dreamfilters.evidence.scan.result import UnitScan

REFERENCES = 9  # images that a dream's way is compared with, and as many that have nothing to do with it


def company(real: ReferenceSet, subject: ComparedUnit, scanned: UnitScan, dreams: Sequence[int]) -> Company:
    """Return dreams, by their places, beside the images by number that their way is compared with.

    These are images of the class, drawn by chance, for a class; else those that excite the unit most.

    Raises:
        ImageError: there are too few, or they excite the unit all alike.
    """
    _check_awake(scanned, subject)
    of_class = real.of_class(subject.unit) if subject.is_class else []
    strong = [example.index for example in scanned.strongest[subject.by][:REFERENCES]]
    references = real.draw(of_class, REFERENCES) if len(of_class) > 1 else strong
    apart = set(of_class) | set(references)
    others = real.draw([index for index in real.drawn if index not in apart], REFERENCES)
    if not others:
        raise ImageError(f"{len(real.drawn)} images: none is left that has nothing to do with the unit")
    if len(references) < 2:
        raise ImageError(f"{len(references)} references: give at least 2 images")
    return Company(dreams, references, others)


def match(subject: ComparedUnit, scanned: UnitScan, dreams: Sequence[int]) -> TwoAFCTrials:
    """Return dreams, by their places, between the images by number that excite the unit most and least.

    Raises:
        ImageError: there are too few, or they excite the unit all alike.
    """
    _check_awake(scanned, subject)
    strong, weak = (
        [example.index for example in ranking[subject.by]] for ranking in (scanned.strongest, scanned.weakest)
    )
    if set(strong) & set(weak):
        raise ImageError(f"{scanned.counted} images: too few to have {len(strong)} strong and as many weak ones")
    return TwoAFCTrials(strong, weak, dreams)


def _check_awake(scanned: UnitScan, subject: ComparedUnit) -> None:
    if not scanned.strongest[subject.by][0].score > scanned.weakest[subject.by][0].score:
        raise ImageError(f"{scanned.counted} images: the unit answers them all alike, so that none is a reference")
