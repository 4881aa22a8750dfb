"""Model files of any version of Keras: parsed, checked, upgraded, built and converted, or one line on why that fails.

Keras never reads the file. It gets a configuration with known objects only, and arrays for its weights.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.graph import has_graph
from dreamfilters.networks.io import file_checks, weight_loading
from dreamfilters.networks.io.config.allowed_objects import admitted
from dreamfilters.networks.io.config.custom_objects import CustomObjects, custom_objects
from dreamfilters.networks.io.config.model_building import build_model
from dreamfilters.networks.io.parsing.process.serving import cause
from dreamfilters.networks.io.stored_model import StoredModel, open_built_in, open_stored, read_architecture
from dreamfilters.networks.io.traced_models import traced
from dreamfilters.networks.migrate.upgrade import UpgradedConfig, upgrade
from dreamfilters.writing.single_files import new_file, write_file


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model from a file.

    Attributes:
        model: the model.
        changes: sentences on the changes to its stored configuration.
        remark: a remark on its weights or ''.
        loss: name of the loss that it was trained with, '' if unknown.
    """

    model: keras.Model
    changes: tuple[str, ...] = ()
    remark: str = ""
    loss: str = ""


def open_model(
    path: Path, *, trust: bool = False, imports: Sequence[str] = (), architecture: Path | None = None
) -> LoadedModel:
    """Return the model in a .keras, .h5 or .hdf5 file or a SavedModel folder, written by any version of Keras.

    The format is read off the content. Old configurations are upgraded by the tables of `keras_migrations`; weights
    are not changed. Anything that is neither a layer of Keras nor a class of the user is refused, see
    `config.allowed_objects`, and so are sizes that the file does not hold, see `config.model_building`. Nothing is
    downloaded. Another process parses the file, within the limits of time and memory in `limits`, and checks it, see
    `parsing`; it is not a sandbox: an error of HDF5 that runs code would run it as this user.

    Args:
        path: the file or folder. It is read once, so that what is built is what was checked.
        trust: whether Lambda layers and registered classes may run their code in this call. It is not remembered.
        imports: names of modules whose classes the file may use, see `custom_objects`.
        architecture: a JSON file of `model.to_json()` with the layers; `path` then holds the weights only.

    Raises:
        ModelError: there is no such file, it holds no model, or Keras 3 does not support the model.
        UntrustedError: the model contains code.
    """
    layers = None if architecture is None else read_architecture(architecture)
    custom = custom_objects(imports, trust=trust)
    with _explaining(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # warnings about how the model was saved are not useful here
        with _opener(path) as stored:
            return _built(stored, layers, custom, trust=trust)


def built_in_model(path: Path) -> keras.Model:
    """Return the model in a file that comes with the package."""
    with _explaining(path), open_built_in(path) as stored:
        return _built(stored, None, {}, trust=False).model


def read_stored(path: Path) -> StoredModel:
    """Return the stored configuration of a model file.

    Raises:
        ModelError: there is no such file, or it has no configuration.
    """
    with _explaining(path), _opener(path) as stored:
        return replace(stored, pairs=None)


def convert(
    model: Path,
    out: Path,
    *,
    trust: bool = False,
    imports: Sequence[str] = (),
    architecture: Path | None = None,
    force: bool = False,
) -> tuple[str, ...]:
    """Write the network in `model` to the .keras file `out`, or its stored layers to the .json file `out`.

    Returns one sentence for each change to the stored configuration. The JSON can be edited, such as to replace a
    Lambda layer, and given as `architecture`.

    Args:
        model: file or SavedModel folder, see `open_model`.
        out: a name that ends in .keras or .json. It is written atomically.
        trust, imports: see `open_model`.
        architecture: a JSON file with the layers, where `model` holds weights only.
        force: whether to replace an existing `out`.

    Raises:
        ModelError: the network cannot be opened.
        OutputError: `out` exists, cannot be written, is a link, or has another suffix.
    """
    file_checks.check_converted(out, force=force)
    if out.suffix.lower() == ".json":
        write_file(out, _layers_json(model))
        return ()
    with new_file(out) as part:
        return _write(open_model(model, trust=trust, imports=imports, architecture=architecture), part)


def _write(opened: LoadedModel, out: Path) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras reads variables in a way that numpy 2 deprecates
        (opened.model if has_graph(opened.model) else traced(opened.model).model).save(out)
    return opened.changes


def _layers_json(model: Path) -> bytes:
    stored = read_stored(model)
    if stored.config is None:
        raise ModelError(f"{model}: holds weights without the network's layers")
    return (json.dumps({**stored.config, "keras_version": stored.version}, indent=1) + "\n").encode()


def _opener(path: Path) -> AbstractContextManager[StoredModel]:
    if not (path / "saved_model.pb").is_file():
        file_checks.check_exists(path)
    return open_stored(path)


def _built(stored: StoredModel, layers: StoredModel | None, custom: CustomObjects, *, trust: bool) -> LoadedModel:
    if layers is not None:
        stored = replace(stored, config=layers.config, version=layers.version or stored.version)
    if stored.config is None:
        raise ModelError(
            "holds weights without the network's layers; give the JSON of model.to_json() with --architecture, or "
            "build the model in Python, call load_weights and give it to dreamfilters.load"
        )
    if stored.pairs is None:
        raise ModelError("holds no weights of Keras")
    upgraded = UpgradedConfig(stored.config)
    if stored.is_old:
        upgraded = upgrade(stored.config, stored.version, trust=trust, custom=custom)
    config = admitted(upgraded.config, trust=trust, custom=custom)
    model = build_model(config, numbers=stored.numbers, trust=trust, custom=custom)
    _check_model(model, upgraded, is_old=stored.is_old)
    weight_loading.restore_adapter_scales(model, config)
    weight_loading.place(model, stored.pairs(model, config))
    return LoadedModel(model, upgraded.changes, _remark(model), stored.loss)


def _check_model(model: Any, upgraded: UpgradedConfig, *, is_old: bool) -> None:
    if not isinstance(model, keras.Model):
        raise ModelError(f"holds a {type(model).__name__}, not a model")
    if not model.built and is_old:
        raise ModelError(
            "has no input size; set batch_input_shape of the first layer in the JSON of its layers "
            "and give the JSON with --architecture"
        )
    if not model.built and isinstance(model, keras.Sequential):
        raise ModelError(
            "has no input size, as a model that was never built; give its first layer an Input, or call it on an "
            "image, and save it again"
        )
    if not model.built:
        raise ModelError("is a subclassed model without its input size; call it on an image and save it as .keras")
    for name, shape in upgraded.shapes.items():
        if name in {layer.name for layer in model.layers} and model.get_layer(name).output.shape[1:] != (*shape[1:],):
            raise ModelError(f"its layer {name} gave maps of {tuple(shape[1:])}, to which Keras 3 gives another size")


def _remark(model: keras.Model) -> str:
    """Return a remark on weights that are not finite, or ''."""
    broken = [weight.path for weight in model.weights if not _is_finite(weight)]
    if not broken:
        return ""
    return f"{len(broken)} of its {len(model.weights)} weights contain NaN or infinity, first {broken[0]}"


def _is_finite(weight: Any) -> bool:
    return "float" not in weight.dtype or bool(keras.ops.all(keras.ops.isfinite(weight)))


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn every error into a `ModelError` of one line that names the file."""
    try:
        yield
    except ModelError as error:
        text = " ".join(str(error).split())
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        raise type(error)(f"{path}: {text}") from error.__cause__
    except Exception as error:  # Keras, h5py, zipfile and json raise their own types
        raise ModelError(f"{path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the cause of an error of Keras, without the configuration that it quotes."""
    missing = _MISSING.search(str(error))
    if missing:
        return f"needs the code of {missing[1]!r}, which is not in the file"
    return re.split(r" Full object config| The following nodes failed|, config=", cause(error))[0]


_MISSING = re.compile(r"(?:Could not locate (?:class|function)|Unknown (?:layer|object):?) '(\w+)'")
_LONGEST = 400  # characters of a message
