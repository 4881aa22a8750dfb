"""Charts are read back: the height of a bar is its count, the position of a mark its value."""

import math

import numpy as np
import pytest

from dreamfilters.comparison.measures.measure import HistogramPart, LinePart, Mark
from dreamfilters.evidence.scan.histograms import Histogram, Histograms, histogram_of
from dreamfilters.report.charts import HEIGHT, WIDTH, bar_chart, line_chart, shortened, ticks

BOTTOM, TOP, LEFT, RIGHT = HEIGHT - 26, 12, 34, WIDTH - 12


def histogram(values):
    made = Histograms.empty(1)
    made.add(np.asarray(values, "float32")[:, None])
    return histogram_of(made.arrays, 0)


def chart_of(values, *marks):
    return bar_chart(HistogramPart(values, marks))


def count_of(bar, most):
    """Undo the logarithm."""
    return math.expm1(bar.height / (BOTTOM - TOP) * math.log1p(most))


def test_every_image_is_in_a_bar():
    values = np.random.default_rng(0).gamma(2, 3, 500)
    shown = chart_of(histogram(values))
    heights = [bar.height for bar in shown.bars]
    assert max(heights) == pytest.approx(BOTTOM - TOP)
    most = max(np.unique(np.digitize(values, np.histogram_bin_edges(values, len(heights))), return_counts=True)[1])
    counts = [count_of(bar, most) for bar in shown.bars]
    scale = 500 / sum(counts)
    assert scale == pytest.approx(1, abs=0.2)  # `most` is that of other bins than the chart's
    assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT for bar in shown.bars)


def test_counts_are_whole_images():
    """4 images at 1 and one at 3: the tallest bar is 4, the other one 1, and there are no others."""
    shown = chart_of(histogram([1, 1, 1, 1, 3]))
    assert [round(count_of(bar, 4), 2) for bar in shown.bars] == [4.0, 1.0]
    assert [tick.text for tick in shown.up] == ["1"]


def test_marks_are_at_their_values_and_on_the_axis():
    shown = chart_of(histogram([0.0, 1.0]), Mark("dream", "dream", 4.0), Mark("real", "best", 1.0))
    dream, best = shown.marks
    assert LEFT < best.position < dream.position < RIGHT
    zero, four = (next(tick.position for tick in shown.across if tick.text == text) for text in ("0", "4"))
    assert dream.position == pytest.approx(four, abs=0.02)
    assert best.position == pytest.approx(zero + (four - zero) / 4, abs=0.02)


def test_a_mark_that_is_nan_is_left_out():
    assert chart_of(histogram([0.0, 1.0]), Mark("dream", "dream", math.nan)).marks == ()


def test_a_unit_with_a_constant_response_has_one_bar():
    shown = chart_of(histogram([0.0] * 9), Mark("dream", "dream", 0.0))
    assert len(shown.bars) == 1
    assert shown.bars[0].x <= shown.marks[0].position <= shown.bars[0].x + shown.bars[0].width


def test_no_image_at_all_is_no_bar():
    empty = Histogram(np.zeros(1, int), np.array([0.0, 1.0]), math.nan, math.nan)
    assert chart_of(empty, Mark("dream", "dream", 2.0)).bars == ()


def test_lines_have_a_gap_where_nothing_is_known():
    lines = {"same": (0.5,) * 3, "other": (0.0,) * 3, "dream": (0.25, None, 0.25)}
    same, other, dream = line_chart(LinePart(("a", "b", "c"), lines, {})).lines
    assert (len(same.pieces), len(same.dots)) == (1, 3)
    assert (len(dream.pieces), len(dream.dots)) == (0, 2)  # no line to a missing point
    assert dream.dots[0][1] == pytest.approx((same.dots[0][1] + other.dots[0][1]) / 2, abs=0.02)  # .25 is midway


@pytest.mark.parametrize(
    ("ends", "texts"),
    [
        ((0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((-3, 2.5), ["−3", "−2", "−1", "0", "1", "2"]),
        ((0, 2500), ["0", "500", "1000", "1500", "2000", "2500"]),
        ((0.001, 0.002), ["0.001", "0.0012", "0.0014", "0.0016", "0.0018", "0.002"]),
    ],
)
def test_ticks_are_round(ends, texts):
    assert [text for _, text in ticks(*ends)] == texts


def test_a_long_name_keeps_its_end():
    assert shortened("conv6") == "conv6"
    assert shortened("backbone/block/conv1") == "…block/conv1"
