"""Which units of the layer before the logits raise a class's logit on real images of the class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dreamfilters.attribution.logit_attribution import LogitAttribution, attribute_logit
from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import BarPart, Caption, Figure, Measure, Missing, ShareBar
from dreamfilters.number_format import number

_UNITS = 10  # that are shown


@dataclass(frozen=True)
class ClassAttribution:
    """A logit attribution and the images behind it.

    Attributes:
        attribution: the units' contributions.
        images: number of images that were attributed.
        count: number of labeled images of the class.
    """

    attribution: LogitAttribution
    images: int
    count: int

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**self.attribution.as_values(), "images": self.images, "labeled_images": self.count}


def _compute(batch: Batch) -> Iterable[ClassAttribution | Missing]:
    def attribution(row: int) -> ClassAttribution:
        real = batch.class_images(row)
        found = attribute_logit(batch.network, real.images, batch.units[row].number, most=_UNITS)
        return ClassAttribution(found, len(real.indices), real.labeled)

    yield from batch.each(attribution)


def _caption(value: ClassAttribution) -> Caption:
    found = value.attribution
    top = found.units[0]
    detail = f"adds {number(top.contribution)} to a logit of {number(found.logit)}, over {value.images} images"
    return Caption(f"{found.layer}:{top.unit}", detail)


def _figure(value: ClassAttribution) -> Figure:
    found = value.attribution
    largest = max(abs(unit.contribution) for unit in found.units)
    bars = tuple(
        ShareBar(
            f"{found.layer}:{unit.unit}",
            number(unit.contribution),
            abs(unit.contribution) / largest if largest else 0,
            "negative" if unit.contribution < 0 else "",
        )
        for unit in found.units
    )
    note = (
        f"{found.layer}, {found.count} units: gradient × activation over {value.images} of {value.count} images of the "
        f"class; all units together {number(found.total)} of a logit of {number(found.logit)}."
    )
    return Figure("Logit attribution", note, (BarPart(bars),), "details")


CLASS_ATTRIBUTION = Measure(
    name="class_attribution",
    title="Top unit",
    meaning="The unit before the logits that contributes most to the class’s logit (gradient × activation).",
    needs=frozenset({"class", "labels"}),
    compute=_compute,
    caption=_caption,
    columns={
        "top_unit": lambda value: f"{value.attribution.layer}:{value.attribution.units[0].unit}",
        "top_contribution": lambda value: value.attribution.units[0].contribution,
    },
    figure=_figure,
)
