"""Opening a network from whatever names one: the built-in one, a file, keras.applications, a function, a model."""

from __future__ import annotations

import csv
import importlib
import json
import sys
import zipfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import keras

from dreamfilters.errors import DreamfiltersError, InputFormError, ModelError, UntrustedError, close_names
from dreamfilters.networks import applications, inputs
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.inputs import InputForm
from dreamfilters.networks.network import Network

BUILT_IN = "signs"
_SUFFIXES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class _Opened:
    """What a source gives; what it does not know is None or empty."""

    model: keras.Model
    name: str
    source: str = ""
    form: InputForm | None = None
    classes: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    beside: Path | None = None
    prior: Path | None = None


def load(
    spec: str | Path | keras.Model,
    *,
    trust: bool = False,
    form: InputForm | Path | None = None,
    classes: tuple[str, ...] | Path | None = None,
) -> Network:
    """Open a network to look into.

    Args:
        spec: "signs"; a .keras, .h5 or .hdf5 file; "applications:NAME" or "applications:NAME:random";
            "module:function" with trust; or a keras.Model.
        trust: run code that the file or the function brings.
        form: how pictures become the input, or a TOML file that says so; else the TOML beside the model, the layers
            inside it, and last an assumption that `Network.assumed` states.
        classes: names of the outputs, or a text, JSON or CSV file of them.

    Raises:
        ModelError, UntrustedError, InputFormError, UnknownNameError: one line each.

    Example:
        >>> load("signs").class_number("STOP")
        14
    """
    opened = _open(spec, trust=trust)
    graph = flatten(opened.model)
    size, channels = _image_input(opened)
    values, where = _written(form if isinstance(form, Path) else opened.beside)
    assumed = ""
    chosen = form if isinstance(form, InputForm) else opened.form
    if set(values) & {"size", "range", "scale", "mean", "deviation", "order"}:
        chosen = inputs.from_values(values, size=size, channels=channels, where=where)
    if chosen is None:
        first = graph.steps[0].operation if graph.steps else None
        chosen = inputs.deduced(first, size=size, channels=channels)
    if chosen is None:
        chosen = InputForm(size, channels, order=inputs.order_for(channels))
        order = chosen.order if channels in (1, 3) else f"{channels} channels"
        assumed = (
            f"assumed that {opened.name} takes {order} in 0..1; if not, give --range, --order or a TOML file "
            f"({opened.beside.name if opened.beside else '--input FILE'})"
        )
    if chosen.channels != channels:
        raise InputFormError(f"{opened.name}: its input has {channels} channels, the form given has {chosen.channels}")
    names = _class_names(opened, classes, values, where, outputs=_output_count(graph))
    return Network(
        model=opened.model, graph=graph, form=chosen, classes=names, aliases=opened.aliases if names == opened.classes else (),
        name=opened.name, source=opened.source, assumed=assumed, prior=opened.prior,
    )  # fmt: skip


def _open(spec: str | Path | keras.Model, *, trust: bool) -> _Opened:
    if isinstance(spec, keras.Model):
        return _Opened(spec, spec.name)
    text = str(spec)
    if text == BUILT_IN:
        return _built_in()
    if text.startswith("applications:"):
        _, name, *rest = text.split(":")
        if rest not in ([], ["random"]):
            raise ModelError(f"{text}: give applications:NAME, or applications:NAME:random for random weights")
        model, form, classes = applications.open_application(name, random=bool(rest))
        return _Opened(model, name, text, form, classes)
    path = Path(text)
    if not path.exists() and ":" in text and not path.suffix:
        return _from_function(text, trust=trust)
    return _from_file(path, trust=trust)


def _built_in() -> _Opened:
    from dreamfilters.signs.classes import ENGLISH, GERMAN

    folder = files("dreamfilters.signs")
    with as_file(folder.joinpath("signs.keras")) as path, as_file(folder.joinpath("prior.npz")) as prior:
        model = keras.saving.load_model(path, compile=False)
        form = InputForm(size=(48, 48))
        aliases = tuple((name,) for name in ENGLISH)
        return _Opened(model, BUILT_IN, BUILT_IN, form, GERMAN, aliases, prior=prior)


def _from_function(text: str, *, trust: bool) -> _Opened:
    if not trust:
        raise UntrustedError(f"{text}: would run Python code; if you know it, add --trust (trust=True)")
    module, _, function = text.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: the module usually lies where the user stands
    try:
        model = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{text}: {error}; give module:function, importable from here") from None
    finally:
        sys.path.pop(0)
    if not isinstance(model, keras.Model):
        raise ModelError(f"{text}: returned a {type(model).__name__}, not a keras.Model")
    return _Opened(model, function, text)


def _from_file(path: Path, *, trust: bool) -> _Opened:
    _check_file(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except DreamfiltersError:
        raise
    except Exception as error:  # h5py, zipfile and Keras raise whatever the bytes lead them to
        raise _refusal(path, error) from None
    return _Opened(model, path.name, str(path), beside=path.with_suffix(".toml"))


def _check_file(path: Path) -> None:
    if not path.exists():
        near = [other.name for other in path.parent.glob("*") if other.suffix in _SUFFIXES] if path.parent.is_dir() else []
        hint = close_names(path.name, near) if near else f"or give {BUILT_IN}, applications:NAME"
        raise ModelError(f"{path}: no such file. {hint}")
    if path.is_dir():
        raise ModelError(f"{path}: is a folder; a SavedModel cannot be opened yet, save it as .keras or .h5")
    if path.suffix.lower() not in _SUFFIXES:
        raise ModelError(f"{path}: not a model file by its name; Keras models end in {', '.join(_SUFFIXES)}")
    if path.stat().st_size == 0:
        raise ModelError(f"{path}: is empty")
    with path.open("rb") as file:
        head = file.read(8)
    if path.suffix.lower() == ".keras" and not zipfile.is_zipfile(path):
        raise ModelError(f"{path}: not a .keras file, or cut short: it is no whole zip archive")
    if path.suffix.lower() != ".keras" and head != b"\x89HDF\r\n\x1a\n":
        raise ModelError(f"{path}: not an HDF5 file, whatever its name says")


def _refusal(path: Path, error: Exception) -> ModelError:
    """Put what Keras said in one line, the known causes in words that help."""
    text = " ".join(str(error).split())
    if "Lambda" in text or "lambda" in text or "unsafe" in text.lower():
        return UntrustedError(f"{path}: holds a Lambda layer, which is Python code; if you know where it is from, add --trust")
    if "No model config found" in text:
        return ModelError(f"{path}: holds weights only, no architecture; load it into its model and save that as .keras")
    if "truncated" in text or "Unable to synchronously open" in text or "bad symbol table" in text:
        return ModelError(f"{path}: cut short or damaged: {text[:160]}")
    if "Could not locate" in text or "Unknown layer" in text:
        return ModelError(f"{path}: needs a class that is not part of Keras: {text[:200]}")
    return ModelError(f"{path}: Keras {keras.__version__} cannot open it: {text[:200]}")


def _image_input(opened: _Opened) -> tuple[tuple[int | None, int | None], int]:
    """Return size and channels of the one image input."""
    tensors = opened.model.inputs
    shapes = ", ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)
    if len(tensors) > 1:
        raise ModelError(f"{opened.name}: has {len(tensors)} inputs {shapes}; only networks with one image input can dream")
    shape = tuple(tensors[0].shape[1:])
    if len(shape) != 3:
        raise ModelError(f"{opened.name}: has no image input: it takes {shape}, an image is (height, width, channels)")
    if shape[-1] is None:
        raise ModelError(f"{opened.name}: its input {shape} does not say how many channels a picture has")
    return (shape[0], shape[1]), int(shape[2])


def _written(path: Path | None) -> tuple[dict[str, Any], str]:
    if path is None:
        return {}, ""
    if not path.exists():
        return {}, str(path)
    return inputs.read_toml(path), str(path)


def _output_count(graph: Any) -> int:
    shape = graph.steps[graph.outputs[0][0]].shape
    return int(shape[-1] or 0) if len(shape) == 2 else 0


def _class_names(
    opened: _Opened, given: tuple[str, ...] | Path | None, values: dict[str, Any], where: str, *, outputs: int
) -> tuple[str, ...]:
    names: tuple[str, ...] = opened.classes
    source = opened.name
    if "classes" in values:
        listed = values["classes"]
        names = tuple(map(str, listed)) if isinstance(listed, list) else read_classes(Path(where).parent / str(listed))
        source = where
    if given is not None:
        names = read_classes(given) if isinstance(given, Path) else given
        source = str(given) if isinstance(given, Path) else "classes"
    if not names:
        return tuple(str(number) for number in range(outputs))
    if len(names) != outputs:
        raise ModelError(f"{source}: names {len(names)} classes, {opened.name} has {outputs} outputs")
    return names


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names: a text of one a line, a JSON list or {number: name}, a CSV of number, name or names only.

    Raises:
        ModelError: the file cannot be read or is none of these.
    """
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".json":
            values = json.loads(text)
            if isinstance(values, dict):
                return tuple(str(values[key]) for key in sorted(values, key=int))
            return tuple(map(str, values))
        if path.suffix.lower() == ".csv":
            rows = [row for row in csv.reader(text.splitlines()) if row]
            if rows and len(rows[0]) > 1 and not rows[0][0].strip().isdecimal():
                rows = rows[1:]  # a header
            if all(len(row) > 1 for row in rows):
                return tuple(row[1].strip() for row in sorted(rows, key=lambda row: int(row[0])))
            return tuple(row[0].strip() for row in rows)
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: no class names in it: {error}; give text, one a line, JSON or CSV") from None
