"""One word for every way to a network: a model, a file, the built-in one, one of Keras', or a function of one's own."""

from __future__ import annotations

import importlib
import importlib.resources
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import InputFormError, ModelError, UnknownNameError, UntrustedError
from dreamfilters.networks.classes.class_names import checked, read_classes
from dreamfilters.networks.graph import Graph, flatten
from dreamfilters.networks.io import applications
from dreamfilters.networks.io.model_file import open_model, read_model
from dreamfilters.networks.network import Network
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.preprocessing.model_preprocessing import form_of
from dreamfilters.networks.preprocessing.settings_file import InputSettings, read_settings

Form: TypeAlias = InputForm | str | Path | Mapping[str, Any] | None
Classes: TypeAlias = Sequence[str] | str | Path | None

_NO_GRADIENT = "equalizing has no gradient: dreams climb as if their histogram were left as it is"
_FUNCTION = re.compile(r"([A-Za-z_]\w+(?:\.\w+)*):([A-Za-z_]\w*)")  # two letters at least: C:model is a file


def load(
    spec: keras.Model | str | Path,
    *,
    trust: bool = False,
    form: Form = None,
    classes: Classes = None,
    size: int | tuple[int, int] | None = None,
    architecture: str | Path | None = None,
    input: str | None = None,  # noqa: A002
    output: str | None = None,
) -> Network:
    """Return the network that `spec` names.

    Args:
        spec: a Keras model; 'signs', the built-in traffic-sign network; a .keras, .h5 or .hdf5 file or a SavedModel
            folder of any Keras; 'applications:VGG16' for a network of Keras with its ImageNet weights,
            'applications:VGG16:random' without; or 'module:function', a function in the current folder that returns a
            model.
        trust: whether the model may run code of its own: Lambda layers, 'module:function'.
        form: how an image becomes its input: an `InputForm`, a mapping with the keys of `model.toml`, or such a file.
            What it does not say, 'model.toml' beside 'model.h5' says, then the model's own first layers, then it is
            RGB in 0..1.
        classes: names in the order of the outputs, or a file of them.
        size: side or (height, width) in place of the model's own.
        architecture: a JSON of `model.to_json()` with the layers, where the file holds weights only.
        input: name of the input that takes the image, for a model with several that could; the others are held at
            zeros.
        output: name of the output that holds the classes, for a model with several; the first by itself.

    Raises:
        ModelError: it cannot be opened or is no image network.
        UntrustedError: it would run code of its own and `trust` was not given.
        UnknownNameError: Keras has no application of this name, the model no such input or output.
        InputFormError: `form` is wrong or contradicts the network.

    Example:
        >>> load("signs").classes[14]
        'STOP'
    """
    ends = _Ends(input, output)
    network = _opened(spec, ends, trust=trust, architecture=None if architecture is None else Path(architecture))
    layers = None if architecture is None else str(architecture)
    network = replace(network, input=input, output=output, architecture=layers)
    settings = _settings(spec, form)
    network = _with_form(network, form if isinstance(form, InputForm) else None, settings, size)
    if network.form.order == "equalized":
        network = replace(network, remark=_joined(network.remark, _NO_GRADIENT))
    return _with_classes(network, settings.classes if classes is None else classes)


@dataclass(frozen=True)
class _Ends:
    """The names of the input and the output that were asked for."""

    input: str | None = None
    output: str | None = None


def _opened(spec: keras.Model | str | Path, ends: _Ends, *, trust: bool, architecture: Path | None) -> Network:
    if architecture is not None and (isinstance(spec, keras.Model) or not Path(spec).exists()):
        raise ModelError(f"--architecture {architecture}: goes with a file of weights, which {spec} is not")
    if isinstance(spec, keras.Model):
        return _assumed(spec, spec.name, ends)
    text = str(spec)
    if text == "signs":
        return _signs()
    if text.startswith("applications:"):
        return _application(text.removeprefix("applications:"))
    function = _FUNCTION.fullmatch(text)
    if function and not Path(text).exists():
        if not trust:
            raise UntrustedError(f"{text}: runs the code of {function[1]}.py; say --trust (trust=True) if you trust it")
        return _assumed(_made(*function.groups()), function[2], ends)
    path = Path(text)
    opened = open_model(path, trust=trust, architecture=architecture)
    network = _assumed(opened.model, path.name, ends)
    return replace(network, name=path.stem, changes=opened.changes, remark=_joined(opened.remark, network.remark))


def _assumed(model: keras.Model, name: str, ends: _Ends) -> Network:
    try:
        graph = flatten(model, input=ends.input, output=ends.output)
    except (ModelError, UnknownNameError) as error:
        raise type(error)(f"{name}: {str(error).removeprefix(f'{model.name}: ')}") from None
    form, assumed = form_of(graph, name)
    remark = "; ".join(_chosen(graph, ends))
    return Network(model, form, name=name, assumed=assumed, remark=remark)


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def _chosen(graph: Graph, ends: _Ends) -> Iterator[str]:
    """Say what the inputs are held at that take no image, and which output was taken if none was asked for."""
    if graph.held:
        yield f"held at zeros: {', '.join(graph.held)}"
    if ends.output is None and len(set(graph.outputs)) > 1:
        yield f"of its outputs {', '.join(graph.outputs)}, the first holds the classes (--output NAME chooses)"


def _signs() -> Network:
    """Return the built-in network; its German names are the first ones, the English are aliases."""
    home = importlib.resources.files("dreamfilters.signs")
    with importlib.resources.as_file(home / "signs.keras") as path:
        model = read_model(path)
    names = importlib.import_module("dreamfilters.signs.classes")
    form = InputForm.from_range(0, 1, size=(48, 48))
    prior = Path(str(home / "prior.npz"))
    return Network(model, form, names.GERMAN, (names.ENGLISH,), "signs", prior=prior if prior.exists() else None)


def _application(text: str) -> Network:
    name, _, option = text.partition(":")
    if option not in ("", "random"):
        raise UnknownNameError(f"applications:{text}: no such option {option!r}; 'random' leaves out the download")
    model = applications.open_application(name, random=bool(option))
    height, width, _channels = flatten(model).input_shape
    form = replace(applications.form(name), size=(height, width))
    return Network(model, form, () if option else applications.imagenet_classes(), name=name)


def _made(module: str, function: str) -> keras.Model:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ImportError as error:
        raise ModelError(f"{module}:{function}: {module} cannot be imported from {folder}: {error}") from error
    finally:
        sys.path.remove(folder)
    if not callable(found):
        raise ModelError(f"{module}:{function}: {module} has no function {function}")
    model = found()
    if not isinstance(model, keras.Model):
        raise ModelError(f"{module}:{function}: returned a {type(model).__name__}, not a keras.Model")
    return model


def settings_file(spec: keras.Model | str | Path) -> Path | None:
    """Return where the input form of a model in a file is said: 'model.toml' beside 'model.h5'; None for others."""
    if not isinstance(spec, keras.Model) and (Path(spec).is_file() or (Path(spec) / "saved_model.pb").is_file()):
        return Path(spec).with_suffix(".toml")
    return None


def _settings(spec: keras.Model | str | Path, form: Form) -> InputSettings:
    """Return what was said of the input: here, and for what is not said here in the file beside the model."""
    path = settings_file(spec)
    beside = InputSettings() if path is None or not path.is_file() else read_settings(path)
    if form is None or isinstance(form, InputForm):
        return beside
    return read_settings(form if isinstance(form, Mapping) else Path(form)).over(beside)


def _with_form(
    network: Network, form: InputForm | None, settings: InputSettings, size: int | tuple[int, int] | None
) -> Network:
    told = form is not None or settings.says_range
    form = form or settings.applied(network.form)
    if size is not None:
        form = replace(form, size=(size, size) if isinstance(size, int) else size)
    height, width, channels = network.graph.input_shape
    if channels not in (None, form.channels):
        raise InputFormError(f"{network.name}: takes {channels} channels, the input form has {form.channels}")
    if form.size == (None, None):
        form = replace(form, size=(height, width))
    return replace(network, form=form, assumed="" if told else network.assumed)


def _with_classes(network: Network, classes: Classes) -> Network:
    """Give each output a name: those said, those the network brought, or its number."""
    shape = network.graph.writers[network.graph.output].shape if network.graph.steps else ()
    count = (shape[0] or 0) if len(shape) == 1 else 0
    if isinstance(classes, (str, Path)):
        return replace(network, classes=checked(read_classes(Path(classes)), count, str(classes)), aliases=())
    if classes is not None:
        return replace(network, classes=checked(tuple(classes), count, network.name), aliases=())
    if len(network.classes) == count:
        return network
    return replace(network, classes=tuple(map(str, range(count))), aliases=())
