"""A stored run of `weights` as summaries: the drawn kernels of each layer, and the statistics of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamfilters.images import ImageArray, read_image
from dreamfilters.report.pages.weights_page import VALUES, sheet_names
from dreamfilters.runs import weights_run
from dreamfilters.runs.storage.json_files import parsed
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.serialization import typed
from dreamfilters.training.summaries.summary import Summaries

_STATISTICS = ("mean", "std", "low", "high", "zeros")


def of_weights(run: Path) -> Summaries:
    """Return the sheet of the kernels of each layer, and the statistics of each array of weights.

    Raises:
        OutputError: the folder holds no finished run of `weights`.
        DamagedError: its files are damaged.
    """
    files = weights_run.KIND.read_finished(run).files
    layers = typed(tuple[Mapping[str, Any], ...], parsed(read_file(run, VALUES))["layers"], "layers")
    names = [typed(str, layer["layer"], "layer") for layer in layers]
    scalars = {
        f"{key}/{name} {array['name']}": float(array[key])
        for name, layer in zip(names, layers, strict=True)
        for array in layer["weights"]
        for key in _STATISTICS
        if array[key] is not None
    }
    sheets = {f"kernels/{name}": sheet for name, sheet in zip(names, sheet_names(names), strict=True) if sheet in files}
    images: dict[str, ImageArray] = {tag: read_image(run / sheet) for tag, sheet in sheets.items()}
    return Summaries(scalars, images)
