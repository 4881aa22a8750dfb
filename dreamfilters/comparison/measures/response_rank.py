"""Where a dream's response ranks among those of real images, plain and under small transforms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import NO_VALUE, Caption, Figure, HistogramPart, Mark, Measure
from dreamfilters.comparison.responses import responses_to
from dreamfilters.display import Tabular, frame, table
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.evidence.scan.score_statistics import By
from dreamfilters.number_format import grouped, number, percent, times
from dreamfilters.serialization import plain

TRANSFORMED = 96  # real images, drawn at random, that are transformed, besides each unit's strongest


@dataclass(frozen=True)
class ResponseRank(Tabular):
    """A dream's response among those of real images.

    Attributes:
        response: of the dream.
        largest: of the strongest real image.
        index: that image's number among the real ones.
        ratio: response / largest; None unless `largest` is above 0.
        margin: response - largest.
        percentile: share of real images whose response is at most the dream's, 0 to 100.
        count: of real images whose response is a number.
        loses: whether a real image has a larger response than the dream, or the dream's is not a number.
    """

    response: float
    largest: float
    index: int
    ratio: float | None
    margin: float
    percentile: float
    count: int
    loses: bool


@dataclass(frozen=True, eq=False)
class ResponseRanks:
    """A dream's rank by the mean of its unit's map and by the maximum.

    Attributes:
        by: which of the two the unit is judged by.
        mean, maximum: the ranks.
        quantity: the response by `by`, in words.
        histogram: of the responses of all real images, by `by`; None under small transforms.
        marks: responses to mark in the histogram.
    """

    by: By
    mean: ResponseRank
    maximum: ResponseRank
    quantity: str = ""
    histogram: Histogram | None = None
    marks: tuple[Mark, ...] = ()

    def __repr__(self) -> str:
        rank = self.rank
        return f"ResponseRanks(by {self.by}: {rank.response:.4g} against {rank.largest:.4g} of {rank.count} images)"

    def _repr_html_(self) -> str:
        rows = [{"by": by, **plain(rank)} for by, rank in (("max", self.maximum), ("mean", self.mean))]
        return frame(table(f"Response to the dream among real images, judged by {self.by}", rows))

    @property
    def rank(self) -> ResponseRank:
        """The rank by which the unit is judged."""
        return self.maximum if self.by == "max" else self.mean

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = {"by": self.by, "mean": self.mean, "maximum": self.maximum}
        if self.histogram is not None:
            values["histogram"] = {"counts": self.histogram.counts, "edges": self.histogram.edges}
        return dict(plain(values))


def response_rank(response: float, real: ArrayLike) -> ResponseRank:
    """Return where one response ranks among those of real images.

    The ratio is a(v) / max a(x) over real images x, the percentile the share with a(x) <= a(v). All responses must be
    of the same unit and by the same reduction, mean or maximum. NaN among the real responses is ignored.

    Raises:
        ImageError: no real response is a number.

    Example:
        >>> response_rank(3.0, [1.0, 2.0, 4.0, 3.0]).percentile
        75.0
    """
    values = np.asarray(real, np.float64).ravel()
    known = values[~np.isnan(values)]
    if not known.size:
        raise ImageError(f"{values.size} real images: none has a response that is a number")
    index, own = int(np.nanargmax(values)), float(response)
    percentile = 100 * float(np.mean(known <= own))
    return _rank(own, float(values[index]), index, percentile, int(known.size))


def rank_in_scan(scan: UnitScan, by: By, response: float) -> ResponseRank:
    """Return where a response ranks among those of all scanned images; the percentile is exact to one histogram bin.

    Raises:
        ImageError: no image has a finite response.
    """
    if not scan.counted:
        raise ImageError(f"{scan.layer.name}:{scan.number}: no real image has a finite response")
    strongest = scan.strongest[by][0]
    percentile = 100 * scan.histogram[by].share_up_to(response)
    return _rank(response, strongest.score, strongest.index, percentile, scan.counted)


def response_ranks(batch: Batch) -> list[ResponseRanks]:
    """Return each dream's rank among all real images, with the histogram of their responses."""
    return [_among_all(batch, row, robust) for row, robust in zip(batch.rows, batch.shared(robust_ranks), strict=True)]


def robust_ranks(batch: Batch) -> list[ResponseRanks]:
    """Return each dream's rank under small transforms, with `index` a number among all real images.

    Dreams and real images are rotated, scaled and shifted alike, and responses are averaged. The real images are a
    random sample of 96 and each unit's strongest.
    """
    indices = batch.shared(_transformed)
    stacked = list(dict.fromkeys(itertools.chain(*indices)))
    images = np.concatenate([batch.images(stacked), batch.first_dreams])
    numbers = list(dict.fromkeys(unit.number for unit in batch.units))
    responses = responses_to(
        batch.network, images, {batch.layer: numbers}, views=ROBUST_VIEWS, seed=batch.references.seed
    )[batch.layer]
    row_of = {index: row for row, index in enumerate(stacked)}

    def rank(values: Floats, row: int) -> ResponseRank:
        column = numbers.index(batch.units[row].number)
        real = values[[row_of[index] for index in indices[row]], column]
        found = response_rank(float(values[len(stacked) + row, column]), real)
        return replace(found, index=indices[row][found.index])

    return [
        ResponseRanks(unit.by, rank(responses.mean, row), rank(responses.maximum, row))
        for row, unit in enumerate(batch.units)
    ]


def _transformed(batch: Batch) -> list[tuple[int, ...]]:
    """Return the numbers of the real images that each dream is ranked among under small transforms."""
    sample = batch.references.sample(batch.references.sampled, TRANSFORMED)
    strongest = (
        [ranked.index for ranked in scan.strongest[unit.by]]
        for unit, scan in zip(batch.units, batch.scans, strict=True)
    )
    return [tuple(dict.fromkeys((*sample, *indices))) for indices in strongest]


def _among_all(batch: Batch, row: int, robust: ResponseRanks) -> ResponseRanks:
    unit, scan, views = batch.units[row], batch.scans[row], batch.views[row]
    values = views[0].map
    ranks = ResponseRanks(
        unit.by,
        rank_in_scan(scan, "mean", float(values.mean(dtype=np.float64))),
        rank_in_scan(scan, "max", float(values.max())),
        "logit of the class" if unit.is_class else f"{'mean' if unit.by == 'mean' else 'maximum'} of the map",
        scan.histogram[unit.by],
    )
    marks = [
        Mark("real", "strongest real image", ranks.rank.largest),
        Mark("dream", "dream", ranks.rank.response),
        Mark("robust", "dream under small transforms", robust.rank.response),
    ]
    if batch.user_image is not None:
        marks.append(Mark("user-image", views[-1].name, views[-1].response))
    return replace(ranks, marks=tuple(marks))


def _rank(response: float, largest: float, index: int, percentile: float, count: int) -> ResponseRank:
    ratio = response / largest if largest > 0 else None
    return ResponseRank(response, largest, index, ratio, response - largest, percentile, count, not response >= largest)


def _caption(rank: ResponseRank, among: str) -> Caption:
    figure = NO_VALUE if rank.ratio is None else times(rank.ratio)
    return Caption(figure, f"{number(rank.response)} against {number(rank.largest)}{among}", rank.loses)


def _plain_caption(value: ResponseRanks) -> Caption:
    rank = value.rank
    share = f" ({percent(rank.percentile / 100)} of {grouped(rank.count)})" if math.isfinite(rank.percentile) else ""
    return _caption(rank, share)


def _figure(value: ResponseRanks) -> Figure | None:
    if value.histogram is None:
        return None
    note = f"{grouped(value.rank.count)} images, {value.quantity}; counts on a logarithmic scale."
    return Figure("Responses to real images", note, (HistogramPart(value.histogram, value.marks),))


def _of(attribute: str) -> Callable[[ResponseRanks], Any]:
    return lambda value: getattr(value.rank, attribute)


RESPONSE_RANK = Measure(
    name="response_rank",
    title="Response",
    meaning="Response to the dream over the largest response to a real image; in brackets the share of real images "
    "whose response is at most the dream’s.",
    needs=frozenset({"dream", "scan"}),
    compute=response_ranks,
    caption=_plain_caption,
    columns={
        "response": _of("response"),
        "strongest_real": _of("largest"),
        "ratio": _of("ratio"),
        "percentile": _of("percentile"),
        "loses": _of("loses"),
    },
    figure=_figure,
)

ROBUST_RESPONSE_RANK = Measure(
    name="robust_response_rank",
    title="Response, robust",
    meaning="The same while dream and real images are rotated, scaled and shifted a little, averaged.",
    needs=frozenset({"dream", "scan"}),
    compute=lambda batch: batch.shared(robust_ranks),
    caption=lambda value: _caption(value.rank, f", among {grouped(value.rank.count)} images"),
    columns={"robust_response": _of("response"), "robust_ratio": _of("ratio"), "robust_loses": _of("loses")},
)
