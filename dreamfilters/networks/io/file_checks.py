"""Checks of a model file before anything in it is built: its format, its links and the sizes that it claims.

Every link and array of an HDF5 file and every member of an archive is checked: it must be inside the file, unique, and
not much larger than its stored bytes.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py

from dreamfilters.errors import ModelError, close_names
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.foreign_files import (
    CONFIG,
    describe_archive,
    describe_file,
    describe_folder,
    describe_missing,
)

SUFFIXES = (".keras", ".h5", ".hdf5")  # of model files

# gzip, shuffle, fletcher32, szip, n-bit, scale-offset, and lzf of h5py; HDF5 would load others from the disk
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})


def check_exists(path: Path) -> None:
    """Raise ModelError, with the model files nearby, if the path is not a file."""
    if path.is_dir():
        known, models = describe_folder(path), _models_in(path)
        if known:
            raise ModelError(known)
        held = f" (it holds {', '.join(models[:3])})" if models else ""
        raise ModelError(f"is a folder{held}; give a file that ends in {', '.join(SUFFIXES)}")
    if path.is_symlink() and not path.exists():
        raise ModelError("is a broken link")
    if not path.exists():
        if not path.parent.is_dir():
            raise ModelError(f"no such file, and no folder {path.parent}")
        known, models = describe_missing(path), _models_in(path.parent)
        if known:
            raise ModelError(known)
        raise ModelError(f"no such file. {close_names(path.name, models) if models else 'The folder has no models'}")


def _models_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]


def format_of(path: Path) -> str:
    """Return 'hdf5' or 'keras', by the first bytes of the file.

    Raises:
        ModelError: the file has another format, is empty or is not a file.
    """
    if not path.is_file():
        raise ModelError("is a device or a pipe, not a file")
    if not path.stat().st_size:
        raise ModelError("is empty")
    if h5py.is_hdf5(path):
        return "hdf5"
    if zipfile.is_zipfile(path):
        return "keras"
    known = describe_file(path)
    if known:
        raise ModelError(known)
    with path.open("rb") as file:
        if file.read(4).startswith((b"PK", b"\x89HDF")):
            raise ModelError("is truncated")
    if path.suffix.lower() in SUFFIXES:
        raise ModelError("is not a Keras model: neither HDF5 nor a .keras archive")
    raise ModelError(f"is not a model file; model files end in {', '.join(SUFFIXES)}")


def check_hdf5(file: h5py.File) -> int:
    """Return the count of numbers in an HDF5 file after checking every link and array.

    Raises:
        ModelError: a link leaves the file, an object has two names, or an array claims far more than is stored.
    """
    seen: set[Any] = set()
    numbers = 0
    pending: list[tuple[str, Any]] = [("", file)]
    while pending:
        path, member = pending.pop()
        address = h5py.h5o.get_info(member.id).addr
        if address in seen:
            raise ModelError(f"{path} has two names in the file; Keras writes one")
        seen.add(address)
        if len(seen) > limits.MOST_OBJECTS or path.count("/") > limits.DEEPEST_GROUP:
            raise ModelError(
                f"has more than {limits.MOST_OBJECTS} objects, or groups nested more than {limits.DEEPEST_GROUP} deep"
            )
        if isinstance(member, h5py.Dataset):
            check_array(member)
            numbers += member.size or 0
        elif isinstance(member, h5py.Group):
            pending += [(f"{path}/{name}", follow(member, name, f"{path}/{name}")) for name in member]
    return numbers


def follow(group: h5py.Group, name: str, path: str) -> Any:
    """Return the member of a group with this name.

    Raises:
        ModelError: it is a link out of the file.
    """
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ModelError(f"{path} is a link out of the file, which is not followed")
    return group[name]


def check_array(array: h5py.Dataset) -> None:
    """Check that the values of an array are in this file.

    Raises:
        ModelError: they are in another file, or the array claims far more than is stored.
    """
    settings = array.id.get_create_plist()
    if array.external or array.is_virtual:
        raise ModelError(f"{array.name} keeps its values in another file, which is not read")
    if not {settings.get_filter(n)[0] for n in range(settings.get_nfilters())} <= _FILTERS:
        raise ModelError(f"{array.name} uses an unknown compression filter")
    if array.nbytes > max(limits.SMALL_CLAIM, limits.CLAIMED_PER_STORED * array.id.get_storage_size()):
        raise ModelError(f"{array.name} claims to be larger than the file: {_size(array.nbytes)}")


def check_archive(archive: zipfile.ZipFile) -> None:
    """Check the members of a .keras archive; only those that Keras needs are read.

    Raises:
        ModelError: a path leaves the archive or appears twice, or a member is a link, encrypted, or far larger than its
            stored bytes.
    """
    names = Counter(archive.namelist())
    if len(names) > limits.MOST_MEMBERS:
        raise ModelError(f"has {len(names):,} members, where Keras writes three")
    for member in archive.infolist():
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ModelError(f"its member {name!r} has a path outside the archive")
        if names[name] > 1:
            raise ModelError(f"has two members {name!r}")
        if member.external_attr >> 28 == 0o12:  # S_IFLNK of the file's mode on Unix
            raise ModelError(f"its member {name!r} is a link")
        if member.flag_bits & 1:
            raise ModelError(f"its member {name!r} is encrypted")
        if member.file_size > max(limits.SMALL_CLAIM, limits.CLAIMED_PER_STORED * member.compress_size):
            raise ModelError(f"its member {name!r} claims to be larger than the file: {_size(member.file_size)}")
    description = describe_archive(names)
    if description:
        raise ModelError(description)
    if archive.getinfo(CONFIG).file_size > limits.LARGEST_CONFIG:
        size = _size(archive.getinfo(CONFIG).file_size)
        raise ModelError(f"its configuration is too large for a model: {size} of text")


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
