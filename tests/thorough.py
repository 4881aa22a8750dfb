"""The tests that only a thorough run makes: DREAMFILTERS_THOROUGH=1, as in CI. A usual run takes half of the time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

THOROUGH = os.environ.get("DREAMFILTERS_THOROUGH") == "1"
REASON = "thorough: runs with DREAMFILTERS_THOROUGH=1, and in CI"


def first(values: Sequence[Any], count: int = 1) -> list[Any]:
    """Return the parameters of a test of which a usual run takes the first ones.

    >>> [len(parameter.marks) for parameter in first(["dream", "scan", "maps"])]
    [0, 1, 1]
    """
    marks = [() if number < count else (pytest.mark.thorough,) for number in range(len(values))]
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*row, marks=mark) for row, mark in zip(rows, marks, strict=True)]
