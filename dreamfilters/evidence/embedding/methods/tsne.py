"""t-SNE: near images are placed near each other; distances between groups mean little."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.embedding.methods.method import Placement, required
from dreamfilters.evidence.embedding.methods.pca import principal_components

_USUAL = 30.0  # perplexity, as in scikit-learn
_FEWEST = 10  # images: the least useful perplexity is about 3, and an image needs three times as many neighbors
_COMPONENTS = 50  # principal components that are embedded, as van der Maaten and Hinton do
_START = 1e-4  # std of the first map (Kobak and Berens, 2019)


@dataclass(frozen=True)
class TSNE:
    """t-distributed stochastic neighbor embedding of the first 50 principal components, by scikit-learn.

    It starts from the first two components, which keeps more of the arrangement of the groups (Kobak and Berens, "The
    art of using t-SNE for single-cell transcriptomics", 2019).

    Attributes:
        perplexity: about how many neighbors of each image count, from 1 to a third of the images; None for 30, or a
            third of few images.

    >>> TSNE(perplexity=50).check(100)
    Traceback (most recent call last):
    dreamfilters.errors.RecipeError: perplexity=50: 100 images allow at most 33, a third of their number
    """

    perplexity: float | None = None
    name: ClassVar[str] = "tsne"
    meaning: ClassVar[str] = (
        "t-SNE (van der Maaten and Hinton, 2008): images that are near in the features are placed near each other. "
        "The sizes of groups and the distances between them mean little; another perplexity or seed arranges them "
        "otherwise."
    )

    def check(self, count: int) -> None:
        """See `EmbeddingMethod`."""
        if self.perplexity is not None and not self.perplexity >= 1:
            raise RecipeError(f"perplexity={self.perplexity:g}: must be 1 or more")
        if count < _FEWEST:
            raise ImageError(f"{count} image{'s' * (count != 1)}: tsne needs {_FEWEST} or more; or choose pca")
        if self.perplexity is not None and self.perplexity > (count - 1) / 3:
            raise RecipeError(
                f"perplexity={self.perplexity:g}: {count} images allow at most {(count - 1) // 3}, "
                "a third of their number"
            )
        required("sklearn.manifold", package="scikit-learn", extra="embedding", what=self.name)

    def __call__(self, rows: NDArray[np.float32], images: int, *, seed: int) -> Placement:
        """See `EmbeddingMethod`."""
        manifold = required("sklearn.manifold", package="scikit-learn", extra="embedding", what=self.name)
        pools = required("threadpoolctl", package="scikit-learn", extra="embedding", what=self.name)
        components, _ = principal_components(rows, images, _COMPONENTS)
        start = components[:, :2] / (np.std(components[:, 0]) or 1) * _START
        perplexity = min(_USUAL, (len(rows) - 1) / 3) if self.perplexity is None else self.perplexity
        method = manifold.TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=seed % 2**32)
        with warnings.catch_warnings(), pools.threadpool_limits(1, user_api="openmp"):  # sums are then always in order
            warnings.simplefilter("ignore")
            positions = method.fit_transform(components.astype(np.float32))
        facts = {"t-SNE": f"Perplexity {perplexity:g}; Kullback-Leibler divergence {method.kl_divergence_:.3f}."}
        return Placement(np.asarray(positions, np.float64), facts)
