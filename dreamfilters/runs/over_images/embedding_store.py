"""The files of an embedding: the map as numbers and images, the features, the page, and an unfinished pass.

Reading a stored embedding does not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.evidence.embedding.drawing import grid_image, scatter_image
from dreamfilters.evidence.embedding.map_quality import MapQuality
from dreamfilters.evidence.embedding.nearest import Metric
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.images import png_bytes
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.over_images.feature_store import (
    FEATURES,
    feature_bytes,
    feature_values,
    stored_features,
)
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UNFINISHED
from dreamfilters.serialization import plain, typed

ARRAYS, TABLE, MAP, GRID, PAGE = "embedding.npz", "embedding.csv", "map.png", "grid.png", "index.html"
_SHEET = "thumbnails-{}.jpg"  # of the page
_MOST_SHEETS = 10_000
_SIDE = 1_200  # pixels of the map and of the grid as images
KIND = RunKind("embed", "an embedding", written=lambda folder, manifest: _written(manifest))
_LISTED = {
    TABLE: "every image with its class and its place on the map and in the grid",
    ARRAYS: "positions, grid and neighbors as arrays",
    FEATURES: "the features and the thumbnails as arrays",
    MAP: "the map as an image",
    GRID: "the grid as an image",
}


def _written(manifest: Manifest) -> list[str]:
    """Return the names of all files that a run may have written."""
    count = typed(Mapping[str, Any], manifest.settings, "settings").get("count", 0)
    sheets = range(min(_MOST_SHEETS, typed(int, count, "count")))
    return [ARRAYS, TABLE, MAP, GRID, PAGE, FEATURES, UNFINISHED, *map(_SHEET.format, sheets)]


def sheet_names(embedding: Embedding) -> list[str]:
    """Return the names of the files with the thumbnails of an embedding."""
    from dreamfilters.report.pages.embedding.thumbnail_sheets import sheet_count

    return [_SHEET.format(number) for number in range(sheet_count(embedding.features))]


@dataclass(frozen=True, eq=False)
class EmbeddingStore:
    """An embedding in a claimed folder."""

    run: RunFolder

    def finish(self, embedding: Embedding) -> None:
        """Write the result, and last the manifest, which marks the embedding as finished."""
        from dreamfilters.report.pages.embedding.thumbnail_sheets import sheets_of

        arrays = {
            "positions": embedding.positions,
            "grid": embedding.grid.astype(np.int64),
            "neighbors": embedding.neighbors.astype(np.int64),
        }
        sheets = sheets_of(embedding.features)
        contents = {
            FEATURES: feature_bytes(embedding.features),
            ARRAYS: npz_bytes(arrays),
            MAP: png_bytes(scatter_image(embedding, _SIDE)),
            GRID: png_bytes(grid_image(embedding, _SIDE)),
            **{_SHEET.format(number): sheet for number, sheet in enumerate(sheets)},
            **self._shown(embedding),
        }
        files = {name: self.run.write(name, content) for name, content in contents.items()}
        results = {
            "features": feature_values(embedding.features),
            "dreams": embedding.dreams,
            "quality": plain(embedding.quality),
            "facts": embedding.facts,
        }
        self.run.save_manifest(files, results, embedding.features.failures)

    def update(self, embedding: Embedding) -> None:
        """Make the table and the page of a finished embedding again, which an update of this tool may change."""
        self.run.update(self._shown(embedding))

    def clear_state(self) -> None:
        """Remove the state of the unfinished pass."""
        self.run.remove([UNFINISHED])

    def _shown(self, embedding: Embedding) -> dict[str, bytes]:
        """Return the table and the page by their names."""
        from dreamfilters.report.pages.embedding.embedding_page import embedding_page

        files = {**_LISTED, MANIFEST: "settings and results"}
        page = embedding_page(embedding, files, sheet=_SHEET, images={"map": MAP, "grid": GRID})
        return {TABLE: csv_bytes(embedding.rows()), PAGE: page}


def read_embedding(folder: Path | str) -> Embedding:
    """Return a stored embedding, without importing TensorFlow.

    Raises:
        OutputError: the folder holds no finished embedding.
        DamagedError: its files are damaged, or are not those of an embedding.

    Example:
        >>> len(read_embedding("outputs/embedding"))
        172
    """
    folder = Path(folder)
    manifest = KIND.read_finished(folder)
    if ARRAYS not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {ARRAYS}")
    arrays = read_npz(folder, ARRAYS)
    try:
        results = typed(Mapping[str, Any], manifest.results, "results")
        features = stored_features(folder, manifest, results["features"])
        return _embedding(manifest, results, features, arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not an embedding of this tool ({cause})") from error


def _embedding(
    manifest: Manifest, results: Mapping[str, Any], features: Any, arrays: Mapping[str, NDArray[Any]]
) -> Embedding:
    """Return the embedding of a manifest and its arrays; a ValueError or KeyError says what does not fit."""
    settings, count = manifest.settings, len(features)
    positions, neighbors = arrays["positions"], arrays["neighbors"]
    if positions.dtype != np.float64 or positions.shape != (count, 2) or not np.isfinite(positions).all():
        raise ValueError(f"positions are {positions.dtype} {positions.shape}, not those of {count} images")
    fits = neighbors.dtype == np.int64 and neighbors.ndim == 2 and len(neighbors) == count
    if not fits or neighbors.min(initial=0) < 0 or neighbors.max(initial=0) >= count:
        raise ValueError(f"neighbors are not those of {count} images")
    dreams = typed(int, results["dreams"], "dreams")
    if not 0 <= dreams < count:
        raise ValueError(f"dreams={dreams}: are not among {count} images")
    return Embedding(
        features=features,
        dreams=dreams,
        method=typed(str, settings["method"], "method"),
        settings=typed(Mapping[str, Any], settings["method_settings"], "method_settings"),
        metric=typed(Metric, settings["metric"], "metric"),
        seed=typed(int, settings["seed"], "seed"),
        positions=positions,
        neighbors=neighbors.astype(np.intp),
        quality=typed(MapQuality, results["quality"], "quality"),
        facts=typed(Mapping[str, str], results["facts"], "facts"),
    )
