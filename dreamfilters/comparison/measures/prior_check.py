"""What a learned prior hides in a dream, as a measure: the part that the score needs, the raw dream, other seeds."""

from __future__ import annotations

from collections.abc import Iterable

from dreamfilters.attribution.result import legend
from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import Caption, Figure, ImagePart, Measure, Missing, ShownImage
from dreamfilters.comparison.prior_check import PriorCheck
from dreamfilters.comparison.prior_checking import checks_of
from dreamfilters.errors import DreamfiltersError
from dreamfilters.number_format import percent

_SHOWN = 4  # the dream, the covered, the raw one and that after raw steps; the seeds have a figure of their own


def _compute(batch: Batch) -> Iterable[PriorCheck | Missing]:
    if batch.prior is None:
        return [Missing("no learned prior")] * len(batch.units)
    try:
        return checks_of(batch.network, [batch.dreams[unit.name] for unit in batch.units], batch.prior)
    except DreamfiltersError as error:
        return [Missing(str(error))] * len(batch.units)


def _share(value: PriorCheck) -> float | None:
    """Return the share of the score that covering the most important part costs; None for a score of 0 or below."""
    return value.covered.drop / value.dream.score if value.dream.score > 0 else None


def _caption(value: PriorCheck) -> Caption:
    return Caption(percent(_share(value)), value.covered_text)


def _figure(value: PriorCheck) -> Figure:
    without_seeds = value.shown[1:_SHOWN]
    images = tuple(ShownImage(image, caption.replace("\n", ", "), caption) for image, caption in without_seeds)
    colors = f"Covered: {legend(['occlusion'], ())}. What differs between the other seeds, below, was not demanded."
    note = f"{value.real_text}. {colors}"
    return Figure("What the learned prior hides", value.appearance.text, (ImagePart(images, note=note),))


PRIOR_CHECK = Measure(
    name="prior_check",
    title="Needed part",
    meaning="A dream with a learned prior can show more than the network uses: the largest share of the score that is "
    "lost when one part of the dream, a quarter of its side, is covered.",
    needs=frozenset({"dream", "learned prior"}),
    compute=_compute,
    caption=_caption,
    columns={
        "needed_part": _share,
        "needed_part_drop": lambda value: value.covered.drop,
        "largest_drop_elsewhere": lambda value: value.covered.elsewhere,
        "raw_score": lambda value: value.images[1].score,
    },
    figure=_figure,
)
