import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from dreamfilters.serialization import finite, plain, typed


@dataclass(frozen=True)
class _Inner:
    number: float


@dataclass(frozen=True)
class _Outer:
    inner: _Inner
    many: tuple[float, ...]
    words: str = "as they are"


def test_a_measure_becomes_what_json_holds_and_no_nan_gets_through():
    values = plain(_Outer(_Inner(float("nan")), (1.5, float("inf"))))
    assert values == {"inner": {"number": None}, "many": [1.5, None], "words": "as they are"}
    assert plain({3: np.float32(0.5), "rows": np.arange(2)}) == {"3": 0.5, "rows": [0, 1]}
    json.dumps(values, allow_nan=False)


def test_what_is_undefined_says_so():
    assert finite(np.float64(2.0)) == 2.0
    assert finite(float("nan")) is None
    assert finite(float("-inf")) is None


def test_a_dataclass_comes_back_from_json():
    outer = _Outer(_Inner(0.5), (1.0, 2.0))
    assert typed(_Outer, json.loads(json.dumps(plain(outer)))) == outer
    assert typed(_Outer, {"inner": {"number": 1}, "many": []}) == _Outer(_Inner(1.0), ())


def test_null_is_nan_where_a_number_is_wanted():
    assert math.isnan(typed(_Inner, plain(_Inner(math.nan))).number)
    assert typed(float | None, None) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 3), (bool, True), (str, ""), (None, None), (Any, [1]), (Literal["a", 2], 2), (tuple[int, ...], (1, 2)),
        (tuple[int, str], (1, "a")), (tuple[int, ...] | None, None), (Mapping[str, tuple[int, ...]], {"a": (1,)}),
    ],
)  # fmt: skip
def test_a_value_of_the_type_comes_back(kind, value):
    assert typed(kind, plain(value)) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True), (int, 3.0), (int, "3"), (int, 2**53 + 1), (int, -(2**60)), (bool, 1),
        (str, 3), (float, True), (float, "1"), (float, math.inf), (None, 0), (Literal["a", 1], True),
        (tuple[int, ...], "12"), (tuple[int, ...], {"0": 1}), (tuple[int, str], [1]), (tuple[int, ...], [1, None]),
        (Mapping[str, int], [1]), (Mapping[str, int], {"a": "1"}), (int | None, "a"), (_Inner, None), (_Inner, []),
        (_Inner, {}), (_Inner, {"number": 1, "more": 2}), (_Outer, {"inner": {"number": "x"}, "many": []}),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_one_short_line(kind, value):
    with pytest.raises(ValueError, match=r"^value") as caught:
        typed(kind, value)
    assert len(str(caught.value)) < 150


def test_the_error_names_the_place():
    with pytest.raises(ValueError, match=r"^layers\[1\]\.number='x': must be a number$"):
        typed(tuple[_Inner, ...], [{"number": 1}, {"number": "x"}], "layers")
