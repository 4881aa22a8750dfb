"""Which tests run: DREAMFILTERS_TESTS is "usual", which it is by default, "ci" or "thorough".

A usual run leaves out the tests marked `ci` and `thorough`. CI leaves out those marked `thorough`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

_LEVEL = os.environ.get("DREAMFILTERS_TESTS", "usual")
assert _LEVEL in ("usual", "ci", "thorough"), f"DREAMFILTERS_TESTS={_LEVEL}: one of usual, ci, thorough"
THOROUGH = _LEVEL == "thorough"
# Marker -> why its tests are skipped.
SKIPPED = {
    marker: f"{marker}: runs with DREAMFILTERS_TESTS={marker}"
    for marker in {"usual": ("ci", "thorough"), "ci": ("thorough",), "thorough": ()}[_LEVEL]
}


def first(values: Sequence[Any], count: int = 1) -> list[Any]:
    """Return the parameters of a test of which a usual run takes the first ones.

    >>> [len(parameter.marks) for parameter in first(["dream", "scan", "maps"])]
    [0, 1, 1]
    """
    marks = [() if number < count else (pytest.mark.thorough,) for number in range(len(values))]
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*row, marks=mark) for row, mark in zip(rows, marks, strict=True)]
