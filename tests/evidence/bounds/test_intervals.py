"""Tests of intervals and their rounding."""

import pytest

from dreamfilters.evidence.bounds.intervals import require_bounds, rounding_bound


def test_the_rounding_bound_is_highams_gamma():
    # n u / (1 - n u) for n = 1000 is 5.961e-5, plus a sixteenth
    assert rounding_bound(1000) == pytest.approx(1.0625 * 5.9608e-5, rel=1e-4)


def test_missing_bounds_are_an_error():
    with pytest.raises(LookupError, match="why"):
        require_bounds("why")
