"""The page of a search: each query, then the images nearest to it in the features and in the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.neighbor_result import NearestImages, NearestNeighbors
from dreamfilters.number_format import grouped, number
from dreamfilters.report.html_frame import rendered, shown_uri

_MOST = 200  # queries whose images are inside the page


@dataclass(frozen=True)
class NeighborTile:
    """An image with its name and class, its distance as text, and whether its class is that of the query."""

    source: str
    name: str
    label: str
    distance: str
    is_same: bool


@dataclass(frozen=True)
class NeighborStrip:
    """The images that are nearest in one space."""

    title: str
    detail: str
    tiles: tuple[NeighborTile, ...]


@dataclass(frozen=True)
class Query:
    """A query and its strips, by layer and by pixels; `shares` is how many have its class, '' where it has none."""

    source: str
    name: str
    label: str
    strips: tuple[NeighborStrip, ...]
    shares: str


def neighbors_page(found: NearestNeighbors, files: Mapping[str, str]) -> bytes:
    """Return the page of the neighbors of all queries.

    Args:
        found: the neighbors.
        files: name -> what it holds, of the files beside the page.
    """
    page = rendered(
        "embedding/neighbors.html",
        ("embedding/neighbors.css",),
        found=found,
        queries=[_query(found, place) for place in range(min(len(found), _MOST))],
        more=max(0, len(found) - _MOST),
        facts=_facts(found),
        files=files,
    )
    return page.encode("utf-8", "replace")


def _query(found: NearestNeighbors, place: int) -> Query:
    own = found.queries
    shares, text = found.shares(place), ""
    if shares is not None:
        layer, pixels = (round(share * len(found.by_layer[place].indices)) for share in shares)
        text = f"of its class: {layer} by {found.features.layer}, {pixels} by pixels"
    spaces = (
        (found.by_layer[place], found.features.layer, f"{found.metric} distance"),
        (found.by_pixels[place], "pixels", "root mean square difference"),
    )
    strips = tuple(_strip(found.features, own.labels[place], *space) for space in spaces)
    return Query(shown_uri(own.thumbnail(place)), own.names[place], own.labels[place], strips, text)


def _strip(features: ImageFeatures, label: str, nearest: NearestImages, title: str, detail: str) -> NeighborStrip:
    tiles = tuple(
        NeighborTile(
            shown_uri(features.thumbnail(index)),
            features.names[index],
            features.labels[index],
            number(distance),
            bool(label) and features.labels[index] == label,
        )
        for index, distance in nearest.pairs
    )
    return NeighborStrip(title, detail, tiles)


def _facts(found: NearestNeighbors) -> dict[str, str]:
    """Return how the page was made: label -> text."""
    features = found.features
    height, width = features.thumbnails.shape[1:3]
    metric = (
        "1 minus the cosine of the features: 0 for the same direction, 1 for unrelated ones. How strong the features "
        "are does not count."
        if found.metric == "cosine"
        else "The Euclidean distance of the features."
    )
    facts = {
        "Images": f"{grouped(len(features))} images at {features.size[0]} × {features.size[1]} pixels.",
        "Features": features.describe() + ".",
        f"By {features.layer}": metric,
        "By pixels": f"The root mean square difference of the values, from 0 to 1, at {height} × {width} pixels.",
    }
    if features.remark:
        facts["Labels"] = f"{features.remark[:1].upper()}{features.remark[1:]}."
    facts["Left out"] = "An image is no neighbor of itself where the query is the same file."
    return facts
