"""Changes of HDF5 files: attributes, datasets, links and groups of other types, shapes and places."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h5py
import numpy as np

from tests.fuzz.mutations import json_values, raw_bytes

_TYPES = ("f2", "f8", "i1", "u8", "c8", "S9", "?", ">f4")
_SHAPES = ((), (0,), (1,), (3, 3, 3, 5), (2, 0, 4), (1,) * 30, (1000, 1000), (10**5, 10**5), (2**40,))
_NAMES = ("x", "..", "a b", "é", "\x1b[31m", "k" * 3_000, "kernel", "vars", "0", "layers")
CONFIG = "model_config"


def changed(content: bytes, chance: np.random.Generator) -> bytes:
    """Return an HDF5 file after one to three changes of its objects, sometimes with damaged bytes as well."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        for _ in range(chance.integers(1, 4)):
            with suppress(ValueError, KeyError, OSError, TypeError, RuntimeError):  # h5py refuses some of them
                CHANGES[chance.integers(len(CHANGES))](file, chance)
    data = buffer.getvalue()
    return raw_bytes.damaged(data, chance) if chance.random() < 0.15 else data


def _objects(file: h5py.File, kind: type) -> list[Any]:
    found = [file] if kind is h5py.Group else []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, kind) else None)
    return found


def _one(file: h5py.File, kind: type, chance: np.random.Generator) -> Any:
    found = _objects(file, kind)
    return found[chance.integers(len(found))]


def _attribute(file: h5py.File, chance: np.random.Generator) -> None:
    """Replace, remove or add an attribute of a group that has some."""
    holders = [group for group in _objects(file, h5py.Group) if len(group.attrs)] or [file]
    holder = holders[chance.integers(len(holders))]
    names = [*holder.attrs, "layer_names", "weight_names", "keras_version"]
    name = names[chance.integers(len(names))]
    if chance.random() < 0.15:
        del holder.attrs[name]
    else:
        holder.attrs[name] = _value(file, chance)


def _value(file: h5py.File, chance: np.random.Generator) -> Any:
    match chance.integers(11):
        case 0:
            return h5py.Empty("f4")
        case 1:
            return np.arange(5)
        case 2:
            return np.array([b"x" * 500] * 100)
        case 3:
            return np.array(["a", "b" * 200], dtype=object)
        case 4:
            return file.ref
        case 5:
            return np.zeros(3, [("a", "f4"), ("b", "S4")])
        case 6:
            return np.array([[b"conv"], [b"flat"]])
        case 7:
            return np.array([b"conv"] * 3)
        case 8:
            return np.array([b"../../x", b"/", b""])
        case 9:
            return b"\xff\xfe\x00\x01" * 20
        case _:
            return "x" * 30_000


def _config(file: h5py.File, chance: np.random.Generator) -> None:
    """Change the configuration."""
    if CONFIG in file.attrs:
        file.attrs[CONFIG] = json_values.changed_text(file.attrs[CONFIG], chance)[:60_000]


def _dataset(file: h5py.File, chance: np.random.Generator) -> None:
    """Replace the values of a dataset by those of another type, shape or layout."""
    old = _one(file, h5py.Dataset, chance)
    parent, name = old.parent, old.name.rpartition("/")[2]
    shape = old.shape if chance.random() < 0.4 else _SHAPES[chance.integers(len(_SHAPES))]
    kind = str(chance.choice(_TYPES))
    size = int(np.prod([*shape, 1], dtype=float))
    del parent[name]
    match chance.integers(7):
        case 0:
            parent.create_dataset(name, shape or (1,), kind, external=[("../secret.txt", 0, h5py.h5f.UNLIMITED)])
        case 1:
            layout = h5py.VirtualLayout(shape or (1,), "f4")
            layout[...] = h5py.VirtualSource("../secret.txt", "x", shape or (1,))
            parent.create_virtual_dataset(name, layout)
        case 2:
            parent.create_dataset(name, shape, kind, fillvalue=np.zeros((), kind)[()])  # never written
        case 3 if shape and 0 < size < 10**7:
            parent.create_dataset(name, data=np.zeros(shape, "f4"), compression="gzip", compression_opts=9)
        case 4:
            parent[name] = np.array(["a", "b"], dtype=object)
        case 5 if 0 < size < 10**7:
            parent[name] = np.full(shape, np.nan, "f4")
        case _:
            parent[name] = np.zeros(shape if size < 10**7 else (), kind)


def _link(file: h5py.File, chance: np.random.Generator) -> None:
    """Put a link where an object was, or beside it."""
    old = _one(file, h5py.Dataset, chance) if chance.random() < 0.6 else _one(file, h5py.Group, chance)
    parent, name = old.parent, old.name.rpartition("/")[2] or "x"
    other = _one(file, h5py.Group, chance)
    links: tuple[Callable[[], Any], ...] = (
        lambda: h5py.SoftLink(old.name),
        lambda: h5py.SoftLink("/nothing"),
        lambda: h5py.ExternalLink("../secret.txt", "/x"),
        lambda: h5py.ExternalLink("/dev/zero", "/x"),
        lambda: other,
    )
    target = links[chance.integers(len(links))]()
    if chance.random() < 0.5:
        del parent[name]
    else:
        name = str(chance.choice(_NAMES))
    parent[name] = target


def _group(file: h5py.File, chance: np.random.Generator) -> None:
    """Add groups: one, many, deep ones, or one in the place of a dataset."""
    parent = _one(file, h5py.Group, chance)
    match chance.integers(4):
        case 0:
            parent.create_group(str(chance.choice(_NAMES)))
        case 1:
            for number in range(int(chance.integers(1, 300))):
                parent.create_group(f"g{number}")
        case 2:
            parent.create_group("a/" * int(chance.integers(1, 200)))
        case _:
            old = _one(file, h5py.Dataset, chance)
            where, name = old.parent, old.name.rpartition("/")[2]
            del where[name]
            where.create_group(name)


def _removed(file: h5py.File, chance: np.random.Generator) -> None:
    """Remove an object, or give it another name."""
    old = _one(file, h5py.Dataset, chance) if chance.random() < 0.7 else _one(file, h5py.Group, chance)
    parent, name = old.parent, old.name.rpartition("/")[2]
    if name and chance.random() < 0.5:
        parent.move(name, str(chance.choice(_NAMES)))
    elif name:
        del parent[name]


CHANGES: tuple[Callable[[h5py.File, np.random.Generator], None], ...] = (
    _attribute, _config, _config, _dataset, _link, _group, _removed,
)  # fmt: skip
