"""The content of a model file: its configuration, the version of Keras that wrote it, and arrays that are read later.

Only hard links of an HDF5 file are followed, so nothing is read from another file.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import keras
import numpy as np

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import file_checks, limits, weight_loading
from dreamfilters.networks.io.foreign_files import CONFIG, METADATA, WEIGHTS
from dreamfilters.networks.io.training_loss import loss_name
from dreamfilters.networks.io.weight_loading import Pair, WeightBlock
from dreamfilters.networks.migrate import weight_layouts
from dreamfilters.networks.migrate.keras_migrations import version_of

Config: TypeAlias = dict[str, Any]
Pairing: TypeAlias = Callable[[keras.Model, Config], Sequence[Pair]]


@dataclass(frozen=True)
class StoredModel:
    """The content of a model file.

    Attributes:
        config: of the model, None if the file holds weights only.
        version: of the Keras that wrote the file, '' if unknown.
        pairs: function from the model and its upgraded configuration to (variable, array) pairs; None without weights.
        numbers: count of stored numbers.
        loss: name of the loss that the model was trained with, '' if unknown.
    """

    config: Config | None
    version: str
    pairs: Pairing | None = None
    numbers: int = 0
    loss: str = ""

    @property
    def is_old(self) -> bool:
        """Whether a version before Keras 3 wrote the file."""
        return version_of(self.version) < (3,)


@contextmanager
def open_hdf5(path: Path) -> Iterator[StoredModel]:
    """Yield the content of an .h5 or .hdf5 file; its arrays can be read inside the `with` block.

    Raises:
        ModelError: the file refers to other files, or its configuration is not JSON.
    """
    with h5py.File(path, "r") as file:
        numbers = file_checks.check_hdf5(file)
        yield replace(_hdf5(file), numbers=numbers, loss=_loss(file.attrs.get("training_config")))


@contextmanager
def open_archive(path: Path) -> Iterator[StoredModel]:
    """Yield the content of a .keras file; its arrays can be read inside the `with` block."""
    with zipfile.ZipFile(path) as archive:
        file_checks.check_archive(archive)
        version = str(parsed(archive.read(METADATA)).get("keras_version", ""))
        config = parsed(archive.read(CONFIG))
        with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as file:
            numbers, tree = file_checks.check_hdf5(file), _tree(file)
            pairs, loss = partial(weight_loading.by_numbers, tree=tree), _loss(config.get("compile_config"))
            yield StoredModel(config, version, pairs, numbers, loss)


def read_architecture(path: Path) -> StoredModel:
    """Return the configuration in a JSON file that `model.to_json()` wrote.

    Raises:
        ModelError: there is no such file, or it has another content.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelError("reading a pipe could block")
        with path.open("rb") as file:
            config = parsed(file.read(limits.LARGEST_CONFIG + 1))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ModelError:
        raise ModelError(f"{path}: is not the JSON that model.to_json() writes") from None
    if "class_name" not in config:
        raise ModelError(f"{path}: is JSON without a model; give what model.to_json() writes")
    version = str(config.get("keras_version", ""))
    if not version and "module" in config:  # Keras 3 leaves it out
        version = keras.__version__
    return StoredModel(config, version)


def _hdf5(file: h5py.File) -> StoredModel:
    group = _inside(file, "model_weights") if "model_weights" in file else file
    attributes = {**file.attrs, **group.attrs}
    version, backend = (_text(attributes.get(key, "")) for key in ("keras_version", "backend"))
    config = parsed(file.attrs["model_config"]) if "model_config" in file.attrs else None
    members = {name: _inside(file, name, split=False) for name in file}
    if config is None and members and all(isinstance(member, h5py.Dataset) for member in members.values()):
        raise ModelError(f"holds arrays ({', '.join(list(members)[:3])}), not a Keras model")
    if "layer_names" not in group.attrs and "layer_names0" not in group.attrs:
        has_groups = bool({"layers", "_layer_checkpoint_dependencies"} & set(group))
        if config is None and version_of(version) == (1,) and not has_groups:
            return StoredModel(None, version)
        return StoredModel(config, version, partial(weight_loading.by_numbers, tree=_tree(group)))
    blocks = [_block(group, name) for name in _names(group, "layer_names")]
    source = _source(version, backend, blocks)
    return StoredModel(config, version, partial(weight_loading.by_blocks, blocks=blocks, source=source))


def _loss(training: Any) -> str:
    """Return the loss in a stored training configuration, which is not needed to open the model."""
    with suppress(ModelError):
        settings = training if isinstance(training, Mapping) else parsed(training) if training else {}
        return loss_name(settings.get("loss"))
    return ""


def _source(version: str, backend: str, blocks: Sequence[WeightBlock]) -> weight_layouts.LayoutSource:
    """Return what wrote the weights. Keras 1 does not store its backend, but only TensorFlow's names end in ':0'."""
    keras_1 = version_of(version) < (2,)
    names = [name for block in blocks for name in block.names]
    theano = backend == "theano" or (keras_1 and not backend and bool(names) and not any(":" in n for n in names))
    return weight_layouts.LayoutSource(keras_1, theano)


def _block(group: h5py.Group, layer: str) -> WeightBlock:
    inner = _inside(group, layer)
    names = tuple(_names(inner, "weight_names"))
    if len(set(names)) < len(names):  # otherwise one array could be read many times
        raise ModelError(f"it lists a weight of {layer} twice")
    return WeightBlock(layer.replace("/", "__"), names, tuple(partial(_array, _inside(inner, name)) for name in names))


def _tree(group: h5py.Group) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in group:
        inner = _inside(group, name, split=False)
        tree[name] = partial(_array, inner) if isinstance(inner, h5py.Dataset) else _tree(inner)
    return tree


def _inside(group: h5py.Group, path: str, *, split: bool = True) -> Any:
    """Return the object at a path, which is followed step by step to check every link."""
    for part in [part for part in path.split("/") if part] if split else [path]:
        if not isinstance(group, h5py.Group) or part not in group:
            raise ModelError(f"it lists weights at {path}, but has none there")
        group = file_checks.follow(group, part, path)
    return group


def _array(dataset: Any) -> np.ndarray:
    if not isinstance(dataset, h5py.Dataset):
        raise ModelError(f"{getattr(dataset, 'name', 'a weight')} is not an array in this file")
    file_checks.check_array(dataset)
    values = np.asarray(dataset[()])
    if values.dtype == "V2":  # bfloat16 in h5py: the upper half of a float32
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if values.dtype.kind not in "biuf":
        raise ModelError(f"{dataset.name} has the type {values.dtype}, not a numeric one")
    return values


def _names(group: h5py.Group, key: str) -> list[str]:
    """Return a list of names; long lists are split over several attributes."""
    if key in group.attrs:
        return [_text(name) for name in group.attrs[key]]
    names: list[str] = []
    number = 0
    while f"{key}{number}" in group.attrs:
        names += [_text(name) for name in group.attrs[f"{key}{number}"]]
        number += 1
    return names


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def parsed(text: Any) -> Config:
    """Return the configuration in a JSON text.

    Raises:
        ModelError: it is not JSON, not an object, or too large.
    """
    try:
        if len(text) > limits.LARGEST_CONFIG:
            raise ModelError(f"its configuration is too large for a model: {len(text):,} characters")
        value = json.loads(text)
        value = json.loads(value) if isinstance(value, str) else value  # json.dumps(model.to_json())
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"its configuration is not JSON: {error}") from None
    if not isinstance(value, Mapping):
        raise ModelError("its configuration is not that of a model")
    return dict(value)
