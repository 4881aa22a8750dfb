"""The geometry of a reliability diagram: accuracy by confidence, and how many images have each confidence."""

from __future__ import annotations

from dataclasses import dataclass

from dreamfilters.evidence.evaluation.reliability import Reliability
from dreamfilters.number_format import percent
from dreamfilters.report.charts import Bar

SIDE, STRIP = 260, 60  # pixels: the diagram is square, the strip of counts is below it
LEFT, TOP, GAP = 40, 10, 34  # margins


@dataclass(frozen=True)
class BinBar:
    """A bin as bars: its accuracy, the gap between accuracy and confidence, its number of images, and its text.

    `is_under` states that the accuracy is above the confidence.
    """

    accuracy: Bar
    gap: Bar
    images: Bar
    text: str
    is_under: bool


@dataclass(frozen=True)
class ReliabilityChart:
    """A reliability diagram of (width, height) in its own units."""

    bars: tuple[BinBar, ...]
    width: int
    height: int
    bottom: int
    floor: int


def reliability_chart(found: Reliability) -> ReliabilityChart:
    """Return the bars of a reliability diagram; bins without images have none."""
    most = max(one.images for one in found.bins)
    bottom, floor = TOP + SIDE, TOP + SIDE + GAP + STRIP
    bars = []
    for one in (one for one in found.bins if one.images):
        x, width = LEFT + SIDE * one.low + 0.5, SIDE * (one.high - one.low) - 1
        low, high = sorted((one.accuracy, one.confidence))
        tall = max(1.0, STRIP * one.images / most)
        images = f"{one.images} image{'s' * (one.images != 1)}"
        text = f"{images}: mean confidence {percent(one.confidence, 1)}, correct {percent(one.accuracy, 1)}"
        bars.append(
            BinBar(
                _bar(x, bottom - SIDE * one.accuracy, width, SIDE * one.accuracy),
                _bar(x, bottom - SIDE * high, width, SIDE * (high - low)),
                _bar(x, floor - tall, width, tall),
                text,
                one.accuracy > one.confidence,
            )
        )
    return ReliabilityChart(tuple(bars), LEFT + SIDE + TOP, floor + TOP + 10, bottom, floor)


def _bar(x: float, y: float, width: float, height: float) -> Bar:
    return Bar(*(round(value, 2) for value in (x, y, width, height)))
