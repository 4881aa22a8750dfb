"""Named arrays as .npz files; equal arrays give equal bytes, because NumPy dates the members of an archive 1980."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def npz_bytes(arrays: Mapping[str, NDArray[Any]], save: Callable[..., None] = np.savez_compressed) -> bytes:
    """Return the file of these arrays; `save` is `np.savez_compressed` or `np.savez`."""
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file, which is read whole."""
    with np.load(io.BytesIO(path.read_bytes())) as stored:
        return dict(stored)
