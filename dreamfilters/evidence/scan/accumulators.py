"""The running statistics of a scan: sums, rankings and histograms of every unit, independent of the image count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.batch_statistics import BatchContribution
from dreamfilters.evidence.scan.histograms import BINS, Histograms

Arrays: TypeAlias = dict[str, NDArray[Any]]

NO_IMAGE = -1  # the index in a ranking with fewer than k images
_GREATEST_EXPONENT = 160  # of a histogram's bins; float32 reaches from 2 ** -149 to 2 ** 128
_SHOWN = 80  # characters of an error


class Accumulators:
    """The statistics of `units` units over all images added so far.

    They do not depend on how the images are divided into batches: counts and rankings are exact, and sums are
    accumulated in float64 image by image.

    Attributes:
        sums: arrays by name. (units,) int64: 'counted' and 'nonfinite', the images with a finite and with another map;
            'silent', the images whose map is zero everywhere; 'zeros', the positions that are zero. 'minimum'
            (units,), the least value at any position, inf for none. 'total' (3 * units,), the sums of maxima, means
            and powers; 'squares' (2 * units,), the sums of the squares of maxima and means. 'class_count' (classes,),
            'class_total' (classes, 2 * units) and 'class_squares' (2 * units,), the same over images with a class.
        top_k: rankings of 4 * units columns: highest maximum, highest mean, lowest maximum, lowest mean; the scores of
            the latter two are negated.
        histograms: of 2 * units columns: maxima, then means.
    """

    def __init__(self, sums: Arrays, top_k: TopK, histograms: Histograms) -> None:
        self.sums, self.top_k, self.histograms = sums, top_k, histograms

    @classmethod
    def empty(cls, units: int, k: int, classes: int) -> Accumulators:
        """Return the statistics of no images, with rankings of k images."""
        sums: Arrays = {name: np.zeros(units, np.int64) for name in ("counted", "nonfinite", "silent", "zeros")}
        sums["minimum"] = np.full(units, np.inf)
        sums |= {"total": np.zeros(3 * units), "squares": np.zeros(2 * units)}
        sums |= {"class_count": np.zeros(classes, np.int64), "class_total": np.zeros((classes, 2 * units))}
        sums["class_squares"] = np.zeros(2 * units)
        return cls(sums, TopK.empty(k, 4 * units), Histograms.empty(2 * units))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Accumulators:
        """Return the accumulators with these `arrays`."""
        parts: dict[str, Arrays] = {"sums": {}, "top_k": {}, "histograms": {}}
        for name, values in arrays.items():
            part, _, key = name.partition("/")
            if part in parts:
                parts[part][key] = values
        return cls(parts["sums"], TopK(parts["top_k"]), Histograms(parts["histograms"]))

    @property
    def arrays(self) -> Arrays:
        """All arrays to store, under names such as 'top_k/index'."""
        parts = {"sums": self.sums, "top_k": self.top_k.arrays, "histograms": self.histograms.arrays}
        return {f"{part}/{key}": values for part, arrays in parts.items() for key, values in arrays.items()}

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """The score that an image must exceed to enter each ranking of `top_k`, (4, units)."""
        return self.top_k.least.reshape(4, -1)

    def add(self, indices: NDArray[Any], batch: BatchContribution, labels: NDArray[Any]) -> None:
        """Add n images.

        Args:
            indices: (n,) the images' indices, increasing and above all earlier ones.
            batch: what they add, computed with the thresholds of now or with earlier ones.
            labels: (n,) the indices of their classes, negative for none.
        """
        for name, values in batch.counts.items():
            self.sums[name] += values
        self.sums["minimum"] = np.minimum(self.sums["minimum"], batch.minimum)
        self._sum(batch, labels)
        self.histograms.add(batch.scores)
        self.top_k.add(indices[batch.image], batch.column, batch.ranked, batch.position)

    def _sum(self, batch: BatchContribution, labels: NDArray[Any]) -> None:
        """Add maxima, means and powers; those of maps that are not finite count as zero."""
        values = np.concatenate([batch.scores, batch.power], axis=1, dtype=np.float64)
        if batch.counts["nonfinite"].any():
            values[np.tile(np.isnan(batch.mean), (1, 3))] = 0
        scores = values[:, : batch.scores.shape[1]]
        squares = scores**2
        _add_rows(self.sums["total"], values)
        _add_rows(self.sums["squares"], squares)
        for label, score in zip(labels, scores, strict=True):
            if label >= 0:
                self.sums["class_count"][label] += 1
                self.sums["class_total"][label] += score
        _add_rows(self.sums["class_squares"], squares[labels >= 0])


def check_arrays(arrays: Mapping[str, NDArray[Any]], *, units: int, k: int, classes: int, images: int) -> None:
    """Raise a ValueError unless these can be the `Accumulators.arrays` of so many units, classes and images.

    Arrays of a file are checked by this function before they are used.
    """
    sides = {"units": units, "k": k, "classes": classes, "bins": BINS}
    if arrays.keys() != LAYOUT.keys():
        raise ValueError(f"the arrays are {', '.join(sorted(arrays))[:_SHOWN]}, not those of a scan")
    for name, (kind, *axes) in LAYOUT.items():
        shape = tuple(count * sides[side] for count, side in axes)
        if arrays[name].dtype != kind or arrays[name].shape != shape:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}, not {np.dtype(kind)} {shape}")
    index, position = arrays["top_k/index"], arrays["top_k/position"]
    if index.min(initial=0) < NO_IMAGE or index.max(initial=NO_IMAGE) >= images or position.min(initial=0) < 0:
        raise ValueError(f"a ranking names none of the {images} images")
    exponent = arrays["histograms/exponent"]
    if np.abs(exponent).max(initial=0) > _GREATEST_EXPONENT:
        raise ValueError("the bins of a histogram exceed the numbers that they count")


# The type of each of `Accumulators.arrays`, and its axes: so many times which number.
LAYOUT: Mapping[str, tuple[Any, *tuple[tuple[int, str], ...]]] = {
    "sums/counted": (np.int64, (1, "units")),
    "sums/nonfinite": (np.int64, (1, "units")),
    "sums/silent": (np.int64, (1, "units")),
    "sums/zeros": (np.int64, (1, "units")),
    "sums/minimum": (np.float64, (1, "units")),
    "sums/total": (np.float64, (3, "units")),
    "sums/squares": (np.float64, (2, "units")),
    "sums/class_count": (np.int64, (1, "classes")),
    "sums/class_total": (np.float64, (1, "classes"), (2, "units")),
    "sums/class_squares": (np.float64, (2, "units")),
    "top_k/index": (np.int32, (1, "k"), (4, "units")),
    "top_k/score": (np.float32, (1, "k"), (4, "units")),
    "top_k/position": (np.int32, (1, "k"), (4, "units")),
    "histograms/counts": (np.uint32, (2, "units"), (1, "bins")),
    "histograms/first": (np.int64, (2, "units")),
    "histograms/exponent": (np.int64, (2, "units")),
    "histograms/low": (np.float64, (2, "units")),
    "histograms/high": (np.float64, (2, "units")),
}


def _add_rows(total: NDArray[np.float64], rows: NDArray[np.float64]) -> None:
    """Add rows to a total, one after the other, so that the sum does not depend on the batches."""
    for row in rows:
        total += row


class TopK:
    """The k highest scores of each column, highest first; of equal scores the earlier image is first.

    NaN never enters. Scores that cannot enter a ranking are not sorted.

    Attributes:
        arrays: the arrays to store: 'index' (k, columns) int32, `NO_IMAGE` for none; 'score' (k, columns) float32;
            'position' (k, columns) int32, as passed to `add`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = dict(arrays)

    @classmethod
    def empty(cls, k: int, columns: int) -> TopK:
        """Return empty rankings; any score enters them."""
        return cls(
            {
                "index": np.full((k, columns), NO_IMAGE, np.int32),
                "score": np.full((k, columns), -np.inf, np.float32),
                "position": np.zeros((k, columns), np.int32),
            }
        )

    @property
    def least(self) -> NDArray[np.float32]:
        """The score that an image must exceed to enter, (columns,)."""
        least: NDArray[np.float32] = self.arrays["score"][-1]
        return least

    def add(
        self, index: NDArray[Any], column: NDArray[Any], score: NDArray[np.float32], position: NDArray[Any]
    ) -> None:
        """Add m scores of later images, each (m,): columns in increasing order, of one column the earlier image first.

        A score that does not exceed `least` of its column may be among them; it does not enter.
        """
        entering = score > self.least[column]
        new = {"index": index[entering], "score": score[entering], "position": position[entering]}
        column = column[entering]
        if not len(column):
            return
        firsts = np.flatnonzero(np.diff(column, prepend=-1))
        counts = np.diff(firsts, append=len(column))  # of the images that may enter each of these columns
        columns, k = column[firsts], len(self.arrays["score"])
        row = np.repeat(np.arange(len(columns)), counts)
        place = k + np.arange(len(column)) - np.repeat(firsts, counts)  # after those that are held
        candidates = {}
        for key, held in self.arrays.items():
            candidates[key] = np.full((len(columns), k + counts.max()), -np.inf if key == "score" else 0, held.dtype)
            candidates[key][:, :k] = held[:, columns].T
            candidates[key][row, place] = new[key]
        best = np.argsort(-candidates["score"], axis=1, kind="stable")[:, :k]  # of equal scores the earlier image
        for key, values in candidates.items():
            self.arrays[key][:, columns] = np.take_along_axis(values, best, axis=1).T
