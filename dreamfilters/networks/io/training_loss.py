"""The loss that a model was trained with, as its file or the model states it; it separates a regression from logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Losses of regressions, in lower case and without underscores.
_REGRESSIONS = frozenset(
    {"mse", "meansquarederror", "mae", "meanabsoluteerror", "mape", "meanabsolutepercentageerror", "msle",
     "meansquaredlogarithmicerror", "huber", "huberloss", "logcosh"}
)  # fmt: skip


def loss_name(loss: Any) -> str:
    """Return the name of a loss: of the `loss` of a compiled model, or of a stored training configuration.

    It is '' where there is none, or where outputs have different ones.

    >>> loss_name("mse"), loss_name({"class_name": "MeanSquaredError", "config": {}}), loss_name(["mse", "mae"])
    ('mse', 'MeanSquaredError', '')
    """
    if isinstance(loss, str):
        return loss
    if isinstance(loss, Mapping) and "class_name" in loss:
        inner = loss.get("config")  # a function is stored as {"class_name": "function", "config": its name}
        return inner if isinstance(inner, str) else str(loss["class_name"])
    if isinstance(loss, (Mapping, list, tuple)):
        names = {loss_name(one) for one in (loss.values() if isinstance(loss, Mapping) else loss)}
        return names.pop() if len(names) == 1 else ""
    return "" if loss is None else str(getattr(loss, "__name__", type(loss).__name__))


def is_regression(loss: str) -> bool:
    """Return whether a loss of this name is that of a regression.

    >>> is_regression("mean_squared_error"), is_regression("MeanSquaredError"), is_regression("hinge")
    (True, True, False)
    """
    return loss.replace("_", "").lower() in _REGRESSIONS
