"""The page of a diff: the layers of two networks, the units that changed, and the predictions that flipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.diff.result import FlippedPrediction, LayerPair, NetworkDiff
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.html_frame import rendered, shown_uri

PAGE = "index.html"
_UNITS = 8  # of a list in a row


@dataclass(frozen=True, eq=False)
class DreamPair:
    """A unit and its partner with their dreams.

    Attributes:
        name, other: their targets.
        correlation: of their responses.
        image, other_image: (h, w, c) in [0, 1].
        ratio, other_ratio: the response to the dream, divided by the largest response to an image.
    """

    name: str
    other: str
    correlation: float
    image: NDArray[np.float32]
    other_image: NDArray[np.float32]
    ratio: float
    other_ratio: float


@dataclass(frozen=True)
class DiffRow:
    """A line of the table of layers."""

    name: str
    by: str
    cka: str
    weights: str
    unchanged: int
    changed: int
    lost: str
    new: str
    moved: int
    silent: str


@dataclass(frozen=True)
class FlippedImage:
    """An image that is predicted otherwise, as the page shows it; `kind` is its `change`."""

    source: str
    name: str
    label: str
    first: str
    second: str
    kind: str


def diff_page(
    found: NetworkDiff,
    dreams: Sequence[DreamPair],
    images: Sequence[tuple[FlippedPrediction, NDArray[np.float32]]],
    files: Mapping[str, str],
) -> bytes:
    """Return the page; `images` are those of the first flips, `files` names what the files beside it hold."""
    moved = {one.layer: one.change for one in found.weights}
    page = rendered(
        "summary/diff.html", ("unit/unit.css", "summary/ablation.css", "summary/diff.css"),
        title="Nothing differs" if found.is_same else "What differs", found=found, lead=f"{found.describe()}.",
        rows=[_row(pair, moved) for pair in found.layers],
        others=[(one.layer, _change(one.change)) for one in found.weights
                if one.layer not in {pair.name for pair in found.layers}],
        dreams=[(one, shown_uri(one.image), shown_uri(one.other_image), number(one.correlation),
                 f"{number(one.ratio)} ×", f"{number(one.other_ratio)} ×") for one in dreams],
        flips=[_flip(flip, image) for flip, image in images], more=len(found.flips) - len(images),
        accuracy=_accuracy(found), facts=_facts(found), files=files,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _row(pair: LayerPair, moved: Mapping[str, float]) -> DiffRow:
    name = pair.name if pair.name == pair.other else f"{pair.name} → {pair.other}"
    return DiffRow(
        name=name,
        by=pair.by,
        cka="–" if pair.cka is None else number(pair.cka),
        weights=_change(moved[pair.name]) if pair.by == "name" and pair.name in moved else "–",
        unchanged=pair.unchanged,
        changed=len(pair.changed),
        lost=_listed(pair.lost),
        new=_listed(pair.new),
        moved=pair.moved,
        silent=" / ".join(map(str, pair.silent)),
    )


def _change(change: float) -> str:
    return "0" if change == 0 else percent(change)


def _listed(units: Sequence[int]) -> str:
    named = ", ".join(map(str, units[:_UNITS])) + (", …" if len(units) > _UNITS else "")
    return f"{len(units)} ({named})" if units else "0"


def _flip(flip: FlippedPrediction, image: NDArray[np.float32]) -> FlippedImage:
    first, second = (
        f"{name} {percent(share)}"
        for name, share in ((flip.predicted, flip.probability), (flip.other, flip.other_probability))
    )
    return FlippedImage(shown_uri(image, small=True), flip.image, flip.label, first, second, flip.change)


def _accuracy(found: NetworkDiff) -> str:
    if not found.labeled:
        return ""
    both, first, second, _ = found.right
    return (
        f"Of {grouped(found.labeled)} labeled images {found.network} gets {percent((both + first) / found.labeled)} "
        f"right, {found.other} {percent((both + second) / found.labeled)}: {first} are right in the first only, "
        f"{second} in the second only (McNemar’s exact test: p = {found.p_value:.2g})."
    )


def _facts(found: NetworkDiff) -> dict[str, str]:
    facts = {
        "Networks": f"{found.network}, and {found.other}",
        "Layers": "They correspond by name and shape; the others by the linear CKA of their units’ mean responses "
        "(Kornblith et al. 2019), from .5 on.",
        "Units": "They correspond by their mean responses, one to one. Every other image decides the pairs, the others "
        "measure the correlation: from .95 on a unit is unchanged, from .5 on changed, and below it is lost or new. "
        "Units that are constant on the images are silent, and left out.",
        "Dreams": "Both are made by the recipe fast and one seed; below each is the response to it, as a multiple of "
        "the largest response to an image.",
        "Weights": "The norm of the difference, as a share of the norm in the first network.",
    }
    if found.images:
        facts["Images"] = f"{grouped(found.images)}, spread evenly over the labels"
    if found.remark:
        facts["Note"] = found.remark
    return facts
