"""The page of a scan: how many units of each layer respond, and the images that activate the notable units most."""

from __future__ import annotations

from typing import Any

import numpy as np

from dreamfilters.evidence.scan.result import LayerScan, Scan, layer_rows
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.pages.summary_page import LayerShare, Row, Section, Summary, Tile, image_tiles, summary_page

RESPONDING, SILENT = "responding", "always silent"
_UNITS, _IMAGES = 6, 4  # of a layer, and of a unit
_MOST_LAYERS = 40  # whose units are shown: the images are inside the page
_LISTED = 24  # silent units of a layer
_WRONG = 24  # images that are predicted as another class


def scan_page(scan: Scan, files: dict[str, str]) -> bytes:
    """Return the page of a scan.

    Args:
        scan: the scan; its images are shown if they are known.
        files: name -> what it holds, of the files beside the page.
    """
    layers = list(scan.layers.values())
    silent = sum(int(layer.always_silent.sum()) for layer in layers)
    units = sum(layer.units for layer in layers)
    height, width = scan.size
    by_class = bool(set(scan.labels) - {""})
    return summary_page(
        Summary(
            title=f"{scan.network}: responses to {grouped(scan.readable)} image{'s' * (scan.readable != 1)}",
            lead="How every unit responds to real images. A response is the maximum of a unit’s activation map.",
            counts={"units": units, RESPONDING: units - silent, SILENT: silent},
            rows=tuple(_row(layer, row, scan) for layer, row in zip(layers, layer_rows(scan), strict=True)),
            sections=(*_wrong(scan), *(_section(scan, layer, by_class) for layer in layers[:_MOST_LAYERS])),
            facts={
                "Images": f"{grouped(scan.readable)} at {height} × {width} pixels",
                **({"Predictions": f"{predictions}."} if (predictions := _predictions(scan)) else {}),
                **_more_layers(len(layers)),
                **({"Layers left out": f"{shown}."} if (shown := _shown_by(scan)) else {}),
            },
            files=files,
            failures=scan.failures,
        )
    )


def _row(layer: LayerScan, row: dict[str, Any], scan: Scan) -> Row:
    silent = int(layer.always_silent.sum())
    share = silent / layer.units if layer.units else 0.0
    zeros = [f"{percent(row['zeros'], 1)} zeros"] if row["zeros"] is not None else []
    best = [f"strongest unit {row['strongest']} ({row['maximum']:.4g})"] if row["strongest"] is not None else []
    none = [f"{silent} {SILENT}"] if silent else []
    parts = (LayerShare(RESPONDING, 1 - share), LayerShare(SILENT, share))
    return Row(layer.title, layer.units, parts, ", ".join([*none, *zeros, *best]))


def _predictions(scan: Scan) -> str:
    """Return the accuracy of the network in one line, or why it has none; '' without labels or classes."""
    return scan.remark if scan.accuracy is None else scan.accuracy.describe()


def _wrong(scan: Scan) -> tuple[Section, ...]:
    """Return the section of the labeled images that the network predicts as another class; () without any."""
    found = scan.accuracy
    if found is None or not found.mistakes:
        return ()
    wrong = found.mistakes
    shown = f" The first {_WRONG} are shown." if len(wrong) > _WRONG else ""
    tiles = []
    for each in wrong[:_WRONG]:
        name, predicted = scan.names[each.index], scan.classes[each.predicted] if each.predicted >= 0 else "none"
        text = f"label {scan.classes[each.label]}, predicted {predicted}"
        tiles.append(Tile(name, image_tiles(scan.images, [(each.index, f"{name}: {text}")]), text=text))
    title = f"Predicted as another class: {grouped(len(wrong))} of {grouped(found.count)} labeled images"
    return (Section(title, f"{found.describe()}.{shown}", tuple(tiles)),)


def _section(scan: Scan, layer: LayerScan, by_class: bool) -> Section:
    """Return the units of a layer that tell classes apart best or, without labels, that respond most."""
    value = layer.by_max.selectivity if by_class else layer.maximum
    order = np.argsort(-np.nan_to_num(np.asarray(value, np.float64), nan=-np.inf), kind="stable")
    responding = [int(unit) for unit in order if not layer.always_silent[unit] and layer.counted[unit]]
    silent = [str(unit) for unit in np.flatnonzero(layer.always_silent)]
    which = "with the largest class selectivity" if by_class else "with the largest responses"
    detail = f"The units {which}, each with the images that activate it most."
    if silent:
        more = f" and {len(silent) - _LISTED} more" if len(silent) > _LISTED else ""
        detail += f" Always silent: {', '.join(silent[:_LISTED])}{more}."
    return Section(layer.title, detail, tuple(_tile(scan, layer, unit, by_class) for unit in responding[:_UNITS]))


def _tile(scan: Scan, layer: LayerScan, unit: int, by_class: bool) -> Tile:
    found = scan.unit(layer.facts.name, unit)
    ranked = [one for one in found.strongest["max"][:_IMAGES] if one.score != 0]
    images = image_tiles(scan.images, [(one.index, f"{one.name}: {number(one.score)}") for one in ranked])
    selectivity = found.selectivity["max"]
    text = f"class selectivity {selectivity:.2f}" if by_class and np.isfinite(selectivity) else ""
    return Tile(f"{layer.title}:{unit}", images, number(found.maximum), text)


def _more_layers(count: int) -> dict[str, str]:
    return {"Layers": f"units of the first {_MOST_LAYERS} of {count} layers"} if count > _MOST_LAYERS else {}


def _shown_by(scan: Scan) -> str:
    """Return the layers that are left out, each with the one that shows its units."""
    named = ", ".join(f"{name} (shown by {other})" for name, other in scan.shown_by.items())
    return named and f"{named}; --layers '*' scans them too"
