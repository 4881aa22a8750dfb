"""`load`: a network from a Keras model, a file, a name, or a function of the user."""

from __future__ import annotations

import importlib
import importlib.resources
import re
import sys
import threading
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import keras

from dreamfilters.errors import InputFormError, ModelError, UnknownNameError, UntrustedError
from dreamfilters.networks.classes.class_names import read_classes
from dreamfilters.networks.classes.class_output import preferred_output
from dreamfilters.networks.fingerprint import structure_of
from dreamfilters.networks.graph import flatten, has_graph
from dreamfilters.networks.io import applications
from dreamfilters.networks.io.config.custom_objects import failure_of, import_module
from dreamfilters.networks.io.model_file import built_in_model, open_model
from dreamfilters.networks.io.traced_models import traced
from dreamfilters.networks.io.training_loss import loss_name
from dreamfilters.networks.network import Network
from dreamfilters.networks.preprocessing.form_origin import FormOrigin
from dreamfilters.networks.preprocessing.form_sources import Form, form_sources
from dreamfilters.networks.preprocessing.held_values import Held, describe_held, held_values
from dreamfilters.networks.preprocessing.input_form import InputForm, Size
from dreamfilters.networks.preprocessing.model_preprocessing import form_of
from dreamfilters.networks.preprocessing.tolerance import Tolerance

AnyNetwork: TypeAlias = Network | keras.Model
Classes: TypeAlias = Sequence[str] | str | Path | None


class _Ends(TypedDict):
    """The arguments of `flatten`."""

    input: str | None
    output: str | None
    size: Size
    inputs: dict[str, None]


class _Code(TypedDict):
    """The arguments of `open_model` that say which code may run."""

    trust: bool
    imports: tuple[str, ...]


# Of the built-in network, on 100 images of the test set of GTSRB (Stallkamp et al. 2012).
_SIGNS = Tolerance(rotate=30.0, scale=0.5, shift=0.2, crop=0.7, noise=0.1, blur=0.06)
_NO_GRADIENT = "histogram equalization has no gradient; dreams use the gradient of the unequalized image"
_FUNCTION = re.compile(r"([A-Za-z_]\w+(?:\.\w+)*):([A-Za-z_]\w*)")  # at least two letters: C:model is a file


def load(
    spec: keras.Model | str | Path,
    *,
    trust: bool = False,
    imports: Sequence[str] | str = (),
    form: Form = None,
    classes: Classes = None,
    size: int | tuple[int, int] | None = None,
    architecture: str | Path | None = None,
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    inputs: Held | None = None,
) -> Network:
    """Return the network that `spec` names.

    Args:
        spec: a Keras model (functional, Sequential or subclassed); 'signs', the built-in traffic-sign network; a
            .keras, .h5 or .hdf5 file or a SavedModel folder of any version of Keras; 'applications:VGG16' for a network
            of Keras with its ImageNet weights, 'applications:VGG16:random' for random weights; or 'module:function' for
            a function in the current folder that returns a model.
        trust: whether the model may run its own code: Lambda layers, 'module:function', and classes and functions
            that `keras.saving.register_keras_serializable` registered in this process.
        imports: names of modules, in the current folder or installed, that define the classes a model file needs, such
            as 'my_layers' or 'keras_hub'. They are imported, and the file may use their classes.
        form: the input form: an `InputForm`, a mapping with the keys of `model.toml`, or such a file. Missing keys come
            from 'model.toml' next to 'model.h5', then from the model's first layers, and default to RGB in 0..1.
        classes: names in the order of the outputs, or a file with them.
        size: side or (height, width) that replaces the model's input size, or that of the image in a flat input:
            (28, 28) for (784,). A model that was never called has no input size without it.
        architecture: a JSON file of `model.to_json()` with the layers, where the model file holds weights only.
        input: name of the input that takes the image, where several could.
        inputs: values of the other inputs by name: a number, an array as the model takes it, a file of such an array
            or of an image, which passes the input form, or 'image' for the same image. Inputs that are not named are
            held at zeros.
        output: name of the output that holds the classes; default: a softmax, else sigmoids, else the first.

    Raises:
        ModelError: the model cannot be opened, or its input is not an image.
        UntrustedError: the model would run its own code and `trust` is not set.
        UnknownNameError: Keras has no such application, or the model no such input or output.
        InputFormError: `form` is invalid or contradicts the network.

    >>> load("signs").classes[14]
    'STOP'
    """
    size = (size, size) if isinstance(size, int) else size
    sources = form_sources(spec, form)
    if classes is not None:
        sources = replace(sources, stored=sources.stored.model_copy(update={"classes": None}))
    sources.check_files(inputs or ())
    settings = sources.settings
    held = {**(settings.inputs or {}), **(inputs or {})}
    ends = _Ends(input=input, output=output, size=size or sources.size, inputs=dict.fromkeys(held))
    code = _Code(trust=trust, imports=(imports,) if isinstance(imports, str) else tuple(imports))
    network = _opened(spec, ends, code, None if architecture is None else Path(architecture), sources.channels)
    layers = None if architecture is None else str(architecture)
    network = replace(network, input=input or network.input, output=output or network.output, architecture=layers)
    wanted = sources.applied(network.form)
    network = _with_form(network, wanted if size is None else replace(wanted, size=size))
    gradient = _NO_GRADIENT if network.form.order == "equalized" else ""
    network = replace(
        network,
        inputs=held_values(network.graph, held, network.form),
        tolerance=network.tolerance if settings.tolerance is None else Tolerance.of(settings.tolerance),
        remark=_joined(describe_held(network.graph, held), network.remark, gradient),
        origin=sources.origin(network.origin),
    )
    return _with_classes(network, settings.classes if classes is None else classes)


_REMEMBERED = 2  # models: the one of a call, and the one that it is compared with
_remembered: list[tuple[Any, Network]] = []  # structure and network, the last used one last
_lock = threading.Lock()


def network_of(model: AnyNetwork) -> Network:
    """Return a network unchanged, and the network of a Keras model as `load` opens it without further arguments.

    A model that is given again has the same network, with its compiled programs, until its layers or their settings
    change. Networks share the model's weights, so a model that was trained further gives new results. The last two
    models that were given stay in memory. An assumption about the model's input form is a warning.

    Raises:
        ModelError: the value is something else, or the model's input is not an image.

    Example:
        >>> network_of(network) is network
        True
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, keras.Model):
        raise ModelError(f"network={model!r:.80}: give a keras.Model, or what load returns for a file or a name")
    with _lock:
        network = load(model)
        structure = structure_of(network.graph)
        model = network.model  # a subclassed model has another one, with a graph
        known = next((entry for entry in _remembered if entry[1].model is model and entry[0] == structure), None)
        _remembered[:] = [entry for entry in _remembered if entry[1].model is not model]
        _remembered.append(known or (structure, network))
        del _remembered[:-_REMEMBERED]
    if known is None and network.origin.is_assumed:
        assumption = network.describe_input().partition(";")[0]
        message = f"{assumption}); load(model, form={{'range': [0, 255]}}) sets another range"
        warnings.warn(message, stacklevel=_frames_of_this_package() + 1)
    return known[1] if known else network


def _frames_of_this_package() -> int:
    """Return how many of the innermost frames are of this package: a warning names the line that called it."""
    frame, count = sys._getframe(1), 0
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("dreamfilters."):
        frame, count = frame.f_back, count + 1
    return count


def _opened(
    spec: keras.Model | str | Path, ends: _Ends, code: _Code, architecture: Path | None, channels: int
) -> Network:
    if architecture is not None and (isinstance(spec, keras.Model) or not Path(spec).exists()):
        raise ModelError(f"--architecture {architecture}: goes with a file of weights, which {spec} is not")
    if isinstance(spec, keras.Model):
        return _assumed(spec, spec.name, ends, channels)
    text = str(spec)
    if text == "signs":
        return _signs()
    if text.startswith("applications:"):
        return _application(text.removeprefix("applications:"))
    function = _FUNCTION.fullmatch(text)
    if function and not Path(text).exists():
        if not code["trust"]:
            raise UntrustedError(f"{text}: runs the code of {function[1]}.py; use --trust (trust=True) if you trust it")
        return _assumed(_from_function(*function.groups()), function[2], ends, channels)
    path = Path(text)
    opened = open_model(path, architecture=architecture, **code)
    network = _assumed(opened.model, path.name, ends, channels)
    remark = _joined(opened.remark, network.remark)
    return replace(network, name=path.stem, changes=opened.changes, remark=remark, loss=opened.loss)


def _assumed(model: keras.Model, name: str, ends: _Ends, channels: int) -> Network:
    untraced, loss = "", loss_name(getattr(model, "loss", None))
    try:
        if not has_graph(model):
            found = traced(model, ends["size"], channels)
            model, untraced = found.model, found.remark
        graph = flatten(model, **ends)
    except (ModelError, UnknownNameError) as error:
        raise type(error)(f"{name}: {str(error).removeprefix(f'{model.name}: ')}") from None
    form, origin = form_of(graph, name)
    image = graph.image if ends["inputs"] else None  # the others may be images too
    image, output = ends["input"] or image, ends["output"]
    network = Network(model, form, name=name, origin=origin, input=image, output=output, loss=loss)
    if output is not None or len(set(graph.outputs)) < 2:
        return replace(network, remark=untraced)
    preferred = preferred_output(network)
    chosen = f"{preferred or graph.outputs[0]} of its outputs {', '.join(graph.outputs)}"
    return replace(network, output=preferred, remark=_joined(untraced, f"classes: {chosen} (--output NAME chooses)"))


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def _signs() -> Network:
    home = importlib.resources.files("dreamfilters.signs")
    with importlib.resources.as_file(home / "signs.keras") as path:
        model = built_in_model(path)
    names = importlib.import_module("dreamfilters.signs.classes")
    form = InputForm.from_range(0, 1, size=(48, 48))
    prior = Path(str(home / "prior.npz"))
    return Network(
        model,
        form,
        names.GERMAN,
        (names.ENGLISH,),
        "signs",
        prior=prior if prior.exists() else None,
        tolerance=_SIGNS,
        origin=FormOrigin("known", "that of the built-in network"),
    )


def _application(text: str) -> Network:
    name, _, option = text.partition(":")
    if option not in ("", "random"):
        raise UnknownNameError(f"applications:{text}: no such option {option!r}; 'random' leaves out the download")
    model = applications.open_application(name, random=bool(option))
    height, width, _channels = flatten(model).input_shape
    form = replace(applications.form(name), size=(height, width))
    return Network(
        model,
        form,
        () if option else applications.imagenet_classes(),
        name=name,
        origin=FormOrigin("known", "that of keras.applications"),
    )


def _from_function(module: str, function: str) -> keras.Model:
    build = getattr(import_module(module, f"{module}:{function}"), function, None)
    if not callable(build):
        raise ModelError(f"{module}:{function}: {module} has no function {function}")
    try:
        model = build()
    except Exception as error:
        raise failure_of(f"{module}:{function}", error) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{module}:{function}: returned a {type(model).__name__}, not a keras.Model")
    return model


def _with_form(network: Network, form: InputForm) -> Network:
    height, width, channels = network.graph.input_shape
    if channels not in (None, form.channels):
        raise InputFormError(f"{network.name}: takes {channels} channels, the input form has {form.channels}")
    return replace(network, form=replace(form, size=(height, width)) if form.size == (None, None) else form)


def _with_classes(network: Network, classes: Classes) -> Network:
    """Return the network with a name for each output: a given one, its own, or its number."""
    if classes is None and len(network.classes) == network.class_count:
        return network
    names = read_classes(Path(classes)) if isinstance(classes, (str, Path)) else classes
    if names is None:
        names = tuple(map(str, range(network.class_count)))
    named = replace(network, classes=tuple(names), aliases=())
    count = named.class_count or (named.output_layer.units if named.graph.steps else 0)
    if classes is not None and len(names) != count:
        source = classes if isinstance(classes, (str, Path)) else network.name
        outputs = f"{count} outputs" if named.head.kind != "binary" else "one output for two classes"
        raise ModelError(f"{source}: {len(names)} class names, the network has {outputs}")
    return named
