"""The content of an HDF5 file of Keras: every link and array is checked first, then named attributes are read.

Only hard links are followed, so nothing is read from another file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import h5py
import numpy as np

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.claimed_bytes import ClaimedBytes
from dreamfilters.networks.io.parsing.stored_arrays import SIZES, ArrayInfo, Piece, StoredArray

Tree: TypeAlias = dict[str, Any]  # nested groups; the leaves are numbers of arrays

# gzip, shuffle, fletcher32, szip, n-bit, scale-offset, and lzf of h5py; HDF5 would load others from the disk
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
_BFLOAT16 = "V2"  # as h5py reads it


class Hdf5File:
    """The groups and arrays of an HDF5 file.

    Args:
        file: as h5py opened it.
        size: bytes of the file, to which the claims of its arrays are compared.

    Attributes:
        tree: nested groups; the leaves are numbers of arrays.
        arrays: the arrays by their number.

    Raises:
        ModelError: a link leaves the file, an object has two names, or there are too many objects or bytes.
    """

    def __init__(self, file: h5py.File, size: int) -> None:
        self.file = file
        self.arrays: list[StoredArray] = []
        self._seen = {h5py.h5o.get_info(file.id).addr}
        self._links = self._names = 0
        self._claimed = ClaimedBytes(size)
        self.tree = self._group(file, "")
        self._claimed.check()

    def _group(self, group: h5py.Group, path: str) -> Tree:
        self._links += len(group)  # before any of them is opened
        if self._links > limits.MOST_OBJECTS or path.count("/") > limits.DEEPEST_GROUP:
            raise ModelError(
                f"has more than {limits.MOST_OBJECTS} objects, or groups nested more than {limits.DEEPEST_GROUP} deep"
            )
        tree: Tree = {}
        for name in group:
            self._names += len(name)
            if self._names > limits.LARGEST_NAMES:
                raise ModelError(f"has names of more than {limits.LARGEST_NAMES:,} letters")
            inner = self._member(group, name, f"{path}/{name}")
            if isinstance(inner, h5py.Dataset):
                tree[name] = len(self.arrays)
                self.arrays.append(self._array(inner))
            elif isinstance(inner, h5py.Group):
                tree[name] = self._group(inner, f"{path}/{name}")
        return tree

    def _member(self, group: h5py.Group, name: str, path: str) -> Any:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ModelError(f"{path} is a link out of the file, which is not followed")
        inner = group[name]
        address = h5py.h5o.get_info(inner.id).addr
        if address in self._seen:
            raise ModelError(f"{path} has two names in the file; Keras writes one")
        self._seen.add(address)
        return inner

    def _array(self, array: h5py.Dataset) -> StoredArray:
        settings = array.id.get_create_plist()
        if array.external or array.is_virtual:
            raise ModelError(f"{array.name} keeps its values in another file, which is not read")
        if not {settings.get_filter(n)[0] for n in range(settings.get_nfilters())} <= _FILTERS:
            raise ModelError(f"{array.name} uses an unknown compression filter")
        if array.shape is None:
            return StoredArray(ArrayInfo("nothing", ()), lambda: iter(()))
        self._claimed.add(array.name, array.size * array.id.get_type().get_size(), array.id.get_storage_size())
        info = ArrayInfo(_kind(array), tuple(map(int, array.shape)))
        return StoredArray(info, partial(_pieces, array, info))


def _kind(array: h5py.Dataset) -> str:
    """Return the type of the numbers, see `SIZES`, or another name of what the array holds."""
    try:
        dtype = array.dtype
    except (TypeError, ValueError) as error:  # NumPy has no such type
        return f"unknown to NumPy ({error})"
    return "bfloat16" if dtype == _BFLOAT16 else dtype.name


def _pieces(array: h5py.Dataset, info: ArrayInfo) -> Iterator[Piece]:
    """Yield the bytes of an array; no piece is much larger than `limits.PIECE`."""
    for place in _places(info.shape, SIZES[info.dtype]):
        values = np.asarray(array[place])
        order = values.dtype if values.dtype.kind == "V" else values.dtype.newbyteorder("<")
        yield np.ascontiguousarray(values, order).reshape(-1).view(np.uint8).data


def _places(shape: Sequence[int], size: int) -> Iterator[tuple[int | slice, ...]]:
    """Yield places that cover an array in C order: an index for each of the first axes, then a range."""
    axis, rest = len(shape), size
    while axis and shape[axis - 1] * rest <= limits.PIECE:
        axis -= 1
        rest *= shape[axis]
    if axis == 0:
        yield ()
        return
    step = max(limits.PIECE // rest, 1) if rest else shape[axis - 1]
    for first in np.ndindex(*shape[: axis - 1]):
        for start in range(0, shape[axis - 1], step):
            yield (*map(int, first), slice(start, min(start + step, shape[axis - 1])))


def node_at(tree: Tree, path: str) -> Tree | int:
    """Return the group or the number of the array at a path of a tree.

    Raises:
        ModelError: there is none.
    """
    node: Any = tree
    for part in filter(None, path.split("/")):
        if not isinstance(node, dict) or part not in node:
            raise ModelError(f"it lists weights at {path}, but has none there")
        node = node[part]
    return node  # type: ignore[no-any-return]


def text_of(item: Any, name: str) -> str | None:
    """Return the text of an attribute, None if there is none.

    Raises:
        ModelError: it is no text, or too long.
    """
    found = texts_of(item, name)
    if found is not None and len(found) != 1:
        raise ModelError(f"its attribute {name} is not one text")
    return None if found is None else found[0]


def texts_of(item: Any, name: str) -> list[str] | None:
    """Return the texts of an attribute, None if there is none.

    Texts of variable length may share their bytes, so that a small file has gigabytes of them. HDF5 does not say how
    long they are; the limit of memory of the process ends their reading.

    Raises:
        ModelError: it holds no texts, or too many.
    """
    key = name.encode()
    if not h5py.h5a.exists(item.id, key):
        return None
    attribute = h5py.h5a.open(item.id, key)
    kind, space = attribute.get_type(), attribute.get_space()
    count = space.get_simple_extent_npoints()
    if count == 0:  # an empty list, which has the type of floats
        return []
    if kind.get_class() != h5py.h5t.STRING or count > limits.MOST_OBJECTS:
        raise ModelError(f"its attribute {name} is not a list of texts")
    if count * kind.get_size() > limits.LARGEST_CONFIG:
        raise ModelError(f"its attribute {name} is too long: {count * kind.get_size():,} bytes")
    value = item.attrs[name]
    return [_text(one) for one in np.asarray(value, object).reshape(-1)]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
