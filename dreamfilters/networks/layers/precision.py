"""Layers that compute in bfloat16 with weights in float32, as Keras' policy "mixed_bfloat16" has it.

bfloat16 has the range of float32 and 8 bits of its 24 bits of precision. Accelerators multiply it faster, and maps take
half the memory.
"""

from __future__ import annotations

from typing import Any

import keras

# They bring pixels to the range of the network: in bfloat16, 255 shades of gray would become fewer.
_OF_PIXELS = ("Rescaling", "Normalization")


def changes_for(layer: Any, precision: str) -> dict[str, Any]:
    """Return the attributes of a copy of a layer by which it computes in a precision, "float32" or "bfloat16".

    Layers that do not compute in float32 stay as they are. Layers inside a layer, such as those of an attention,
    compute in float32.

    >>> changes_for(keras.layers.Conv2D(8, 3), "float32")
    {}
    """
    if precision == "float32" or not isinstance(layer, keras.layers.Layer):
        return {}
    if type(layer).__name__ in _OF_PIXELS or layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
        return {}
    return {"_dtype_policy": keras.DTypePolicy("mixed_bfloat16")}
