"""The page of an embedding: a map to zoom into, the images in a grid, and how far the map can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dreamfilters.evidence.embedding.drawing import class_colors, scaled_positions
from dreamfilters.evidence.embedding.grid import grid_shape
from dreamfilters.evidence.embedding.registry import EMBEDDING_METHODS
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.number_format import grouped
from dreamfilters.report.html_frame import rendered, script_json
from dreamfilters.report.pages.embedding.thumbnail_sheets import COLUMNS, sheet_count, tile_side

_FINE = 10_000  # steps of a position over the side of the map


def embedding_page(embedding: Embedding, files: Mapping[str, str], *, sheet: str, images: Mapping[str, str]) -> bytes:
    """Return the page of an embedding.

    Args:
        embedding: the embedding.
        files: name -> what it holds, of the files beside the page.
        sheet: the name of the file with thumbnails number {}.
        images: the names of the files "map" and "grid", which a page without scripts shows.
    """
    features, dreams = embedding.features, embedding.dreams
    page = rendered(
        "embedding/embedding.html",
        ("embedding/embedding.css",),
        ("embedding/map.js", "embedding/controls.js"),
        embedding=embedding,
        features=features,
        count=len(embedding) - dreams,
        quality=embedding.quality,
        has_classes=not np.isnan(embedding.quality.class_on_map),
        images=images,
        values=script_json(map_values(embedding, [sheet.format(number) for number in range(sheet_count(features))])),
        facts=_facts(embedding),
        files=files,
    )
    return page.encode("utf-8", "replace")


def map_values(embedding: Embedding, sheets: list[str]) -> dict[str, Any]:
    """Return what the script of a map draws: places, names, classes, neighbors and where the thumbnails are."""
    features, (rows, columns) = embedding.features, grid_shape(len(embedding))
    at = np.round(scaled_positions(embedding.positions) * _FINE).astype(int)
    return {
        "names": features.names,
        "classes": features.classes,
        "colors": ["rgb({}, {}, {})".format(*color) for color in class_colors(len(features.classes))],
        "numbers": features.numbers.tolist(),
        "x": at[:, 0].tolist(),
        "y": at[:, 1].tolist(),
        "fine": _FINE,
        "rows": embedding.grid[:, 0].tolist(),
        "columns": embedding.grid[:, 1].tolist(),
        "shape": [rows, columns],
        "dreams": embedding.dreams,
        "neighbors": embedding.neighbors.tolist(),
        "sheets": sheets,
        "across": COLUMNS,
        "side": tile_side(features),
    }


def _facts(embedding: Embedding) -> dict[str, str]:
    """Return how the page was made: label -> text."""
    features, quality = embedding.features, embedding.quality
    height, width = features.size
    facts = {
        "Images": f"{grouped(len(embedding) - embedding.dreams)} images at {height} × {width} pixels.",
        "Features": features.describe() + ".",
    }
    if features.remark:
        facts["Labels"] = f"{features.remark[:1].upper()}{features.remark[1:]}."
    facts["Metric"] = (
        "Cosine: the directions of the features are compared, not how strong they are."
        if embedding.metric == "cosine"
        else "Euclidean: the distances of the features."
    )
    if embedding.dreams:
        facts["Dreams"] = "They are placed with the images; the numbers about the map are those of the images alone."
    if embedding.method in EMBEDDING_METHODS:
        facts["Method"] = EMBEDDING_METHODS[embedding.method].meaning
    facts |= embedding.facts
    facts["Numbers"] = (
        f"Of the {quality.k} nearest neighbors of {grouped(quality.images)} images. Trustworthiness: 1 if all "
        "neighbors on the map are neighbors in the features; those that are not count by how far away they are (Venna "
        "and Kaski, 2001). By chance: the images exchanged on the same map, or the labels exchanged among the images. "
        "NearestNeighbors of the same class are counted as a share of as many as there could be."
    )
    return facts
