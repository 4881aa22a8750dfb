"""Limits of one setting of a layer of Keras: its integers by what they mean, the lengths of its lists, its arrays.

A network is described by short settings, and its numbers are in its weights. An integer that becomes an axis or a value
may be large, because the sizes of weights and maps are checked later. Any other is a count of steps or of tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.migrate.layer_settings import short

Config: TypeAlias = dict[str, Any]

ARRAYS = ("__tensor__", "__numpy__")  # classes of arrays in a configuration

# Settings with the length of an axis. `model_building` compares weights with the file, and maps with the memory.
_LENGTHS = frozenset(
    {"batch_shape", "batch_input_shape", "depth_multiplier", "filters", "groups", "head_dim", "height", "input_dim",
     "k", "key_dim", "length", "lora_rank", "max_number", "minlength", "newshape", "num_classes", "num_heads",
     "num_key_value_heads", "num_query_heads", "num_segments", "num_tokens", "output_dim", "output_shape",
     "output_size", "pad_width", "repeats", "shape", "size", "target_height", "target_shape", "target_width", "units",
     "value_dim", "width"}
)  # fmt: skip
# Settings with a value that is computed with.
_VALUES = frozenset(
    {"alpha", "bin_boundaries", "clip_limit", "constant_values", "default_value", "factor", "fill_value", "initial",
     "lora_alpha", "mask_value", "max_freq", "max_val", "max_value", "maxval", "mean", "min_freq", "min_value",
     "minval", "nan", "neginf", "offset", "posinf", "range", "sampling_rate", "scale", "seed", "threshold", "top_db",
     "value", "value_range", "values", "variance", "weights", "x_max", "x_min"}
)  # fmt: skip
_TABLES = frozenset({"bin_boundaries", "mean", "value", "values", "variance", "weights"})  # values of any count
_OUTPUTS = ("num", "indices_or_sections")  # settings with a number of outputs, or with a list that has one for each
_DTYPES = frozenset(
    {"bool", "bfloat16", "float16", "float32", "float64",
     *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
)  # fmt: skip
_MOST_AXES = 32  # of an array in a configuration; numpy has at most 64


def check_setting(name: str, key: str, value: Any) -> None:
    """Check a plain setting of a layer or operation of Keras, or raise ModelError.

    Args:
        name: of the layer, for the message.
        key: of the setting.
        value: number, text, array, or lists of them.
    """
    if isinstance(value, Mapping):
        for inner in value.values() if value.get("class_name") not in ARRAYS else ():
            check_setting(name, key, inner)
    elif isinstance(value, (list, tuple)):
        most = limits.LONGEST_TABLE if key in _TABLES else limits.LONGEST_LIST
        if len(value) > most:
            raise ModelError(f"its layer {short(name)} has {key} of {len(value):,} values; at most {most:,}")
        for inner in value:
            check_setting(name, key, inner)
    elif isinstance(value, int) and key not in _LENGTHS | _VALUES and abs(value) > limits.LARGEST_COUNT:
        raise ModelError(
            f"its layer {short(name)} has {key}={short(value)}; at most {limits.LARGEST_COUNT:,}, because it is "
            "neither the length of an axis nor a value"
        )


def check_outputs(name: str, config: Mapping[str, Any]) -> None:
    """Check the number of tensors that an operation returns, as far as its settings state it, or raise ModelError."""
    for key in _OUTPUTS:
        value = config.get(key)
        count = len(value) + 1 if isinstance(value, (list, tuple)) else value
        if isinstance(count, int) and count > limits.MOST_OUTPUTS:
            raise ModelError(
                f"its operation {short(name)} has {key}={short(value)}, {count:,} outputs; at most "
                f"{limits.MOST_OUTPUTS:,}"
            )


def check_text(name: str, key: str, value: str) -> None:
    """Check the length of a text in a configuration, or raise ModelError."""
    if len(value) > limits.LONGEST_TEXT:
        raise ModelError(
            f"its layer {short(name)} has {key} of {len(value):,} characters; at most {limits.LONGEST_TEXT:,}"
        )


def checked_array(name: str, class_name: str, config: Any) -> Config:
    """Return the entry of an array or tensor whose values are numbers of a numeric type.

    Args:
        name: of the layer, for the message.
        class_name: `__numpy__` or `__tensor__`.
        config: `{"value": nested lists, "dtype": name}`.

    Raises:
        ModelError: another type, values that are not numbers, or lists nested deeper than numpy supports.
    """
    value, dtype = (config.get(key) for key in ("value", "dtype")) if isinstance(config, Mapping) else (None, None)
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ModelError(f"its layer {short(name)} has an array of the type {short(dtype)}, not a numeric one")
    level: list[Any] = [value]
    for _ in range(_MOST_AXES):
        if not any(isinstance(inner, list) for inner in level):
            break
        if not all(isinstance(inner, list) for inner in level):
            raise ModelError(f"its layer {short(name)} has an array whose rows have several lengths")
        level = [number for row in level for number in row]
    if not all(isinstance(number, (int, float)) for number in level):
        raise ModelError(f"its layer {short(name)} has an array with values that are not numbers")
    return {"class_name": class_name, "config": {"value": value, "dtype": dtype}}
