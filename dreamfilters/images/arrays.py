"""Reading of array files: .npy, .npz, and TIFF with more bands than color and alpha; no code in them is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from dreamfilters.errors import ImageError
from dreamfilters.image_files import ARRAY_SUFFIXES
from dreamfilters.images.library_warnings import quiet

_TIFF = (".tif", ".tiff")
_BANDS = 277  # TIFF 6.0, SamplesPerPixel
_COLORS = 4  # bands that Pillow reads: color and alpha
LARGEST = 920_000_000  # bytes of memory for one image while it is read and resized
FLOAT = 4  # bytes of a value as float32
RESIZED = 2 * FLOAT  # bytes of a channel's value while it is resized
_OBJECTS = ("Python objects in dtype", "allow_pickle")  # in NumPy's errors of .npy and .npz files
_SLACK = 0.5  # beyond [0, 1] in images in memory, to which a person may have added noise
_IMAGE = "an image is (h, w) or (h, w, c)"
_REASON = 200  # characters of an error of a decoder, which may print a whole header


def is_array_file(path: str | Path) -> bool:
    """Return whether a file is an array: by its suffix, or a TIFF by its number of bands.

    >>> is_array_file("bands.NPY")
    True
    """
    suffix = Path(path).suffix.lower()
    return suffix in ARRAY_SUFFIXES or (suffix in _TIFF and _bands(path) > _COLORS)


def read_array(path: str | Path) -> NDArray[Any]:
    """Return the array of a .npy file, the only one of a .npz file, or the bands of a TIFF as (h, w, bands).

    Raises:
        ImageError: the file cannot be read, holds objects or several arrays, or takes more than `LARGEST` bytes.
    """
    try:
        with quiet:
            values = _numpy(path) if Path(path).suffix.lower() in ARRAY_SUFFIXES else _tiff(path)
        if values.dtype.kind not in "biuf":
            raise ValueError(f"its values are {values.dtype}; give integers or floats")
        return values
    except Exception as error:  # decoders raise errors of many types for damaged files
        reason = str(error)[:_REASON] or type(error).__name__
        if any(words in reason for words in _OBJECTS):
            reason = "it holds Python objects, not numbers; save it with dtype uint8, uint16 or float32"
        raise ImageError(f"{path}: cannot be read as an array: {reason}") from error


def as_samples(values: NDArray[Any], bits: int = 16) -> NDArray[np.float32]:
    """Return an array in memory as float32 in [0, 1]; integers of 8 and 16 bits are scaled as those of files.

    Raises:
        ImageError: integers of other types, or floats that are far outside [0, 1], as those in 0..255 or -1..1 are.

    >>> as_samples(np.uint8([[0, 255]])).tolist()
    [[0.0, 1.0]]
    """
    if values.dtype.kind in "iu" and values.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"an image of {values.dtype}: give uint8, uint16 or floats in [0, 1]")
    if values.dtype.kind not in "biuf":
        raise ImageError(f"an image of {values.dtype}: give an array of numbers")
    samples, _ = _scaled(values, bits)
    if samples.size and (samples.min() < -_SLACK or samples.max() > 1 + _SLACK):
        found = f"values from {values.min():g} to {values.max():g}"
        raise ImageError(f"an image with {found}: floats are 0 for black to 1 for white; divide by 255, or give uint8")
    return samples


def read_samples(path: str | Path, bits: int) -> NDArray[np.float32]:
    """Return the array of a file as an image (h, w, c) float32 in [0, 1].

    Values of 8 bits are divided by 255, those of 16 bits by 2**bits - 1; floats are in [0, 1] already.

    Raises:
        ImageError: as `read_array`, or the array is not such an image.
    """
    values = read_array(path)
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        stack = "; save each image of a stack in a file of its own" if values.ndim == 4 else ""
        raise ImageError(f"{path}: has the shape {values.shape}; {_IMAGE}{stack}")
    if values.dtype.kind in "iu" and values.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path}: its values are {values.dtype}; save uint8, uint16 or floats in [0, 1]")
    samples, white = _scaled(values, bits)
    if not (samples.min() >= 0 and samples.max() <= 1):  # refuses NaN too
        found = f"its values range from {values.min():g} to {values.max():g}, not 0 to {white}"
        raise ImageError(f"{path}: {found}; save them scaled, and say what 0 and {white} are: --range LOW HIGH")
    return samples


def _scaled(values: NDArray[Any], bits: int) -> tuple[NDArray[np.float32], int]:
    """Return values as float32, integers divided by the value of white, and that value, 1 for floats."""
    white = {"uint8": 255, "uint16": 2**bits - 1}.get(values.dtype.name, 1)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and floats beyond float32 are refused by their range
        return np.divide(values, white, dtype=np.float32) if white > 1 else np.asarray(values, np.float32), white


def _bands(path: str | Path) -> int:
    """Return the number of bands that the header of a TIFF states, 0 if it cannot be read."""
    try:
        with Path(path).open("rb") as file, quiet:
            header = file.read(8)
            directory = TiffImagePlugin.ImageFileDirectory_v2(header + (file.read(8) if header[2] == 43 else b""))
            file.seek(directory.next)
            directory.load(file)
            return int(directory.get(_BANDS, 1))
    except Exception:  # it is damaged, which reading it reports
        return 0


def _numpy(path: str | Path) -> NDArray[Any]:
    loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded as archive:
            if len(archive.files) != 1:
                raise ValueError(f"it holds {len(archive.files)} arrays; save one array in a file")
            name = archive.files[0]
            if archive.zip is not None and f"{name}.npy" in archive.zip.namelist():
                with archive.zip.open(f"{name}.npy") as member:
                    _check_memory(*_header(member))
            return np.asarray(archive[name])
    _check_memory(loaded.shape, loaded.dtype)
    del loaded  # otherwise its pages are in memory beside the array
    return np.asarray(np.load(path, allow_pickle=False))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and type that the header of a .npy file states."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _check_memory(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    count = math.prod(shape)
    if count * (FLOAT + max(dtype.itemsize, RESIZED)) > LARGEST:
        raise ValueError(f"it has {count:,} values of {dtype}, which take more than {LARGEST / 1e9:g} GB of memory")


def _tiff(path: str | Path) -> NDArray[Any]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        _check_memory(page.shape, np.dtype(page.dtype))
        values = page.asarray()
        return np.moveaxis(values, 0, -1) if page.axes.startswith("S") else values
