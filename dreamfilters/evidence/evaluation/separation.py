"""`ClassSeparation`: the units that separate the images of two classes, and those that the mistakes are due to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.evaluation.statistics import Reals, auc, sensitivity

_ALIKE = 0.1  # distance of the AUC from 0.5 up to which a unit does not tell two classes apart


@dataclass(frozen=True)
class UnitContrast:
    """How a unit responds to the images of two classes.

    Attributes:
        unit: its number.
        auc: the share of pairs of images in which that of the first class has the larger response, see `auc`.
        sensitivity: d', see `sensitivity`; positive where the first class activates it more; None where it is infinite.
        mean_first, mean_second: the mean response to the images of each class.
        margin_first, margin_second: its mean contribution to the logit of the first class minus that of the second, on
            the images of each class; None where it is not known.
    """

    unit: int
    auc: float
    sensitivity: float | None
    mean_first: float
    mean_second: float
    margin_first: float | None = None
    margin_second: float | None = None


@dataclass(frozen=True)
class UnitLoss:
    """The mean contribution of a unit to a margin, on images that are predicted correctly and on mistakes."""

    unit: int
    on_hits: float
    on_mistakes: float


@dataclass(frozen=True)
class MarginLoss:
    """Why images of one class are predicted as another: the margin is the logit of the label minus the predicted one.

    Attributes:
        label, predicted: numbers of the classes.
        hits, mistakes: how many images of the label are predicted as the label, and how many as `predicted`.
        margin_on_hits, margin_on_mistakes: the mean margin of each; below 0 for mistakes.
        units: the units whose contribution falls most from hits to mistakes. Over all units the difference is that of
            the margins, exactly if only a linear layer follows.
    """

    label: int
    predicted: int
    hits: int
    mistakes: int
    margin_on_hits: float
    margin_on_mistakes: float
    units: tuple[UnitLoss, ...]


@dataclass(frozen=True)
class ClassSeparation:
    """The units of a layer that separate the images of two classes, or do not.

    Attributes:
        first, second: numbers of the classes.
        layer: the layer.
        units: the number of its units.
        images_first, images_second: how many images of each class were compared.
        separating: the units with the AUC that is farthest from 0.5.
        carrying: the units whose contribution to the margin differs most between the images of the two classes.
        shared: the units with the largest responses to both classes among those that do not tell them apart: their AUC
            is 0.4 to 0.6.
        losses: for each class, what the images lack that are predicted as the other one.
        remark: why contributions to the margin are not known, or ''.
    """

    first: int
    second: int
    layer: str
    units: int
    images_first: int
    images_second: int
    separating: tuple[UnitContrast, ...]
    carrying: tuple[UnitContrast, ...]
    shared: tuple[UnitContrast, ...]
    losses: tuple[MarginLoss, ...]
    remark: str = ""


@dataclass(frozen=True, eq=False)
class UnitRows:
    """The responses of a layer's units to images of two classes, and their contributions to a margin.

    Attributes:
        responses: (n, units).
        contributions: (n, units), to the logit of the first class minus that of the second; None if not known.
        margins: (n,) the logit of the first class minus that of the second.
        labels: (n,) the number of each image's class, the first or the second.
        predicted: (n,) the number of its predicted class.
        spread: (n,) whether it is one of a sample of its class; only these enter AUC, d' and means.
    """

    responses: NDArray[np.float32]
    contributions: NDArray[np.float32] | None
    margins: NDArray[np.float32]
    labels: NDArray[np.intp]
    predicted: NDArray[np.intp]
    spread: NDArray[np.bool_]


def separation(
    layer: str, first: int, second: int, rows: UnitRows, *, most: int = 6, remark: str = ""
) -> ClassSeparation:
    """Return how units separate two classes.

    Args:
        layer: the name of the layer.
        first, second: numbers of the classes.
        rows: the responses to images of both classes, at least one of each.
        most: number of units in each ranking.
        remark: why contributions are not known.

    Example:
        >>> responses = np.float32([[1, 5], [2, 5], [0, 5]])
        >>> labels, margins = np.array([0, 0, 1]), np.zeros(3, "float32")
        >>> rows = UnitRows(responses, None, margins, labels, labels, labels >= 0)
        >>> found = separation("dense", 0, 1, rows)
        >>> [(one.unit, one.auc) for one in found.separating], [one.unit for one in found.shared]
        ([(0, 1.0), (1, 0.5)], [1])
    """
    of_first, of_second = (rows.spread & (rows.labels == number) for number in (first, second))
    areas = auc(rows.responses[of_first], rows.responses[of_second])
    ratios = sensitivity(rows.responses[of_first], rows.responses[of_second])
    means = [_means(rows.responses, chosen) for chosen in (of_first, of_second)]
    known = rows.contributions is not None
    margins = [_means(rows.contributions, chosen) for chosen in (of_first, of_second)] if known else []
    units = [_contrast(unit, areas, ratios, means, margins) for unit in range(len(areas))]
    distance = np.nan_to_num(np.abs(areas - 0.5), nan=-1.0)
    both = np.where((distance >= 0) & (distance <= _ALIKE), np.minimum(*means), -np.inf)
    return ClassSeparation(
        first=first,
        second=second,
        layer=layer,
        units=len(areas),
        images_first=int(of_first.sum()),
        images_second=int(of_second.sum()),
        separating=tuple(units[unit] for unit in np.lexsort((-_finite(ratios), -distance))[:most]),
        carrying=tuple(units[unit] for unit in _largest(margins[0] - margins[1], most)) if known else (),
        shared=tuple(units[unit] for unit in _largest(both, most) if both[unit] > 0),
        losses=tuple(
            loss
            for label, other, sign in ((first, second, 1.0), (second, first, -1.0))
            if known and (loss := _loss(rows, label, other, sign, most)) is not None
        ),
        remark=remark,
    )


def _loss(rows: UnitRows, label: int, predicted: int, sign: float, most: int) -> MarginLoss | None:
    """Return what the mistakes lack that the hits of a label have; None if there are none of either."""
    hits = (rows.labels == label) & (rows.predicted == label)
    mistakes = (rows.labels == label) & (rows.predicted == predicted)
    if not hits.any() or not mistakes.any():
        return None
    on_hits, on_mistakes = (sign * _means(rows.contributions, chosen) for chosen in (hits, mistakes))
    chosen = _largest(on_hits - on_mistakes, most)
    won, lost = (sign * float(rows.margins[each].mean(dtype=np.float64)) for each in (hits, mistakes))
    units = tuple(UnitLoss(int(unit), float(on_hits[unit]), float(on_mistakes[unit])) for unit in chosen)
    return MarginLoss(label, predicted, int(hits.sum()), int(mistakes.sum()), won, lost, units)


def _contrast(unit: int, areas: Reals, ratios: Reals, means: list[Reals], margins: list[Reals]) -> UnitContrast:
    ratio = float(ratios[unit]) if np.isfinite(ratios[unit]) else None
    numbers = [float(one[unit]) for one in (*means, *margins)]
    return UnitContrast(unit, float(areas[unit]), ratio, *numbers)


def _means(values: NDArray[np.float32] | None, chosen: NDArray[np.bool_]) -> Reals:
    """Return the mean of the chosen rows of values that are known."""
    assert values is not None
    return np.asarray(values[chosen].mean(axis=0, dtype=np.float64))


def _largest(values: Reals, most: int) -> NDArray[np.intp]:
    return np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:most]


def _finite(values: Reals) -> Reals:
    return np.nan_to_num(np.abs(values), nan=0.0)
