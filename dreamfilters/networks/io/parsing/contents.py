"""A parsed model file of any format: its description, and its arrays, which can still be read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import h5py

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.file_checks import SUFFIXES
from dreamfilters.networks.io.parsing import archive
from dreamfilters.networks.io.parsing.description import Block, Description, Layout
from dreamfilters.networks.io.parsing.foreign_files import CONFIG, METADATA, describe_file
from dreamfilters.networks.io.parsing.hdf5_file import Hdf5File, Tree, node_at, text_of, texts_of
from dreamfilters.networks.io.parsing.json_text import decoded, parsed
from dreamfilters.networks.io.parsing.regular_files import open_regular
from dreamfilters.networks.io.parsing.saved_model.folder import (
    config_text,
    open_checkpoint,
    stored_config,
    stored_objects,
)
from dreamfilters.networks.io.parsing.stored_arrays import SIZES, ArrayInfo, StoredArray


@dataclass(frozen=True)
class Contents:
    """The description of a model file, and its arrays by their number."""

    description: Description
    arrays: Sequence[StoredArray]


@contextmanager
def open_contents(path: Path) -> Iterator[Contents]:
    """Yield the content of a .keras, .h5 or .hdf5 file or a SavedModel folder; the format is read off the bytes.

    Raises:
        ModelError: it is none of these, or it is damaged.
        Exception: any error of h5py and zipfile for a damaged file.
    """
    if path.is_dir():
        yield _saved_model(path)
        return
    with open_regular(path) as file:
        size = file.seek(0, 2)
        if not size:
            raise ModelError("is empty")
        if _is_hdf5(file, size):
            with h5py.File(file, "r") as opened:
                yield _hdf5(Hdf5File(opened, size))
        elif zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                yield from _archive(packed, file, size)
        else:
            raise ModelError(_other_format(path, file))


def _is_hdf5(file: BinaryIO, size: int) -> bool:
    """Return whether a file has the signature of HDF5 at its start, or behind a block of 512, 1024, ... bytes."""
    at = 0
    while at < size:
        file.seek(at)
        if file.read(8) == b"\x89HDF\r\n\x1a\n":
            return True
        at = max(512, 2 * at)
    return False


def _other_format(path: Path, file: BinaryIO) -> str:
    """Return what a file is that is no model."""
    known = describe_file(path)
    if known:
        return known
    file.seek(0)
    if file.read(4).startswith((b"PK", b"\x89HDF")):
        return "is truncated"
    if path.suffix.lower() in SUFFIXES:
        return "is not a Keras model: neither HDF5 nor a .keras archive"
    return f"is not a model file; model files end in {', '.join(SUFFIXES)}"


def _saved_model(path: Path) -> Contents:
    root = stored_config(path)
    checkpoint = open_checkpoint(path)
    arrays = checkpoint.arrays()
    objects = stored_objects(checkpoint, {key: number for number, key in enumerate(arrays)})
    infos = tuple(array.info for array in arrays.values())
    version = str(root.get("keras_version", "2.4.0"))
    return Contents(Description(config_text(root), version=version, arrays=infos, layout=objects), [*arrays.values()])


def _archive(packed: zipfile.ZipFile, file: BinaryIO, size: int) -> Iterator[Contents]:
    archive.check_archive(packed)
    version = str(parsed(archive.read_text(packed, METADATA)).get("keras_version", ""))
    config = decoded(archive.read_text(packed, CONFIG))
    parsed(config)
    with archive.open_weights(packed, file) as weights, h5py.File(weights, "r") as opened:
        stored = Hdf5File(opened, size)
        infos = tuple(array.info for array in stored.arrays)
        yield Contents(Description(config, version=version, arrays=infos, layout=stored.tree), stored.arrays)


def _hdf5(stored: Hdf5File) -> Contents:
    file, tree = stored.file, stored.tree
    group, inner = file, tree
    if isinstance(tree.get("model_weights"), dict):
        group, inner = file["model_weights"], tree["model_weights"]
    version, backend = (text_of(group, key) or text_of(file, key) or "" for key in ("keras_version", "backend"))
    config = _config(file)
    if config is not None:
        parsed(config)
    elif tree and all(isinstance(member, int) for member in tree.values()):
        raise ModelError(f"holds arrays ({', '.join(list(tree)[:3])}), not a Keras model")
    infos = tuple(array.info for array in stored.arrays)
    layers = _names(group, "layer_names")
    if len(set(layers or [])) < len(layers or []):
        raise ModelError("it lists a layer twice")
    layout: Layout = inner if layers is None else tuple(_block(group, inner, layer, infos) for layer in layers)
    return Contents(Description(config, _training(file), version, backend, infos, layout), stored.arrays)


def _config(file: h5py.File) -> str | None:
    try:
        return text_of(file, "model_config")
    except ModelError as error:
        raise ModelError(f"its configuration is not JSON: {error}") from None


def _training(file: h5py.File) -> str | None:
    """Return the configuration of the training, which is not needed to open the model."""
    with suppress(ModelError):
        text = text_of(file, "training_config")
        if text and parsed(text):
            return text
    return None


def _block(group: h5py.Group, tree: Tree, layer: str, infos: Sequence[ArrayInfo]) -> Block:
    inside = node_at(tree, layer)
    if isinstance(inside, int):
        raise ModelError(f"it lists the layer {layer}, but has an array there")
    names = _names(group["/".join(filter(None, layer.split("/")))], "weight_names") or []
    if len(set(names)) < len(names):  # otherwise one array could be read many times
        raise ModelError(f"it lists a weight of {layer} twice")
    numbers = [node for name in names if isinstance(node := node_at(inside, name), int)]
    if len(numbers) < len(names):
        raise ModelError(f"a weight of {layer} is not an array in this file")
    strange = next((infos[number].dtype for number in numbers if infos[number].dtype not in SIZES), None)
    if strange is not None:
        raise ModelError(f"a weight of {layer} has the type {strange}, not a numeric one")
    return Block(layer.replace("/", "__"), tuple(names), tuple(numbers))


def _names(group: h5py.Group, key: str) -> list[str] | None:
    """Return a list of names, None if there is none; long lists are split over several attributes."""
    try:
        whole = texts_of(group, key)
    except ModelError as error:
        raise ModelError(f"it lists weights at names that are not texts: {error}") from None
    names: list[str] = whole or []
    found, number = whole is not None, 0
    while whole is None and (part := texts_of(group, f"{key}{number}")) is not None:
        names += part
        found, number = True, number + 1
        if len(names) > limits.MOST_OBJECTS:
            raise ModelError(f"has more than {limits.MOST_OBJECTS} names in {key}")
    return names if found else None
