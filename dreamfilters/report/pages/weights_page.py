"""The page of the weights of layers: their distributions as charts, and the kernels of convolutions as images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamfilters.attribution.circuits.weights.layer_weights import LayerWeights, WeightDistribution
from dreamfilters.comparison.measures.measure import HistogramPart
from dreamfilters.display import image_uri
from dreamfilters.images import png_bytes
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.html_frame import anchors, rendered
from dreamfilters.report.tables import json_bytes

PAGE, VALUES = "index.html", "weights.json"
_NARROW = 12  # pixels of a kernel that is drawn small
_KERNELS = 256  # of a layer on the page; its sheet has all


@dataclass(frozen=True)
class WeightChart:
    """The histogram of an array of weights, with its name, shape and statistics as text."""

    name: str
    shape: str
    part: HistogramPart
    text: str


@dataclass(frozen=True)
class WeightSection:
    """A layer: its charts, its kernels as data URIs with the name of each unit, and the file of all kernels.

    `is_wide` says whether a kernel is drawn as a grid of many channels, which takes more room.
    """

    anchor: str
    layer: str
    type: str
    charts: tuple[WeightChart, ...]
    kernels: tuple[tuple[str, str], ...]
    more: int
    file: str
    is_wide: bool


def weights_files(found: Sequence[LayerWeights]) -> dict[str, bytes]:
    """Return the page, the numbers, and the sheet of each layer's kernels: name -> content."""
    ids = _anchors([one.layer for one in found])
    sheets = dict(zip(sheet_names([one.layer for one in found]), (one.sheet for one in found), strict=True))
    files = {name: png_bytes(sheet) for name, sheet in sheets.items() if sheet is not None}
    sections = [_section(one, anchor) for anchor, one in zip(ids, found, strict=True)]
    values = json_bytes({"network": found[0].network, "layers": [one.as_values() for one in found]})
    return {PAGE: _page(found, sections), **files, VALUES: values}


def file_names(layers: Sequence[str]) -> list[str]:
    """Return the names of the files of `weights_files`; a layer without kernels has no sheet.

    >>> file_names(["conv1"])
    ['index.html', 'weights.json', 'kernels-conv1.png']
    """
    return [PAGE, VALUES, *sheet_names(layers)]


def sheet_names(layers: Sequence[str]) -> list[str]:
    """Return the name of the file of each layer's kernels."""
    return [f"{anchor}.png" for anchor in _anchors(layers)]


def _anchors(layers: Sequence[str]) -> list[str]:
    return anchors([f"kernels {layer}" for layer in layers])


def _page(found: Sequence[LayerWeights], sections: Sequence[WeightSection]) -> bytes:
    total = sum(int(one.histogram.counts.sum()) + one.not_finite for layer in found for one in layer.distributions)
    page = rendered(
        "summary/weights.html", ("unit/unit.css", "summary/weights.css"), title=f"{found[0].network}: weights",
        lead=f"The distributions of {grouped(total)} weights of {len(found)} layer{'s' * (len(found) != 1)}.",
        sections=sections, values=VALUES,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _section(found: LayerWeights, anchor: str) -> WeightSection:
    uris = [(image_uri(image), f"{found.layer}:{unit}") for unit, image in enumerate(found.kernels[:_KERNELS])]
    return WeightSection(
        anchor=anchor,
        layer=found.layer,
        type=found.type,
        charts=tuple(_chart(one) for one in found.distributions),
        kernels=tuple(uris),
        more=max(0, len(found.kernels) - _KERNELS),
        file=f"{anchor}.png" if found.kernels else "",
        is_wide=bool(found.kernels) and max(found.kernels[0].shape[:2]) > _NARROW,
    )


def _chart(one: WeightDistribution) -> WeightChart:
    parts = [f"mean {number(one.mean)}", f"std {number(one.std)}", f"{number(one.low)} to {number(one.high)}"]
    parts += [f"{percent(one.zeros)} zeros"] if one.zeros > 0 else []
    parts += [f"{grouped(one.not_finite)} not finite"] if one.not_finite else []
    return WeightChart(one.name, " × ".join(map(str, one.shape)), HistogramPart(one.histogram, ()), ", ".join(parts))
