"""`NearestNeighbors`: the images nearest to each query. Imports neither TensorFlow nor Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, tiles
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.nearest import Metric

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
class NearestNeighbors:
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

    def and_more(self, others: NearestNeighbors) -> NearestNeighbors:
        """Return the neighbors of these queries, then of others, in the same images."""
        return replace(
            self,
            queries=self.queries.and_more(others.queries),
            by_layer=(*self.by_layer, *others.by_layer),
            by_pixels=(*self.by_pixels, *others.by_pixels),
        )

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
        return f"NearestNeighbors({self.features.network[:80]!r}, {self.features.layer[:80]!r}, {len(self)} queries)"

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
