"""What a step on tokens depends on: the same patch only, nothing, or perhaps everything.

Steps of any kind are tried on random numbers: dense layers and normalizations pass, also in layers of the user, and
attention does not; a class token depends on nothing. A map (h, w, c) has its positions as patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.graph import Slot, Step, twin
from dreamfilters.networks.layers.layer_info import TokenGrid
from dreamfilters.networks.layers.layer_kinds import Output

Values: TypeAlias = dict[int, NDArray[np.float32]]  # by slot
Reach: TypeAlias = Literal["nothing", "patch", "anything"]

_TRIED = 3  # patches that are changed, one by one: the first, one in the middle, and the last


def reach_of(step: Step, before: Mapping[int, Output], output: Output) -> Reach:
    """Return what patch p of a step's output depends on: 'patch' p of the inputs, 'nothing', or perhaps 'anything'.

    `before` has the output of each slot that the step reads.
    """
    images = {slot: _grid(one) for slot, one in before.items() if one.of_image}
    seen = {slot: grid for slot, grid in images.items() if grid is not None}
    if step.channels_first or len(seen) < len(images):
        return "anything"
    rng = np.random.default_rng(0)

    def numbers(slot: int) -> NDArray[np.float32]:
        return rng.normal(size=(1, *(side or 1 for side in before[slot].shape))).astype("float32")

    values = {slot: numbers(slot) for slot in before}
    try:
        plain, grid = _run(step, values), _grid(output)
        if not _changed(plain, _run(step, values | {slot: numbers(slot) for slot in seen})):
            return "nothing"
        if grid is None or any((one.rows, one.columns) != (grid.rows, grid.columns) for one in seen.values()):
            return "anything"
        for patch in np.linspace(0, grid.count - 1, _TRIED).astype(int).tolist():
            if not _changed(plain, _run(step, _with_change(values, seen, patch))) <= {grid.leading + patch}:
                return "anything"
    except Exception:  # a layer that takes no such numbers; nothing is known of it
        return "anything"
    return "patch"


def _grid(output: Output) -> TokenGrid | None:
    if output.kind == "tokens":
        return output.grid
    rows, columns, *_ = (*output.shape, None, None)
    is_map = output.kind == "map" and not output.turned and rows is not None and columns is not None
    return TokenGrid(rows, columns) if is_map and rows and columns else None


def _with_change(values: Values, seen: Mapping[int, TokenGrid], patch: int) -> Values:
    """Return the inputs with other numbers at one patch."""
    changed = {slot: value.copy() for slot, value in values.items()}
    for slot, grid in seen.items():
        rows = changed[slot].reshape(-1, changed[slot].shape[-1])
        rows[grid.leading + patch] = rows[grid.leading + patch][::-1] + 1
    return changed


def _changed(first: NDArray[np.float32], second: NDArray[np.float32]) -> set[int]:
    """Return the tokens or positions that differ."""
    differs = np.abs(first - second).reshape(-1, first.shape[-1]).max(axis=1) > 0
    return set(np.flatnonzero(differs).tolist())


def _run(step: Step, values: Values) -> NDArray[np.float32]:
    args, kwargs = keras.tree.map_structure(
        lambda leaf: values[leaf.number] if isinstance(leaf, Slot) else leaf, step.arguments
    )
    operation: Any = twin(step.operation)
    if isinstance(operation, keras.layers.Layer):
        kwargs = {**kwargs, "training": False}
    return np.asarray(keras.tree.flatten(operation(*args, **kwargs))[0], np.float32)
