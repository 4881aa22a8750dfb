"""Reading of .npy and .npz files, without the code that they could hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, printable

SUFFIXES = (".npy", ".npz")

_LARGEST = 2**31  # bytes of an array


def is_array_file(path: str | Path) -> bool:
    """Return whether a file is an array by its suffix.

    >>> is_array_file("bands.NPY")
    True
    """
    return Path(path).suffix.lower() in SUFFIXES


def read_array(path: str | Path) -> NDArray[Any]:
    """Return the array of a .npy file, or the only one of a .npz file: booleans, integers or floats.

    Raises:
        ImageError: the file cannot be read, holds objects or several arrays, or is larger than two gigabytes.
    """
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded as archive:
                if len(archive.files) != 1:
                    raise ValueError(f"it holds {len(archive.files)} arrays; save one array in a file")
                name = archive.files[0]
                if archive.zip and archive.zip.getinfo(f"{name}.npy").file_size > _LARGEST:
                    raise ValueError("it is larger than two gigabytes")
                loaded = archive[name]
        if loaded.nbytes > _LARGEST:
            raise ValueError("it is larger than two gigabytes")
        if loaded.dtype.kind not in "biuf":
            raise ValueError(f"its values are {loaded.dtype}; give integers or floats")
        return np.array(loaded)
    except Exception as error:  # NumPy and zipfile raise errors of many types for damaged files
        reason = printable(str(error) or type(error).__name__)
        raise ImageError(f"{printable(str(path))}: cannot be read as an array: {reason}") from error
