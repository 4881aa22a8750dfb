"""`neighbors`: the images that are nearest to an image or a dream, in the features of a layer and in the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import RecipeError
from dreamfilters.evidence.embedding.feature_job import FeatureJob, image_features
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.nearest import Metric, NearestTable, check_metric
from dreamfilters.evidence.embedding.neighbor_result import NEAREST, NearestImages, NearestNeighbors
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import AnyNetwork, network_of
from dreamfilters.progress import OnProgress


@dataclass(frozen=True, eq=False)
class NeighborSearch:
    """Features that are searched again and again: the tables are made once.

    Attributes:
        features: of the images.
        metric: by which the features are compared.
    """

    features: ImageFeatures
    metric: Metric = "cosine"

    @cached_property
    def _by_layer(self) -> NearestTable:
        return NearestTable(self.features.rows, self.metric)

    @cached_property
    def _by_pixels(self) -> NearestTable:
        return NearestTable(self.features.pixels, "euclidean")

    def of(
        self, queries: ImageFeatures, k: int = NEAREST, left_out: NDArray[np.intp] | None = None
    ) -> NearestNeighbors:
        """Return the k nearest images of each query; `left_out` (q,) is one that is no neighbor, -1 for none."""
        if k < 1:
            raise RecipeError(f"k={k}: must be at least 1")
        sought = replace(queries, thumbnails=self.features.fitted(queries.thumbnails))
        layer = self._by_layer.nearest(sought.rows, k, left_out)
        indices, distances = self._by_pixels.nearest(sought.pixels, k, left_out)
        width = np.sqrt(sought.pixels.shape[1])
        return NearestNeighbors(self.features, sought, self.metric, _each(*layer), _each(indices, distances / width)
        )  # fmt: skip


def neighbors(
    network: AnyNetwork,
    images: ImageFeatures | ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    queries: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    layer: str | None = None,
    *,
    k: int = NEAREST,
    metric: Metric = "cosine",
    pooled: bool = True,
    labels: Sequence[object] | None = None,
    progress: OnProgress | None = None,
) -> NearestNeighbors:
    """Return the k images that are nearest to each query, in the features of a layer and in the pixels.

    A query is resized by the input form of the network. An image is no neighbor of itself where both are the same file.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: as for `image_features`, or features that it returned, which are then used.
        queries: an image, a dream, several of them, or a folder.
        layer: layer name; default: that before the logits.
        k: neighbors of each query; fewer if there are fewer images.
        metric: 'cosine' compares the directions of features, not how strong they are; or 'euclidean'.
        pooled: see `image_features`.
        labels: one label per image, "" for none; default: those of the folder.
        progress: called after each image.

    Raises:
        UnknownNameError: there is no such layer.
        ImageError: no image or no query can be read.
        RecipeError: `k` is below 1, or there is no such metric.

    Example:
        >>> found = neighbors(network, "signs", "signs/14", "conv6", k=3)
        >>> len(found), found.by_layer[0].indices.shape
        (4, (3,))
    """
    check_metric(metric)
    network = network_of(network)
    if isinstance(images, ImageFeatures):
        found = images
    else:
        found = image_features(network, images, layer, pooled=pooled, labels=labels, progress=progress)
    wanted = queries if isinstance(queries, ImageFolder | str | Path) else ImageArrays.of(queries).images
    sought = query_features(network, found, wanted)
    return NeighborSearch(found, metric).of(sought, k, same_files(images, found, queries, sought))


def query_features(network: Any, features: ImageFeatures, queries: Any) -> ImageFeatures:
    """Return the features of queries as those of the images that are searched, at their size.

    Raises:
        RecipeError: the features are those of another network.
    """
    network = network_of(network)
    if network.fingerprint != features.fingerprint:
        raise RecipeError(f"{features.network}: the features are those of other weights; compute them again")
    job = FeatureJob(network, source_of(queries), features.layer, pooled=features.pooled)
    state = job.start()
    for _ in job.advance(state):
        pass
    return job.result(state)


def same_files(images: Any, features: ImageFeatures, queries: Any, sought: ImageFeatures) -> NDArray[np.intp]:
    """Return the index of the image that is the same file as each query, (q,), -1 for none.

    Args:
        images: the images that are searched, or their features.
        features: of those that were read.
        queries: what is looked for.
        sought: features of the queries that were read.
    """
    known, wanted = (_paths(source, found) for source, found in ((images, features), (queries, sought)))
    places = {path: place for place, path in enumerate(known) if path is not None}
    return np.array([-1 if path is None else places.get(path, -1) for path in wanted], np.intp)


def _paths(source: Any, found: ImageFeatures) -> list[Path | None]:
    """Return the file of each image that was read, None for arrays."""
    folder = opened_images(source) if isinstance(source, str | Path) else source
    if not isinstance(folder, ImageFolder):
        return [None] * len(found)
    known = dict(zip(folder.names, folder.paths, strict=True))
    return [known[name].resolve() for name in found.names]


def _each(indices: NDArray[np.intp], distances: NDArray[np.float64]) -> tuple[NearestImages, ...]:
    return tuple(map(NearestImages, indices, distances))
