"""The page of an audit: the verdicts of each layer, and the units that are not alive with their dreams and images."""

from __future__ import annotations

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.number_format import grouped, number
from dreamfilters.report.pages.summary_page import (
    TILES,
    LayerShare,
    Row,
    Section,
    Summary,
    Tile,
    TileImage,
    image_tiles,
    summary_page,
)
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import KINDS, WARNING, Kind

_SHOWN: tuple[Kind, ...] = ("dead", "dormant", "saturated", "always on", "undecided")
_MEANS: dict[Kind, str] = {
    "dead": "The bounds prove that no valid input activates these units.",
    "dormant": f"No image activates these units, a dream does. Note: {WARNING}.",
    "saturated": "On every image these units are at a limit of their activation function.",
    "always on": "These units are active at every position of every image.",
    "undecided": "Neither an image nor a dream activates these units, and the bounds do not prove that none can.",
}
_REAL = 4  # images of a tile


def audit_page(audit: Audit, scan: Scan | None, files: dict[str, str]) -> bytes:
    """Return the page of an audit.

    Args:
        audit: the audit; the files of its dreams are paths from the page.
        scan: the scan on which it rests, which gives the images; None without one.
        files: name -> what it holds, of the files beside the page.
    """
    counts: dict[str, int] = {kind: count for kind, count in audit.counts.items() if count}
    units = sum(counts.values())
    height, width = audit.size
    return summary_page(
        Summary(
            title=f"{audit.network}: audit of its units",
            lead="What every unit does on real images, on a dream made to activate it, and within the bounds that hold "
            "for all valid inputs.",
            counts={"units": units, **counts},
            rows=tuple(map(_row, audit.layers)),
            sections=(*(_section(audit, scan, kind) for kind in _SHOWN if counts.get(kind)), *_duplicates(audit)),
            facts={
                "Images": grouped(audit.images) if audit.images else "none",
                "Dreams": f"recipe {audit.recipe}, seed {audit.seed}",
                "Bounds": f"for all inputs of {height} × {width} pixels",
                **({"Bounds not tightened": ", ".join(audit.untried)} if audit.untried else {}),
            },
            files=files,
            failures=() if scan is None else scan.failures,
        )
    )


def _row(layer: LayerAudit) -> Row:
    units = len(layer.findings)
    counts = {kind: count for kind, count in layer.counts.items() if count}
    pairs = len(layer.duplicates)
    near = [f"{pairs} pair{'s' * (pairs != 1)} of near-duplicates"] if pairs else []
    text = ", ".join([*(f"{count} {kind}" for kind, count in counts.items()), *near])
    return Row(layer.name, units, tuple(LayerShare(kind, count / units) for kind, count in counts.items()), text)


def _section(audit: Audit, scan: Scan | None, kind: Kind) -> Section:
    found = audit.of(kind)
    more = f" The first {TILES} of {len(found)}; audit.csv lists all." if len(found) > TILES else ""
    tiles = tuple(_tile(scan, layer, finding) for layer, finding in found[:TILES])
    return Section(f"{kind.capitalize()}: {grouped(len(found))}", _MEANS[kind] + more, tiles, kind)


def _tile(scan: Scan | None, layer: str, finding: Finding) -> Tile:
    proved = "proved" if finding.verdict.proved else ""
    name = f"{layer}:{finding.unit}"
    dream = finding.dream
    images = (TileImage(dream.image, f"Dream of {name}"),) if dream is not None and dream.image else ()
    sentence = finding.verdict.sentence.replace(f"; {WARNING}", "")  # stated once, above the tiles
    if dream is not None and dream.image:
        sentence = sentence.replace(f" ({dream.image})", "").replace(dream.image, "the dream")
    return Tile(name, images or _strongest(scan, layer, finding.unit), proved, f"{sentence}.")


def _strongest(scan: Scan | None, layer: str, unit: int) -> tuple[TileImage, ...]:
    """Return the images that activate a unit most, without those that do not activate it."""
    if scan is None:
        return ()
    try:
        ranked = [one for one in scan.unit(layer, unit).strongest["max"][:_REAL] if one.score != 0]
    except UnknownNameError:  # a scan of other layers
        return ()
    return image_tiles(scan.images, [(one.index, f"{one.name}: {number(one.score)}") for one in ranked])


def _duplicates(audit: Audit) -> tuple[Section, ...]:
    pairs = [(layer.name, pair) for layer in audit.layers for pair in layer.duplicates]
    if not pairs:
        return ()
    more = f" The first {TILES} of {len(pairs)}." if len(pairs) > TILES else ""
    tiles = tuple(
        Tile(f"{name}:{pair.first}, {name}:{pair.second}", (), f"cosine of the weights {pair.cosine:.3f}")
        for name, pair in pairs[:TILES]
    )
    return (
        Section(
            f"Near-duplicates: {grouped(len(pairs))}", f"Pairs of units with nearly the same weights.{more}", tiles
        ),
    )


assert set(_SHOWN) | {"alive"} == set(KINDS)
