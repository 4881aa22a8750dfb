"""`neighbors`: the images that are nearest to an image or a dream, in the features of a layer and in the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, tiles
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.embedding.feature_job import FeatureJob, image_features
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.nearest import Metric, NearestTable, check_metric
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import AnyNetwork, network_of
from dreamfilters.progress import OnProgress

NEAREST = 9  # of a query, as many as a scan ranks
_SHOWN = 12  # queries in a notebook


@dataclass(frozen=True, eq=False)
class NearestImages:
    """The images that are nearest to a query.

    Attributes:
        indices: (k,) in the features, the nearest first.
        distances: (k,) of the metric in a layer, in pixels the root mean square difference of values in [0, 1].
    """

    indices: NDArray[np.intp]
    distances: NDArray[np.float64]

    @property
    def pairs(self) -> list[tuple[int, float]]:
        """Index and distance of each."""
        return list(zip(self.indices.tolist(), self.distances.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest images of each query, as `neighbors` returns them.

    Attributes:
        features: of the images that were searched.
        queries: features of the queries, with thumbnails of the same size.
        metric: by which the features are compared; pixels are always compared by their differences.
        by_layer: q, the nearest images in the features.
        by_pixels: q, the nearest images in the pixels of the thumbnails.
    """

    features: ImageFeatures
    queries: ImageFeatures
    metric: Metric
    by_layer: tuple[NearestImages, ...]
    by_pixels: tuple[NearestImages, ...]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.by_layer)

    def shares(self, query: int) -> tuple[float, float] | None:
        """Return the shares of the nearest images with the class of a query, by layer and by pixels; None without."""
        own = self.queries.labels[query]
        if not own:
            return None
        found = (self.by_layer[query], self.by_pixels[query])
        layer, pixels = (np.mean([self.features.labels[index] == own for index in one.indices]) for one in found)
        return float(layer), float(pixels)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each neighbor of each query: space, rank, image, class and distance."""
        return [
            {
                "query": self.queries.names[query],
                "space": space,
                "rank": rank,
                "image": self.features.names[index],
                "class": self.features.labels[index],
                "distance": distance,
            }
            for query in range(len(self))
            for space, found in ((self.features.layer, self.by_layer[query]), ("pixels", self.by_pixels[query]))
            for rank, (index, distance) in enumerate(found.pairs, start=1)
        ]

    def __repr__(self) -> str:
        return f"Neighbors({self.features.network[:80]!r}, {self.features.layer[:80]!r}, {len(self)} queries)"

    def _repr_html_(self) -> str:
        parts: list[str] = []
        for query in range(min(len(self), _SHOWN)):
            own = (self.queries.thumbnail(query), (self.queries.names[query], self.queries.labels[query], "query"))
            parts.append(tiles([own], side=96))
            for space, found in ((self.features.layer, self.by_layer[query]), ("pixels", self.by_pixels[query])):
                parts += [f"Nearest by {space}", tiles(self._lines(found), side=72)]
        more = [f"The first {_SHOWN} of {len(self)} queries."] if len(self) > _SHOWN else []
        title = f"Nearest of {len(self.features):,} images by {self.features.layer} of {self.features.network}"
        return frame(heading(title, f"metric: {self.metric}"), *parts, *more)

    def _lines(self, found: NearestImages) -> list[tuple[NDArray[np.float32], tuple[str, ...]]]:
        features = self.features
        return [
            (features.thumbnail(index), (features.labels[index] or features.names[index], f"{distance:.3g}"))
            for index, distance in found.pairs
        ]


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

    def of(self, queries: ImageFeatures, k: int = NEAREST, left_out: NDArray[np.intp] | None = None) -> Neighbors:
        """Return the k nearest images of each query; `left_out` (q,) is one that is no neighbor, -1 for none."""
        if k < 1:
            raise RecipeError(f"k={k}: must be at least 1")
        pixels = np.divide(self.features.fitted(queries.thumbnails).reshape(len(queries), -1), 255, dtype=np.float32)
        width = np.sqrt(self.features.pixels.shape[1])
        layer = self._by_layer.nearest(queries.rows, k, left_out)
        indices, distances = self._by_pixels.nearest(pixels, k, left_out)
        return Neighbors(
            self.features, queries, self.metric, _each(*layer), _each(indices, distances / width)
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
) -> Neighbors:
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
    asked = query_features(network, found, wanted)
    return NeighborSearch(found, metric).of(asked, k, same_files(images, found, queries, asked))


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


def same_files(images: Any, features: ImageFeatures, queries: Any, asked: ImageFeatures) -> NDArray[np.intp]:
    """Return the index of the image that is the same file as each query, (q,), -1 for none.

    Args:
        images: the images that are searched, or their features.
        features: of those that were read.
        queries: what is looked for.
        asked: features of the queries that were read.
    """
    known, wanted = (_paths(source, found) for source, found in ((images, features), (queries, asked)))
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
