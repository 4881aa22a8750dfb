"""`read_features`: the features of an embedding or of a search, from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dreamfilters.errors import OutputError
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.runs.over_images import embedding_store, neighbor_store
from dreamfilters.runs.over_images.feature_store import stored_features


def read_features(folder: Path | str) -> ImageFeatures:
    """Return the features that `dreamfilters embed` or `dreamfilters neighbors` stored, without importing TensorFlow.

    Those of `embed` include its dreams, which are the last rows.

    Raises:
        OutputError: the folder holds no finished run of these commands.
        DamagedError: its files are damaged.

    Example:
        >>> read_features("outputs/neighbors").rows.shape
        (172, 128)
    """
    folder = Path(folder)
    for kind in (embedding_store.KIND, neighbor_store.KIND):
        if kind.read(folder) is not None:
            manifest = kind.read_finished(folder)
            results = manifest.results if isinstance(manifest.results, Mapping) else {}
            return stored_features(folder, manifest, results.get("features"))
    command = f"dreamfilters neighbors MODEL IMAGES QUERY --out {folder}"
    raise OutputError(f"{folder}: holds no features; make them with `{command}`")
