"""The geometry of a reliability diagram, worked by hand."""

import numpy as np

from dreamfilters.evidence.evaluation.reliability import reliability
from dreamfilters.report.pages.evaluation.reliability_chart import LEFT, SIDE, STRIP, TOP, reliability_chart


def test_bars_worked_by_hand():
    found = reliability(np.array([0.25, 0.75, 0.75, 0.75]), np.array([True, True, False, False]), bins=2)
    low, high = reliability_chart(found).bars
    bottom = TOP + SIDE
    assert (low.accuracy.x, low.accuracy.width) == (LEFT + 0.5, SIDE / 2 - 1)
    assert (low.accuracy.y, low.accuracy.height) == (TOP, SIDE)  # all correct
    assert (low.gap.y, low.gap.height, low.is_under) == (TOP, 0.75 * SIDE, True)  # confidence 0.25, accuracy 1
    assert (high.gap.y, high.gap.height) == (round(bottom - 0.75 * SIDE, 2), round(SIDE * (0.75 - 1 / 3), 2))
    assert not high.is_under
    assert (low.images.height, high.images.height) == (20, STRIP)
    assert low.text == "1 image: mean confidence 25.0 %, correct 100.0 %"


def test_a_bin_without_images_has_no_bar():
    assert len(reliability_chart(reliability(np.array([0.9]), np.array([True]))).bars) == 1
