"""Dataclasses as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def plain(thing: Any) -> Any:
    """Return a value as dicts, lists, strings and numbers; numbers that are not finite become None.

    >>> plain((np.float32(0.5), float("nan")))
    [0.5, None]
    """
    if is_dataclass(thing) and not isinstance(thing, type):
        return {part.name: plain(getattr(thing, part.name)) for part in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray | np.generic):
        return plain(thing.tolist())
    if isinstance(thing, Sequence) and not isinstance(thing, str):
        return [plain(part) for part in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def finite(number: float) -> float | None:
    """Return a number as a float, None where it is not finite."""
    return float(number) if math.isfinite(number) else None
