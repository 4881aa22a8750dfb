"""Principal component analysis: the two directions in which the features of the images differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.embedding.methods.method import Placement
from dreamfilters.number_format import percent

_FEWEST = 3  # images: two lie on a line
_MOST = 2_048  # rows of a matrix whose eigenvectors are computed directly; the time grows with the third power


@dataclass(frozen=True)
class PCA:
    """The first two principal components. Dreams are projected: the axes are those of the images alone.

    >>> rows = np.array([[0, 0], [2, 0], [4, 0], [2, 1]], np.float32)
    >>> PCA()(rows, 4, seed=0).positions.round(3)[:, 0]
    array([-2.,  0.,  2.,  0.])
    """

    name: ClassVar[str] = "pca"
    meaning: ClassVar[str] = (
        "Principal component analysis (Pearson, 1901): the two directions in which the images differ most. Distances "
        "on the map are never larger than those in the features; images that are near on the map may be far apart in "
        "the other directions."
    )

    def check(self, count: int) -> None:
        """See `EmbeddingMethod`."""
        if count < _FEWEST:
            raise ImageError(f"{count} image{'s' * (count != 1)}: pca needs {_FEWEST} or more")

    def __call__(self, rows: NDArray[np.float32], images: int, *, seed: int) -> Placement:
        """See `EmbeddingMethod`; nothing is random."""
        positions, shares = principal_components(rows, images, 2)
        text = " and ".join(percent(share, 1) for share in shares)
        return Placement(positions, {"Axes": f"The two axes have {text} of the variance of the images."})


def principal_components(
    rows: NDArray[np.float32], images: int, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first principal components of rows (n, d), (n, count), and each one's share of the variance.

    The mean and the axes are those of the first `images` rows. Each axis points to where its largest entry is
    positive, so that the signs are determined. Components past the rank are zero.
    """
    values = np.asarray(rows, np.float64)
    values = values - values[:images].mean(axis=0)
    fitted = values[:images]
    count = min(count, *fitted.shape)
    axes = _axes(fitted, count)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    components = values @ (axes * np.where(largest < 0, -1, 1))
    total = np.square(fitted).sum()
    shares = np.square(components[:images]).sum(axis=0) / total if total else np.zeros(count)
    missing = max(0, 2 - count)  # of one feature, the second axis
    return np.pad(components, ((0, 0), (0, missing))), np.pad(shares, (0, missing))


def _axes(centered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the first right singular vectors of rows (n, d) as columns (d, count), of the smaller of two matrices."""
    n, d = centered.shape
    if d <= min(n, _MOST) or d <= _MOST:
        return _leading(centered.T @ centered, count)
    if n <= _MOST:
        left = centered.T @ _leading(centered @ centered.T, count)
        lengths = np.linalg.norm(left, axis=0)
        return np.asarray(left / np.where(lengths > 0, lengths, 1))
    from scipy.sparse.linalg import svds

    start = np.random.default_rng(0).normal(size=min(n, d))  # of the iteration; the result does not depend on it
    _, sizes, found = svds(centered, k=count, v0=start)
    return np.asarray(found[np.argsort(-sizes)].T)


def _leading(matrix: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the eigenvectors of a symmetric matrix with the largest eigenvalues as columns, the largest first."""
    from scipy.linalg import eigh

    size = len(matrix)
    _, vectors = eigh(matrix, subset_by_index=[size - count, size - 1])
    return np.asarray(vectors[:, ::-1])
