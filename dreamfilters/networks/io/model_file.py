"""Model files of any age: taken apart, checked, upgraded, built; and if that fails, why in one line.

Keras is never handed a file, only a configuration in which every object is known and whose weights the file holds.
"""

from __future__ import annotations

import copy
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from dreamfilters.errors import ModelError, close_names, reason
from dreamfilters.networks.io import file_checks, weight_loading
from dreamfilters.networks.io.allowed_objects import admitted
from dreamfilters.networks.io.saved_model import open_folder
from dreamfilters.networks.io.size_check import check_weight
from dreamfilters.networks.io.stored_model import StoredModel, open_archive, open_hdf5, read_architecture
from dreamfilters.networks.migrate.upgrade import UpgradedConfig, upgrade

SUFFIXES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model from a file, what was changed in its stored configuration to open it, and what is odd about its weights.

    Changes and the remark are plain sentences; there may be none.
    """

    model: keras.Model
    changes: tuple[str, ...] = ()
    remark: str = ""


def read_model(path: Path, *, trust: bool = False) -> keras.Model:
    """Return the model in a .keras, .h5 or .hdf5 file or a SavedModel folder, see `open_model`."""
    return open_model(path, trust=trust).model


def open_model(path: Path, *, trust: bool = False, architecture: Path | None = None) -> LoadedModel:
    """Return the model in a .keras, .h5 or .hdf5 file or a SavedModel folder, whatever Keras wrote it.

    Its format is told by what it holds and not by its name. What an older Keras stored is upgraded by the tables of
    `changes`; the weights stay as they are. Whatever is no layer of Keras is refused, see `allowed`, and so is what
    lies outside the file or claims more than it holds, see `inspecting` and `weighing`. The network is not asked. All
    this is a seat belt and no wall: HDF5 and TensorFlow read what a stranger wrote.

    Args:
        path: the file or folder; it is read once, so what was checked is what is built.
        trust: whether Lambda layers may run their code, for what is read now: it is remembered of no file and no name.
        architecture: a JSON of `model.to_json()` to take the layers from; `path` then gives the weights only.

    Raises:
        ModelError: there is no such file, or it holds no model, or one that Keras 3 cannot compute.
        UntrustedError: it carries code, or needs some.
    """
    told = None if architecture is None else read_architecture(architecture)
    with _explaining(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # how its author wrote it is no news for who opens it
        with _opener(path) as stored:
            return _built(stored, told, trust=trust)


def read_stored(path: Path) -> StoredModel:
    """Return the configuration in a model file, as it is stored.

    Raises:
        ModelError: there is no such file, or it holds none.
    """
    with _explaining(path), _opener(path) as stored:
        return replace(stored, pairs=None)


def _opener(path: Path) -> AbstractContextManager[StoredModel]:
    if (path / "saved_model.pb").is_file():
        return open_folder(path)
    _check_there(path)
    try:
        return open_hdf5(path) if file_checks.format_of(path) == "hdf5" else open_archive(path)
    except ModelError as error:
        if path.suffix.lower() in SUFFIXES or "not a Keras model" not in str(error):
            raise
        raise ModelError(f"is not a model file by its name; those end in {', '.join(SUFFIXES)}") from None


def _built(stored: StoredModel, told: StoredModel | None, *, trust: bool) -> LoadedModel:
    if told is not None:
        stored = replace(stored, config=told.config, version=told.version or stored.version)
    if stored.config is None:
        raise ModelError(
            "holds weights without the network's layers; give the JSON of model.to_json() with --architecture"
        )
    if stored.pairs is None:
        raise ModelError("holds no weights of Keras")
    upgraded = UpgradedConfig(stored.config)
    if stored.is_old:
        upgraded = upgrade(stored.config, stored.version, trust=trust)
    config = admitted(upgraded.config, trust=trust)
    check_weight(config, numbers=stored.numbers, trust=trust)
    model = keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=not trust)
    _check_model(model, upgraded)
    weight_loading.place(model, stored.pairs(model, config))
    return LoadedModel(model, upgraded.changes, _remark(model))


def _check_model(model: Any, upgraded: UpgradedConfig) -> None:
    if not isinstance(model, keras.Model):
        raise ModelError(f"holds a {type(model).__name__}, not a model")
    if not model.built:
        raise ModelError(
            "does not say the size of its input; write it into the JSON of its layers (batch_input_shape of the first) "
            "and give that with --architecture"
        )
    for name, shape in upgraded.shapes.items():
        if name in {layer.name for layer in model.layers} and model.get_layer(name).output.shape[1:] != (*shape[1:],):
            raise ModelError(f"its layer {name} gave maps of {tuple(shape[1:])}, which Keras 3 would make another size")


def _remark(model: keras.Model) -> str:
    """Say which weights are no numbers, '' if all are."""
    broken = [weight.path for weight in model.weights if not _is_finite(weight)]
    if not broken:
        return ""
    return f"{len(broken)} of its {len(model.weights)} weights hold values that are no numbers, the first {broken[0]}"


def _is_finite(weight: Any) -> bool:
    return "float" not in weight.dtype or bool(keras.ops.all(keras.ops.isfinite(weight)))


def _check_there(path: Path) -> None:
    if path.is_dir():
        models = _models_in(path)
        held = f" (it holds {', '.join(models[:3])})" if models else ""
        raise ModelError(f"is a folder{held}; give a file that ends in {', '.join(SUFFIXES)}")
    if path.is_symlink() and not path.exists():
        raise ModelError("is a link that leads nowhere, or to itself")
    if not path.exists():
        if not path.parent.is_dir():
            raise ModelError(f"no such file, and no folder {path.parent}")
        models = _models_in(path.parent)
        raise ModelError(f"no such file. {close_names(path.name, models) if models else 'No model is near it'}")


def _models_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Let whatever goes wrong end in one line that names the file."""
    try:
        yield
    except ModelError as error:
        raise type(error)(f"{path}: {_one_line(str(error))}") from error.__cause__
    except Exception as error:  # Keras, h5py, zipfile and json each have their own
        raise ModelError(f"{path}: {_reason(error)}") from error


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _reason(error: Exception) -> str:
    """Return what Keras wrapped, without the configuration it adds."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    missing = _MISSING.search(str(error))
    if missing:
        return f"needs the code of its own {missing[1]!r}, which is not in the file"
    first = re.split(r" Full object config| The following nodes failed|, config=", reason(error))[0]
    damaged = "truncated file" in first or isinstance(error, zipfile.BadZipFile)
    return f"{'is damaged or cut off' if damaged else 'cannot be opened'}: {first[: _LONGEST // 2]}"


_MISSING = re.compile(r"(?:Could not locate (?:class|function)|Unknown (?:layer|object):?) '(\w+)'")
_LONGEST = 400  # characters of a message, half as many of a foreign one
