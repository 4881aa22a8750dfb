"""The files of a search for near images: the features, the neighbors of every query so far, and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.nearest import Metric
from dreamfilters.evidence.embedding.neighbor_result import NearestImages, NearestNeighbors
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.over_images.feature_store import (
    FEATURES,
    feature_bytes,
    feature_values,
    stored_features,
)
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UNFINISHED
from dreamfilters.serialization import typed

ARRAYS, TABLE, PAGE = "neighbors.npz", "neighbors.csv", "index.html"
KIND = RunKind(
    "neighbors", "a search for near images",
    written=lambda folder, manifest: [ARRAYS, TABLE, PAGE, FEATURES, UNFINISHED],
)  # fmt: skip
_LISTED = {
    TABLE: "every neighbor with its class and distance",
    ARRAYS: "the queries and their neighbors as arrays",
    FEATURES: "the features and the thumbnails of the images as arrays",
}
_SPACES = ("layer", "pixels")


@dataclass(frozen=True, eq=False)
class NeighborStore:
    """A search in a claimed folder."""

    run: RunFolder

    def digests(self) -> dict[str, str]:
        """Return SHA-256 -> name of each query so far."""
        results = self.run.results(Mapping[str, Any])
        return dict(typed(Mapping[str, str], results["queries"], "queries"))

    def save(self, found: NearestNeighbors, digests: Mapping[str, str]) -> None:
        """Write the neighbors of all queries so far, and last the manifest.

        Args:
            found: the neighbors.
            digests: SHA-256 of each query -> its name.
        """
        kept = self.run.manifest.files.get(FEATURES)
        digest = kept or self.run.write(FEATURES, feature_bytes(found.features))
        shown = {ARRAYS: npz_bytes(_arrays(found)), **self._shown(found)}
        files = {FEATURES: digest, **{name: self.run.write(name, content) for name, content in shown.items()}}
        results = {
            "features": feature_values(found.features),
            "queries": dict(digests),
            "labels": found.queries.labels,
        }
        self.run.save_manifest(files, results, found.features.failures)

    def update(self, found: NearestNeighbors) -> None:
        """Make the table and the page again, which an update of this tool may change."""
        self.run.update(self._shown(found))

    def clear_state(self) -> None:
        """Remove the state of the unfinished pass."""
        self.run.remove([UNFINISHED])

    def _shown(self, found: NearestNeighbors) -> dict[str, bytes]:
        from dreamfilters.report.pages.embedding.neighbors_page import neighbors_page

        page = neighbors_page(found, {**_LISTED, MANIFEST: "settings and results"})
        return {TABLE: csv_bytes(found.rows()), PAGE: page}


def _arrays(found: NearestNeighbors) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"rows": found.queries.rows, "thumbnails": found.queries.thumbnails}
    for space, nearest in zip(_SPACES, (found.by_layer, found.by_pixels), strict=True):
        arrays[f"{space}_indices"] = np.stack([one.indices for one in nearest]).astype(np.int64)
        arrays[f"{space}_distances"] = np.stack([one.distances for one in nearest])
    return arrays


def read_neighbors(folder: Path | str) -> NearestNeighbors:
    """Return the stored neighbors of all queries, without importing TensorFlow.

    Raises:
        OutputError: the folder holds no finished search.
        DamagedError: its files are damaged, or are not those of a search.

    Example:
        >>> len(read_neighbors("outputs/neighbors"))
        4
    """
    folder = Path(folder)
    manifest = KIND.read_finished(folder)
    if ARRAYS not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {ARRAYS}")
    arrays = read_npz(folder, ARRAYS)
    try:
        results = typed(Mapping[str, Any], manifest.results, "results")
        features = stored_features(folder, manifest, results["features"])
        metric = typed(Metric, manifest.settings["metric"], "metric")
        names = tuple(typed(Mapping[str, str], results["queries"], "queries").values())
        labels = typed(tuple[str, ...], results["labels"], "labels")
        return _neighbors(features, metric, names, labels, arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not a search of this tool ({cause})") from error


def _neighbors(
    features: ImageFeatures,
    metric: Metric,
    names: tuple[str, ...],
    labels: tuple[str, ...],
    arrays: Mapping[str, NDArray[Any]],
) -> NearestNeighbors:
    """Return the neighbors of these arrays; a ValueError or KeyError says what does not fit."""
    rows, thumbnails = arrays["rows"], arrays["thumbnails"]
    count, found = len(names), []
    if rows.dtype != np.float32 or rows.shape != (count, features.rows.shape[1]) or len(labels) != count:
        raise ValueError(f"rows are {rows.dtype} {rows.shape}, not those of {count} queries")
    if thumbnails.dtype != np.uint8 or thumbnails.shape != (count, *features.thumbnails.shape[1:]):
        raise ValueError(f"thumbnails are {thumbnails.dtype} {thumbnails.shape}, not those of {count} queries")
    for space in _SPACES:
        indices, distances = arrays[f"{space}_indices"], arrays[f"{space}_distances"]
        fits = indices.dtype == np.int64 and distances.dtype == np.float64 and indices.shape == distances.shape
        if not fits or indices.ndim != 2 or len(indices) != count:
            raise ValueError(f"neighbors by {space} are not those of {count} queries")
        if indices.min(initial=0) < 0 or indices.max(initial=0) >= len(features):
            raise ValueError(f"neighbors by {space} are not among {len(features)} images")
        found.append(tuple(map(NearestImages, indices.astype(np.intp), distances)))
    queries = features.with_rows(names, labels, rows, thumbnails)
    return NearestNeighbors(features, queries, metric, *found)
