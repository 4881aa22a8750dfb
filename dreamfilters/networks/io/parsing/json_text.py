"""Configurations as JSON text: bounded, and an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits

Config: TypeAlias = dict[str, Any]


def decoded(text: str | bytes) -> str:
    """Return a JSON text as `json.loads` decodes it.

    Raises:
        ModelError: it is too large, or no text.
    """
    if len(text) > limits.LARGEST_CONFIG:
        raise ModelError(f"its configuration is too large for a model: {len(text):,} characters")
    try:
        return text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
    except ValueError as error:
        raise ModelError(f"its configuration is not JSON: {error}") from None


def parsed(text: str | bytes) -> Config:
    """Return the configuration in a JSON text.

    Raises:
        ModelError: it is not JSON, not an object, or too large.

    >>> parsed('{"class_name": "Sequential"}')
    {'class_name': 'Sequential'}
    """
    value: Any = decoded(text)
    try:
        for _ in range(2):  # some files hold json.dumps(model.to_json())
            if isinstance(value, str):
                if sum(map(value.count, "[{,")) > limits.MOST_VALUES:
                    raise ModelError(
                        f"its configuration is not JSON of a model: more than {limits.MOST_VALUES:,} values"
                    )
                value = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its configuration is not JSON: {error}") from None
    if not isinstance(value, Mapping):
        raise ModelError("its configuration is not that of a model")
    return dict(value)
