"""Tests of histograms against NumPy's with the same edges."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.histograms import BINS, Histogram, Histograms, histogram_of


def filled(values, *ends):
    """Return histograms of values (n, units), added in batches that end at these rows."""
    histograms = Histograms.empty(values.shape[1])
    for part in np.split(values, ends):
        histograms.add(part)
    return histograms


def assert_equals_numpy(histograms, values):
    for unit in range(values.shape[1]):
        column = values[:, unit].astype(np.float64)
        column = column[np.isfinite(column)]
        found = histogram_of(histograms.arrays, unit)
        np.testing.assert_array_equal(found.counts, np.histogram(column, np.append(found.edges[:-1], np.inf))[0])
        assert found.counts.sum() == len(column)
        assert found.edges[0] <= column.min()
        assert column.max() < found.edges[-1]
        assert (found.low, found.high) == (column.min(), column.max())


def test_three_values_by_hand():
    found = histogram_of(filled(np.array([[0.0], [1.0], [3.0]])).arrays, 0)
    assert found.error == 4 / BINS  # 3 needs bins of 1/64: with 1/128 its bin would be 384
    assert np.flatnonzero(found.counts).tolist() == [0, 64, 192]
    assert len(found.counts) == 193


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
@pytest.mark.parametrize("shift", [0.0, -0.5, 100.0])
def test_counts_are_those_of_numpy(scale, shift):
    values = ((np.random.default_rng(1).normal(size=(500, 4)) + shift) * scale).astype(np.float32)
    values[:, 1] = np.maximum(values[:, 1], 0)
    assert_equals_numpy(filled(values, 100, 101, 400), values)


def test_neither_order_nor_batches_matter():
    values = (np.random.default_rng(2).normal(size=(300, 5)) ** 5).astype(np.float32)
    expected = filled(values).arrays
    for ends in ([1, 2, 3], [150], list(range(300))):
        for rows in (values, values[::-1], np.sort(values, axis=0)):
            found = filled(rows, *ends).arrays
            assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_every_bin_is_finer_than_a_hundredth_of_the_range():
    values = np.random.default_rng(3).normal(size=(200, 50)).astype(np.float32)
    arrays = filled(values).arrays
    for unit in range(50):
        found = histogram_of(arrays, unit)
        assert found.error <= (found.high - found.low) / 100


def test_a_constant_is_exact():
    values = np.full((7, 3), [0.0, 0.1, -1e20], np.float32)
    arrays = filled(values, 3).arrays
    for unit, value in enumerate(values[0].astype(np.float64)):
        found = histogram_of(arrays, unit)
        assert found.counts.tolist() == [7]
        assert found.quantile(0.3) == value
        assert found.error <= abs(value) * 2**-23 or value == 0


def test_the_smallest_and_the_largest_floats_share_a_histogram():
    tiny, huge = np.float32(1e-45), np.finfo(np.float32).max
    values = np.array([[tiny], [huge], [0], [-huge]], np.float32)
    assert_equals_numpy(filled(values, 1, 2, 3), values)


def test_nonfinite_values_are_left_out():
    values = np.array([[1, np.nan], [np.inf, np.nan], [2, np.nan], [-np.inf, np.nan]], np.float32)
    arrays = filled(values, 1, 2).arrays
    assert histogram_of(arrays, 0).counts.sum() == 2
    empty = histogram_of(arrays, 1)
    assert empty.counts.sum() == 0
    assert np.isnan([empty.low, empty.quantile(0.5), empty.share_up_to(0)]).all()


def test_quantiles_and_shares_by_hand():
    found = Histogram(np.array([2, 0, 6]), np.array([0.0, 1, 2, 3]), 0.5, 2.75)
    assert found.quantile(0) == 0.5
    assert found.quantile(1) == 2.75
    assert found.quantile(0.125) == 0.5  # halfway through the first bin; no value is below 0.5
    assert found.quantile(0.5) == pytest.approx(2 + 2 / 6)
    assert found.share_up_to(0.4) == 0
    assert found.share_up_to(1.5) == 0.25
    assert found.share_up_to(2.5) == pytest.approx(0.25 + 0.75 / 2)
    assert found.share_up_to(2.75) == 1


def test_quantiles_are_within_their_error():
    values = np.random.default_rng(5).gamma(0.5, size=(1000, 3)).astype(np.float32)
    arrays = filled(values).arrays
    for unit in range(3):
        found = histogram_of(arrays, unit)
        for share in (0.01, 0.25, 0.5, 0.9, 0.999):
            lower, upper = (
                np.quantile(values[:, unit].astype(float), share, method="lower"),
                np.quantile(values[:, unit].astype(float), share, method="higher"),
            )
            assert lower - found.error <= found.quantile(share) <= upper + found.error
