"""Tests of the lines below and above an activation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dreamfilters.evidence.bounds.linear_relaxation import relu_lines


@pytest.mark.parametrize("ceiling", [math.inf, 6.0])
def test_a_relu_is_between_its_lines(ceiling):
    rng = np.random.default_rng(4)
    low = rng.uniform(-9, 8, 2000)
    high = low + rng.exponential(4, 2000)
    lines = relu_lines(low, high, ceiling)
    for share in np.linspace(0, 1, 101):
        x = low + share * (high - low)
        y = np.clip(x, 0, ceiling)
        assert np.all(lines.slope_above * x + lines.height_above >= y - 1e-12)
        assert np.all(lines.slope_below * x + lines.height_below <= y + 1e-12)


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (-2.0, -1.0, (0, 0), (0, 0)),  # silent
        (1.0, 2.0, (1, 0), (1, 0)),  # passes
        (-1.0, 1.0, (0.5, 0.5), (0, 0)),  # the chord from (-1, 0) to (1, 1); 0 below
        (-1.0, 4.0, (0.8, 0.8), (1, 0)),  # mostly above 0: the line itself below
        (7.0, 9.0, (0, 6), (0, 6)),  # at the ceiling
        (2.0, 10.0, (0, 6), (0.5, 1)),  # the top above, the chord from (2, 2) to (10, 6) below
        (-3.0, 8.0, (6 / 9, 2), (0, 0)),  # the hull's first edge from (-3, 0) to (6, 6)
    ],
)
def test_lines_by_hand(low, high, above, below):
    lines = relu_lines(np.array([low]), np.array([high]), 6.0)
    assert (lines.slope_above[0], lines.height_above[0]) == pytest.approx(above)
    assert (lines.slope_below[0], lines.height_below[0]) == pytest.approx(below)


def test_an_interval_of_width_zero_divides_by_nothing():
    for value in (-1.0, 0.0, 1.0, 6.0, 7.0):
        lines = relu_lines(np.array([value]), np.array([value]), 6.0)
        value_above = lines.slope_above * value + lines.height_above
        assert value_above == pytest.approx([np.clip(value, 0, 6)])
