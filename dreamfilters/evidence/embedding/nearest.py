"""`NearestTable`: the nearest rows of a table of features, exact and in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import RecipeError
from dreamfilters.evidence.features import unit_length

Metric: TypeAlias = Literal["cosine", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)

_MORE = 8  # candidates beyond k whose distances are computed exactly
_CHUNK = 2**22  # numbers of a block of distances, and of a block of candidates


def check_metric(metric: str) -> Metric:
    """Return the name of a metric, or raise RecipeError."""
    for known in METRICS:
        if metric == known:
            return known
    raise RecipeError(f"metric={metric!r}: must be {' or '.join(METRICS)}")


@dataclass(frozen=True, eq=False)
class NearestTable:
    """Rows of features to search.

    Attributes:
        rows: (n, d).
        metric: 'cosine', the distance 1 - cosine from 0 to 2, or 'euclidean'. By the cosine a row of zeros has the
            distance 1 to all others and 0 to another row of zeros.

    Example:
        >>> NearestTable(np.array([[1.0, 0], [0, 2], [3, 3]])).nearest(np.array([[2.0, 1]]), 2)[0]
        array([[2, 0]])
    """

    rows: NDArray[Any]
    metric: Metric = "cosine"

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        return self._measured(self.rows)

    @cached_property
    def _squares(self) -> NDArray[np.float32]:
        return np.asarray(np.einsum("nd,nd->n", self._table, self._table))

    def _measured(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows whose Euclidean distances rank as the metric."""
        values = np.asarray(rows, np.float32)
        if self.metric == "euclidean":
            return values
        is_zero = ~values.any(axis=1, keepdims=True)  # these are of length 1 along an axis of their own
        return np.concatenate([unit_length(values), is_zero.astype(np.float32)], axis=1)

    def nearest(
        self, queries: NDArray[Any], k: int, left_out: NDArray[np.intp] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the k nearest rows to each of queries (q, d): their indices and distances, both (q, k).

        Equal distances are in the order of the rows. The distances are exact: a matrix product finds the candidates,
        whose distances are then computed in float64.

        Args:
            queries: what is looked for.
            k: neighbors of each; fewer if there are fewer rows.
            left_out: (q,) a row that is not a neighbor of each query, such as itself; -1 for none.
        """
        wanted = self._measured(queries)
        skipped = np.full(len(wanted), -1, np.intp) if left_out is None else np.asarray(left_out, np.intp)
        k = min(k, len(self._table) - int((skipped >= 0).any()))
        indices, distances = np.empty((len(wanted), k), np.intp), np.empty((len(wanted), k))
        step = max(1, _CHUNK // max(len(self._table), (k + _MORE) * self._table.shape[1]))
        for first in range(0, len(wanted), step):
            part = slice(first, first + step)
            rough = self._squares[None] - 2 * (wanted[part] @ self._table.T)
            hidden = np.flatnonzero(skipped[part] >= 0)
            rough[hidden, skipped[part][hidden]] = np.inf
            indices[part], distances[part] = self._ranked(wanted[part], rough, k)
        return indices, distances**2 / 2 if self.metric == "cosine" else distances

    def ranks(self, of: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rank of other rows (m, k) by their distance to rows `of` (m,), 1 for the nearest but itself.

        Of rows at an equal distance the earlier ones rank first, as in `nearest`.
        """
        found, places = np.empty(others.shape, np.intp), np.arange(len(self._table))
        step = max(1, _CHUNK // len(self._table))
        for first in range(0, len(of), step):
            part = slice(first, first + step)
            rough = self._squares[None] - 2 * (self._table[of[part]] @ self._table.T)
            rough[np.arange(len(rough)), of[part]] = -np.inf  # rank 0
            for column, one in enumerate(others[part].T):
                distance = np.take_along_axis(rough, one[:, None], axis=1)
                is_before = (rough < distance) | ((rough == distance) & (places < one[:, None]))
                found[part, column] = is_before.sum(axis=1)
        return found

    def _ranked(
        self, wanted: NDArray[np.float32], rough: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the k nearest rows of the candidates, which have the smallest rough distances."""
        count = min(k + _MORE, len(self._table))
        candidates = np.sort(np.argpartition(rough, count - 1, axis=1)[:, :count], axis=1)
        differences = self._table[candidates].astype(np.float64) - wanted[:, None]
        exact = np.sqrt(np.einsum("qcd,qcd->qc", differences, differences))
        exact[np.isinf(np.take_along_axis(rough, candidates, axis=1))] = np.inf
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(exact, order, axis=1)
