"""UMAP: near images are placed near each other, groups more by their distances than in t-SNE."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.embedding.methods.method import Placement, required
from dreamfilters.evidence.embedding.methods.pca import principal_components

_FEWEST = 10  # images
_COMPONENTS = 50  # principal components that are embedded
_START = 10.0  # the first map lies within this distance of its center, as that of umap-learn


@dataclass(frozen=True)
class UMAP:
    """Uniform manifold approximation and projection of the first 50 principal components, by umap-learn.

    It starts from the first two components (Kobak and Linderman, "Initialization is critical for preserving global data
    structure in both t-SNE and UMAP", 2021).

    Attributes:
        neighbors: of each image that count, from 2 to the number of images minus 1; fewer images have fewer.
        min_distance: the least distance of images on the map, from 0 to 1.
    """

    neighbors: int = 15
    min_distance: float = 0.1
    name: ClassVar[str] = "umap"
    meaning: ClassVar[str] = (
        "UMAP (McInnes et al., 2018): images that are near in the features are placed near each other. The sizes of "
        "groups mean little, and the distances between them mean more than in t-SNE, but not much."
    )

    def check(self, count: int) -> None:
        """See `EmbeddingMethod`."""
        if self.neighbors < 2:
            raise RecipeError(f"neighbors={self.neighbors}: must be 2 or more")
        if not 0 <= self.min_distance <= 1:
            raise RecipeError(f"min_distance={self.min_distance:g}: must be from 0 to 1")
        if count < _FEWEST:
            raise ImageError(f"{count} image{'s' * (count != 1)}: umap needs {_FEWEST} or more; or choose pca")
        if self.neighbors >= count:
            raise RecipeError(f"neighbors={self.neighbors}: {count} images have at most {count - 1} neighbors each")
        required("umap", package="umap-learn", extra="umap", what=self.name)

    def __call__(self, rows: NDArray[np.float32], images: int, *, seed: int) -> Placement:
        """See `EmbeddingMethod`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            umap = required("umap", package="umap-learn", extra="umap", what=self.name)
            components, _ = principal_components(rows, images, _COMPONENTS)
            start = components[:, :2] / (np.abs(components[:, :2]).max() or 1) * _START
            method = umap.UMAP(
                n_neighbors=self.neighbors, min_dist=self.min_distance, init=start.astype(np.float32),
                random_state=seed % 2**32, n_jobs=1,
            )  # fmt: skip
            positions = method.fit_transform(components.astype(np.float32))
        facts = {"UMAP": f"{self.neighbors} neighbors of each image, least distance {self.min_distance:g}."}
        return Placement(np.asarray(positions, np.float64), facts)
