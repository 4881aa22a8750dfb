"""Which judges, other networks of the same classes, recognize a dream of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dreamfilters.comparison.batch import Batch, ClassImages
from dreamfilters.comparison.judges import JudgedDreams
from dreamfilters.comparison.measures.measure import BarPart, Caption, Figure, Measure, Missing, ShareBar, SummaryLine
from dreamfilters.display import frame, table
from dreamfilters.errors import ImageError
from dreamfilters.networks.classes.class_labels import listed
from dreamfilters.number_format import percent
from dreamfilters.serialization import plain

_DREAM, _REAL, _OTHER = "dream ", "real ", "other "  # what the numbers of a summary are of, before a judge's name


@dataclass(frozen=True)
class JudgePrediction:
    """What one judge predicts.

    Attributes:
        judge: its name.
        recognized: whether it predicts the class for the dream.
        probability: its probability of the class.
        predicted: the class that it predicts first, "none" where it predicts none.
        real: share of the real images of the class for which it predicts the class; None without such images.
        other: share of the dreams of other classes for which it predicts the class; None without such dreams.
    """

    judge: str
    recognized: bool
    probability: float | None
    predicted: str
    real: float | None
    other: float | None


@dataclass(frozen=True)
class Recognition:
    """One dream of a class, shown to all judges.

    Attributes:
        judges: what each predicts.
        images: number of real images of the class that they were shown.
        count: number of real images of the class.
    """

    judges: tuple[JudgePrediction, ...]
    images: int
    count: int

    @property
    def by(self) -> tuple[str, ...]:
        """The judges that recognize the dream."""
        return tuple(one.judge for one in self.judges if one.recognized)

    @property
    def share(self) -> float:
        """The share of judges that recognize the dream."""
        return len(self.by) / len(self.judges)

    @property
    def probability(self) -> float | None:
        """The mean probability of the class."""
        return _mean([one.probability for one in self.judges])

    @property
    def real(self) -> float | None:
        """The share of real images of the class that are recognized, averaged over the judges; None without images."""
        return _mean([one.real for one in self.judges])

    @property
    def other(self) -> float | None:
        """The share of dreams of other classes that are predicted as this one; None without such dreams."""
        return _mean([one.other for one in self.judges])

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        shares = {"share": self.share, "real": self.real, "other": self.other}
        return {**shares, "images": self.images, "labeled_images": self.count, "judges": plain(self.judges)}

    def _repr_html_(self) -> str:
        return frame(table("Recognition", plain(self.judges)))


def _compute(batch: Batch) -> Iterable[Recognition | Missing]:
    assert batch.judgments is not None
    judgments = batch.judgments
    yield from batch.each(lambda row: _recognition(batch.units[row].number, _images(batch, row), judgments.by_judge))


def _recognition(number: int, real: ClassImages | None, judged: Sequence[JudgedDreams]) -> Recognition:
    found = tuple(_prediction(number, real, one) for one in judged)
    return Recognition(found, len(real.indices) if real else 0, real.labeled if real else 0)


def _images(batch: Batch, row: int) -> ClassImages | None:
    try:
        return batch.class_images(row)
    except ImageError:  # without labels the dreams are recognized or not all the same
        return None


def _prediction(number: int, real: ClassImages | None, judged: JudgedDreams) -> JudgePrediction:
    found, judge = judged.of(number), judged.judge
    first = found.predictions[0]
    return JudgePrediction(
        judge=judge.label,
        recognized=found.is_predicted,
        probability=found.own.probability,
        predicted=first.name if first.predicted else "none",
        real=None if real is None else judge.recognized(real.images, number),
        other=judged.among_others(number),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _caption(value: Recognition) -> Caption:
    controls = {"real images": value.real, "dreams of other classes": value.other}
    shares = [f"{what} {percent(share)}" for what, share in controls.items() if share is not None]
    by = f"by {listed(value.by)}" if value.by else "by none"
    return Caption(f"{len(value.by)} of {len(value.judges)}", "; ".join([by, *shares]), value.share < 0.5)


def _figure(value: Recognition) -> Figure:
    predicted = tuple(
        ShareBar(
            one.judge if one.recognized else f"{one.judge}, predicts {one.predicted}",
            percent(one.probability),
            one.probability or 0,
            "target" if one.recognized else "",
        )
        for one in value.judges
    )
    controls = {
        f"Real images of the class that are recognized, of {value.images}": {
            one.judge: one.real for one in value.judges
        },
        "Dreams of other classes that are predicted as this one": {one.judge: one.other for one in value.judges},
    }
    parts = [BarPart(predicted, "Probability of the class for the dream")]
    for title, shares in controls.items():
        bars = tuple(ShareBar(judge, percent(share), share) for judge, share in shares.items() if share is not None)
        parts += [BarPart(bars, title)] if bars else []
    return Figure("Recognized by other networks", "", tuple(parts), "details")


def _numbers(value: Recognition) -> dict[str, float | None]:
    """Return the shares of each judge, which a summary averages over the classes."""
    return {
        f"{kind}{one.judge}": share
        for one in value.judges
        for kind, share in ((_DREAM, float(one.recognized)), (_REAL, one.real), (_OTHER, one.other))
    }


def _summary(means: Mapping[str, float]) -> str:
    kinds = {_DREAM: "its dreams", _REAL: "its real images", _OTHER: "the dreams of other classes"}
    shares = {
        kind: {name.removeprefix(kind): share for name, share in means.items() if name.startswith(kind)}
        for kind in kinds
    }
    averages = [f"{percent(_mean([*of.values()]))} of {kinds[kind]}" for kind, of in shares.items() if of]
    each = [
        f"{judge} {', '.join(percent(of[judge]) for of in shares.values() if judge in of)}" for judge in shares[_DREAM]
    ]
    judges = f" ({'; '.join(each)})" if len(each) > 1 else ""
    return f"Recognized by other networks: a class is predicted for {', '.join(averages)}{judges}."


RECOGNITION = Measure(
    name="recognition",
    title="Recognized",
    meaning="Other networks that predict the dream’s class, beside the share of real images of the class that they "
    "recognize and the share of dreams of other classes that they predict as it.",
    needs=frozenset({"dream", "class", "judges"}),
    compute=_compute,
    caption=_caption,
    columns={
        "recognized": lambda value: value.share,
        "recognized_by": lambda value: "; ".join(value.by),
        "recognized_probability": lambda value: value.probability,
        "recognized_real": lambda value: value.real,
        "recognized_other": lambda value: value.other,
    },
    figure=_figure,
    summary=SummaryLine(_numbers, _summary),
)
