"""`Embedding`: images on a map of two dimensions, and how far the map can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.evidence.embedding.drawing import grid_image, scatter_image
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.grid import grid_places
from dreamfilters.evidence.embedding.map_quality import MapQuality
from dreamfilters.evidence.embedding.nearest import Metric

_SIDE = 480  # pixels of a map in a notebook
_MOST_IN_GRID = 400  # images of the grid in a notebook


@dataclass(frozen=True, eq=False)
class Embedding:
    """Images, and dreams among them, on a map, as `embed` and `read_embedding` return them.

    Attributes:
        features: of m images; the last ones are the dreams.
        dreams: number of dreams.
        method: name of the method.
        settings: its settings.
        metric: by which the features are compared.
        seed: random seed.
        positions: (m, 2) float64, the map.
        neighbors: (m, k) the nearest images and dreams in the features, the nearest first.
        quality: of the map of the images, without the dreams.
        facts: what the method says about the map, label -> text.

    Example:
        >>> embedding = embed(network, "signs", "conv6")
        >>> embedding.positions.shape, embedding.grid.shape
        ((172, 2), (172, 2))
    """

    features: ImageFeatures
    dreams: int
    method: str
    settings: Mapping[str, Any]
    metric: Metric
    seed: int
    positions: NDArray[np.float64]
    neighbors: NDArray[np.intp]
    quality: MapQuality
    facts: Mapping[str, str]

    def __len__(self) -> int:
        """Return the number of images and dreams."""
        return len(self.features)

    @cached_property
    def grid(self) -> NDArray[np.intp]:
        """(m, 2) row and column of each in a grid without overlap, see `grid_places`."""
        return grid_places(self.positions)

    @cached_property
    def is_dream(self) -> NDArray[np.bool_]:
        """(m,) whether it is a dream."""
        return np.arange(len(self)) >= len(self) - self.dreams

    def describe(self) -> str:
        """Return what is on the map, and how far it can be trusted, in one line."""
        dreams = f" and {self.dreams} dream{'s' * (self.dreams != 1)}" if self.dreams else ""
        images = len(self) - self.dreams
        shown = f"{images:,} image{'s' * (images != 1)}{dreams} by {self.features.layer} ({self.method}, {self.metric})"
        return f"{shown}: {self.quality.describe()}"

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each image: name, class, whether it is a dream, position, place in the grid."""
        features = self.features
        columns = zip(
            features.names, features.labels, self.is_dream.tolist(), self.positions.tolist(), self.grid.tolist(),
            strict=True,
        )  # fmt: skip
        return [
            {"image": name, "class": label, "dream": int(is_dream), "x": x, "y": y, "row": row, "column": column}
            for name, label, is_dream, (x, y), (row, column) in columns
        ]

    def __repr__(self) -> str:
        names = f"{self.features.network[:80]!r}, {self.features.layer[:80]!r}"
        return f"Embedding({names}, {self.method}, {len(self)} images)"

    def _repr_html_(self) -> str:
        title = f"Images by {self.features.layer} of {self.features.network} ({self.method})"
        drawn = [(scatter_image(self, _SIDE), ("one point for each image, colored by class",))]
        if len(self) <= _MOST_IN_GRID:
            drawn.append((grid_image(self, _SIDE), ("the images in a grid",)))
        facts = [f"{label}: {text}" for label, text in self.facts.items()]
        numbers = {key: value for key, value in vars(self.quality).items() if value == value}
        return frame(
            heading(title, self.describe()), tiles(drawn, side=_SIDE), *facts, table("The map", [numbers]),
        )  # fmt: skip
