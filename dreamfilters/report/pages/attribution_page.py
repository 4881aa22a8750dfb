"""The page of heatmaps: the table of trust, a sheet for each image, and what each method states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import Trust
from dreamfilters.number_format import grouped
from dreamfilters.report.html_frame import rendered
from dreamfilters.report.pages.trust_curves import trust_curves

_SHOWN = 200  # images; the sheets of others are in their folders


@dataclass(frozen=True)
class PageRow:
    """One image: its name, label, predicted class, the path of its sheet from the page, and target -> score."""

    image: str
    label: str
    predicted: str
    sheet: str
    scores: Mapping[str, float]


def attribution_page(
    *,
    network: str,
    targets: Sequence[str],
    rows: Sequence[PageRow],
    legend: str,
    methods: Mapping[str, str],
    reasons: Mapping[str, str],
    remarks: Sequence[str],
    trust: Trust | None,
    files: Mapping[str, str],
    failures: Sequence[tuple[str, str]],
) -> bytes:
    """Return the page; it fetches nothing but the sheets in its folder.

    Args:
        network: name of the network.
        targets: what is explained on every image; () for the predicted class.
        rows: the images.
        legend: what the colors mean.
        methods: name -> what a value states.
        reasons: method -> why it has no heatmaps.
        remarks: lines on heatmaps that a reader has to know.
        trust: the table of trust, None if it was not measured.
        files: name -> what it holds, of the files beside the page.
        failures: name and reason of each image that could not be read.
    """
    shown = ", ".join(targets) if targets else "the predicted class"
    page = rendered(
        "attribution/page.html",
        ("attribution/page.css",),
        title=f"{network}: which pixels decide",
        lead=f"Heatmaps of {shown} on {grouped(len(rows))} image{'s' * (len(rows) != 1)}: {legend}.",
        rows=rows[:_SHOWN],
        more=max(0, len(rows) - _SHOWN),
        methods=methods,
        reasons=reasons,
        remarks=remarks,
        table=[] if trust is None else trust.cells(),
        measured=0 if trust is None else trust.images,
        curves=() if trust is None else trust_curves(trust),
        measures={name: measure.meaning for name, measure in TRUST_MEASURES.items()},
        files=files,
        failures=failures,
    )
    return page.encode("utf-8", "replace")
