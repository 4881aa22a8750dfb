"""What a model file is and what it claims to hold, found out before anything in it is built.

Of an HDF5 file every link and every array is looked at, of an archive every member: nothing may lie outside the file,
be there twice, or be much larger than what is stored of it.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py

from dreamfilters.errors import ModelError

LARGEST_TEXT = 2**24  # bytes of a configuration; that of EfficientNetV2L has two million
_MOST_OBJECTS = 200_000  # groups and arrays of one file
_DEEPEST = 100  # groups in groups
_MOST_MEMBERS = 10_000
_SMALL = 2**20  # bytes that any array and any member may take
_MOST_RATIO = 100  # bytes for each byte that is stored, as Keras has it for archives

# gzip, shuffle, Fletcher's checksum, szip, n-bit, scale-offset, and lzf of h5py; HDF5 would look for others on the disk
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

# How files of other kinds begin, and what can be done with them. Nothing of them is read but these bytes.
_FOREIGN = {
    b"\x80\x02": "is a pickle, which runs code when it is opened, so it is not; save the model itself as .keras",
    b"\x80\x03": "is a pickle, which runs code when it is opened, so it is not; save the model itself as .keras",
    b"\x80\x04": "is a pickle, which runs code when it is opened, so it is not; save the model itself as .keras",
    b"\x80\x05": "is a pickle, which runs code when it is opened, so it is not; save the model itself as .keras",
    b"\x93NUMPY": "is an array of numpy, not a Keras model",
    b"\x1f\x8b": "is packed by gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "is packed by zstd; unpack it first",
}
_LITE = b"TFL3"  # from the fifth byte on


def format_of(path: Path) -> str:
    """Return 'hdf5' or 'keras', by what the file begins with and not by its name.

    Raises:
        ModelError: it is something else, or empty, or no file at all.
    """
    if not path.is_file():
        raise ModelError("is no file that could be read: a device or a pipe")
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise ModelError("is empty")
    for magic, words in _FOREIGN.items():
        if start.startswith(magic):
            raise ModelError(words)
    if start[4:8] == _LITE:
        raise ModelError("is a TensorFlow Lite model, whose layers cannot be told any more; give the Keras model")
    if h5py.is_hdf5(path):
        return "hdf5"
    if zipfile.is_zipfile(path):
        return "keras"
    if start.startswith((b"PK", b"\x89HDF")):
        raise ModelError("is cut off")
    raise ModelError("is not a Keras model: neither HDF5 nor a .keras archive")


def check_hdf5(file: h5py.File) -> int:
    """Return how many numbers an HDF5 file holds, having looked at every link and every array in it.

    Raises:
        ModelError: one leads out of the file, is there twice, or claims far more than is stored.
    """
    seen: set[Any] = set()
    numbers = 0
    rest: list[tuple[str, Any]] = [("", file)]
    while rest:
        path, here = rest.pop()
        address = h5py.h5o.get_info(here.id).addr
        if address in seen:
            raise ModelError(f"{path} is in the file under two names, as Keras writes none")
        seen.add(address)
        if len(seen) > _MOST_OBJECTS or path.count("/") > _DEEPEST:
            raise ModelError(f"has more than {_MOST_OBJECTS} parts, or parts in parts more than {_DEEPEST} deep")
        if isinstance(here, h5py.Dataset):
            check_array(here)
            numbers += here.size or 0
        elif isinstance(here, h5py.Group):
            rest += [(f"{path}/{name}", follow(here, name, f"{path}/{name}")) for name in here]
    return numbers


def follow(group: h5py.Group, name: str, path: str) -> Any:
    """Return what is in a group under a name, if it is in this file.

    Raises:
        ModelError: it is a link to somewhere else.
    """
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ModelError(f"{path} is a link to somewhere else, which is not followed")
    return group[name]


def check_array(array: h5py.Dataset) -> None:
    """Pass over an array of numbers that are in this file.

    Raises:
        ModelError: they are elsewhere, or the array claims far more than is stored of it.
    """
    settings = array.id.get_create_plist()
    if array.external or array.is_virtual:
        raise ModelError(f"{array.name} keeps its numbers in another file, which is not read")
    if not {settings.get_filter(n)[0] for n in range(settings.get_nfilters())} <= _FILTERS:
        raise ModelError(f"{array.name} is packed in a way of its own, which is not undone")
    if array.nbytes > max(_SMALL, _MOST_RATIO * array.id.get_storage_size()):
        raise ModelError(f"{array.name} says it is larger than the file: {_size(array.nbytes)}")


def check_archive(archive: zipfile.ZipFile) -> None:
    """Pass over a .keras archive whose members are what they say; only those that Keras needs are ever read.

    Raises:
        ModelError: a name leads out of the archive or is there twice, a member is a link, locked, or far larger than
            what is stored of it.
    """
    names = Counter(archive.namelist())
    if len(names) > _MOST_MEMBERS:
        raise ModelError(f"has {len(names):,} members, where Keras writes three")
    for member in archive.infolist():
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ModelError(f"its member {name!r} has a name that leads out of the archive")
        if names[name] > 1:
            raise ModelError(f"has two members {name!r}")
        if member.external_attr >> 28 == 0o12:  # S_IFLNK of the file's mode on Unix
            raise ModelError(f"its member {name!r} is a link")
        if member.flag_bits & 1:
            raise ModelError(f"its member {name!r} is locked by a password")
        if member.file_size > max(_SMALL, _MOST_RATIO * member.compress_size):
            raise ModelError(f"its member {name!r} says it is larger than the file: {_size(member.file_size)}")
    if "data.pkl" in {name.rpartition("/")[2] for name in names}:
        raise ModelError("is a model of PyTorch with a pickle in it, which is not opened; give a Keras model")
    missing = [name for name in (CONFIG, METADATA, WEIGHTS) if name not in names]
    if missing:
        raise ModelError(f"is an archive without {' and '.join(missing)}, and so none of Keras")
    if archive.getinfo(CONFIG).file_size > LARGEST_TEXT:
        raise ModelError(f"its configuration is no model's: {_size(archive.getinfo(CONFIG).file_size)} of text")


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
