"""Numbers as text."""

import pytest

from dreamfilters.number_format import grouped, number, percent, times


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.0123456, "0.0123"), (1, "1.00"), (35.04, "35.0"), (99.96, "100"), (1234.5, "1234"), (-2.5, "−2.50"),
     (float("nan"), "not a number"), (float("-inf"), "−∞"), (2.5e7, "2.50e+07")],
)  # fmt: skip
def test_numbers_have_three_digits(value, said):
    assert number(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.99999, "> 99.9 %"),
        (0.0001, "< 0.1 %"),
        (0.125, "12.5 %"),
        (0.5, "50 %"),
        (12.345, "1234 %"),
    ],
)
def test_percentages_never_round_to_certainty(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("share", "decimals", "said"),
    [(0, 1, "0.0 %"), (1, 1, "100.0 %"), (0.9996, 1, "> 99.9 %"), (0.9994, 1, "99.9 %"), (0.0004, 1, "< 0.1 %"),
     (0.997, 0, "> 99 %"), (0.004, 0, "< 1 %"), (0.99996, 2, "> 99.99 %"), (1.5, 0, "150 %"), (0.123, 0, "12 %")],
)  # fmt: skip
def test_percentages_with_decimals_never_round_to_certainty(share, decimals, said):
    assert percent(share, decimals) == said


def test_ratios_and_counts():
    assert times(1.832) == "1.83 ×"
    assert grouped(12630) == "12\u202f630"
