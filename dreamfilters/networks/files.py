"""Model files: opened with safe mode on, and if that fails, why in one line."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import h5py
import keras

from dreamfilters.errors import ModelError, UntrustedError, close_names

SUFFIXES = (".keras", ".h5", ".hdf5")


def read_model(path: Path, *, trust: bool = False) -> keras.Model:
    """Return the model in a .keras, .h5 or .hdf5 file.

    Without `trust` Keras' safe mode refuses layers that carry code. Safe mode is a seat belt and no wall.

    Raises:
        ModelError: there is no such file, or it holds no model.
        UntrustedError: it carries code, or needs some.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # how its author wrote it is no news for who opens it
            model = keras.models.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:  # Keras, h5py, zipfile and json each have their own
        raise _explained(path, error, trust=trust) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{path}: holds a {type(model).__name__}, not a model")
    return model


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ModelError(f"{path}: is a folder{_inside(path)}; give a file that ends in {', '.join(SUFFIXES)}")
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise ModelError(f"{path}: no such file, and no folder {folder}")
        models = [other.name for other in sorted(folder.iterdir()) if other.suffix.lower() in SUFFIXES]
        raise ModelError(f"{path}: no such file. {close_names(path.name, models) if models else 'No model is near it'}")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"{path}: is not a model file by its name; those end in {', '.join(SUFFIXES)}")
    if path.stat().st_size == 0:
        raise ModelError(f"{path}: is empty")
    is_zip, is_hdf5 = zipfile.is_zipfile(path), h5py.is_hdf5(path)
    if path.suffix.lower() == ".keras" and is_hdf5:
        raise ModelError(f"{path}: is an HDF5 file; rename it to {path.stem}.h5")
    if path.suffix.lower() != ".keras" and is_zip:
        raise ModelError(f"{path}: is in the .keras format; rename it to {path.stem}.keras")
    if not (is_zip or is_hdf5):
        with path.open("rb") as file:
            start = file.read(8)
        cut = start.startswith((b"PK", b"\x89HDF"))
        raise ModelError(f"{path}: is {'cut off' if cut else 'not a Keras model: neither HDF5 nor a .keras archive'}")


def _inside(folder: Path) -> str:
    if (folder / "saved_model.pb").exists():
        return " with a SavedModel, which Keras 3 cannot open"
    models = [other.name for other in sorted(folder.iterdir()) if other.suffix.lower() in SUFFIXES]
    return f" (it holds {', '.join(models[:3])})" if models else ""


def _explained(path: Path, error: Exception, *, trust: bool) -> ModelError:
    text = str(error)
    lowered = text.lower()
    if not trust and "lambda" in lowered and ("safe" in lowered or "arbitrary code" in lowered):
        return UntrustedError(
            f"{path}: has a Lambda layer, which runs code from the file; say --trust (trust=True) if you trust it"
        )
    missing = _MISSING.search(text)
    if missing:
        return ModelError(f"{path}: needs the code of its own {missing[1]!r}, which is not in the file")
    if "No model config found" in text:
        return ModelError(f"{path}: holds weights without the network's layers; save the whole model")
    if "truncated file" in lowered or isinstance(error, zipfile.BadZipFile):
        return ModelError(f"{path}: is damaged or cut off: {_reason(error)}")
    return ModelError(f"{path}: cannot be opened: {_reason(error)}")


_MISSING = re.compile(r"(?:Could not locate (?:class|function)|Unknown (?:layer|object):?) '(\w+)'")
_LONGEST = 200  # characters of a foreign message


def _reason(error: Exception) -> str:
    """Return what Keras wrapped, in one line and without the configuration it adds."""
    text = str(error).rpartition("Exception encountered:")[2]
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line), type(error).__name__)
    return first.partition(" Full object config")[0][:_LONGEST]
