"""Changes of JSON: values of other types and sizes, keys left out and doubled, and text that is hard to parse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.fuzz.mutations.raw_bytes import damaged

SECRET = "../secret.txt"  # a file outside the folder of the case, which nothing may read
_CODE = {"class_name": "function", "module": "os", "config": "abort", "registered_name": "abort"}
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 10**7, 10**9, 10**12, 2**31 - 1, 2**63, -(2**63), 2**70, 1e308, -0.0, float("nan"),
    float("inf"), "", "x", "../x", "/dev/zero", SECRET, "relu", "Conv2D", "a\0b", "\x1b[31m", "\u202e", "é" * 300,
    "x" * 100_000, [], {}, [None], [1, 2], [[[]]], [0] * 20_000, [[1] * 40] * 400, {"": {"": {}}},
    {"class_name": "Dense", "config": {}}, {"class_name": "__lambda__", "config": {"value": ""}}, _CODE,
    {"class_name": "__tuple__", "items": [2] * 5_000},
    {"class_name": "__tensor__", "config": {"value": [1], "dtype": "x"}},
    {"class_name": "__numpy__", "config": {"value": ["a"] * 4, "dtype": "S99999999"}},
    {"class_name": "__numpy__", "config": {"value": [0.5], "dtype": "float32"}},
    {"class_name": "Orthogonal", "module": "keras.initializers", "config": {}, "registered_name": None},
)  # fmt: skip

_HARD = (
    "9" * 5_000, "-" + "9" * 400, "1e999", "NaN", "-Infinity", "[" * 100_000, "[" * 300 + "]" * 300,
    '{"a":' * 2_000 + "1" + "}" * 2_000, r'"\ud800"', r'"\u0000"', '"' + "x" * 1_000_000 + '"', "0x10", "1_000", "'a'",
    '{"name": 1, "name": 2, "config": 3, "config": 4}', "\ufeff1", "//", "",
)  # fmt: skip
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_MOST = 20_000  # places of a value that are considered


def changed_text(text: str | bytes, chance: np.random.Generator) -> bytes:
    """Return JSON text with one to three places changed, sometimes so that it is hard to parse or no JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # it is malformed already
        return damaged(text if isinstance(text, bytes) else text.encode(), chance)
    for _ in range(chance.integers(1, 4)):
        value = changed(value, chance)
    content = json.dumps(value)
    if chance.random() < 0.2:
        tokens = list(_TOKEN.finditer(content))
        if tokens:
            token = tokens[chance.integers(len(tokens))]
            content = content[: token.start()] + _HARD[chance.integers(len(_HARD))] + content[token.end() :]
    data = content.encode("utf-8", "surrogatepass")
    return damaged(data, chance) if chance.random() < 0.1 else data


def changed(value: Any, chance: np.random.Generator) -> Any:
    """Return JSON with one place changed, left out or doubled."""
    places = [place for place, _ in zip(_places(value), range(_MOST), strict=False)]
    if not places:
        return ODD[chance.integers(len(ODD))]
    holder, key = places[chance.integers(len(places))]
    kind = chance.integers(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, _copy(holder[key]))
    elif kind == 2:
        other, there = places[chance.integers(len(places))]
        holder[key] = _copy(other[there])
    elif kind == 3 and isinstance(holder, dict):
        holder[_name(chance)] = _copy(holder[key])
    else:
        holder[key] = _copy(ODD[chance.integers(len(ODD))])
    return value


def _name(chance: np.random.Generator) -> str:
    return str(
        chance.choice(["x", "", "name", "config", "trainable", "dtype", "a\0b", "\x1b[2J", "__class__", "k" * 5_000])
    )


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
