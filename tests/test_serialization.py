import json
from dataclasses import dataclass

import numpy as np

from dreamfilters.serialization import finite, plain


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
