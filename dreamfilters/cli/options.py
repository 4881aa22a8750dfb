"""Text in: the options that commands share, and what they mean.

TensorFlow takes seconds to import, so whatever needs it is imported inside functions.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from dreamfilters.cli.output import say
from dreamfilters.errors import InputFormError

if TYPE_CHECKING:
    from dreamfilters.networks import Network

_MODEL_HELP = (
    "signs (built in), a .keras or .h5 file or SavedModel folder, applications:NAME[:random], or module:function."
)

Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL_HELP)]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let the model run code of its own (Lambda layers, module:function).")
]
Architecture = Annotated[
    Path | None,
    typer.Option(metavar="JSON", help="The layers, as model.to_json() wrote them, for a file of weights only."),
]
Layers = Annotated[list[str] | None, typer.Option("--layers", metavar="NAME,...", help="Just these layers.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what an old file needed to be read by this Keras.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def layer_names(given: list[str] | None) -> tuple[str, ...] | None:
    """Return the layers that were named, one or several an option; None for none.

    >>> layer_names(["conv1, conv2", "dense"])
    ('conv1', 'conv2', 'dense')
    """
    names = (name.strip() for part in given or () for name in part.split(","))
    return tuple(dict.fromkeys(filter(None, names))) or None


@dataclass(frozen=True)
class ModelOptions:
    """The options of every command that takes MODEL: how it is opened and how images become its input.

    A command takes them as one parameter, `opening`; `with_model_options` makes options of the fields.
    """

    trust: Trust = False
    architecture: Architecture = None
    verbose: Verbose = False
    classes: Annotated[Path | None, typer.Option(metavar="FILE", help="Class names: text, JSON or CSV.")] = None
    form: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The input form in TOML, as model.toml beside the model.")
    ] = None
    range: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="What black and white are to the network."),
    ] = None
    order: Annotated[
        str | None, typer.Option(metavar="RGB|BGR|gray|equalized", help="The order of the network's channels.")
    ] = None

    input: Annotated[
        str | None, typer.Option(metavar="NAME", help="The input that takes the image, of several; others get zeros.")
    ] = None
    output: Annotated[
        str | None, typer.Option(metavar="NAME", help="The output that holds the classes, of several.")
    ] = None

    def network(self, model: str) -> Network:
        """Return the network that MODEL and the options name."""
        from dreamfilters.networks import load

        network = load(model, **self.settings)
        if self.verbose:
            say("; ".join(network.changes) or "nothing had to be changed")
        say(network.remark)
        return network

    @property
    def settings(self) -> dict[str, Any]:
        """What the options say, as arguments of `load`."""
        return {
            "trust": self.trust,
            "architecture": self.architecture,
            "form": self._form(),
            "classes": None if self.classes is None else self.classes.absolute(),
            "input": self.input,
            "output": self.output,
        }

    def _form(self) -> Path | Mapping[str, Any] | None:
        """Return what is said of the input form, None for nothing."""
        flags = {"range": self.range, "order": self.order}
        said = {key: value for key, value in flags.items() if value is not None}
        if self.form is not None and said:
            raise InputFormError(f"--form {self.form}: give either the file or --{' and --'.join(said)}")
        return self.form or said or None


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the fields of each parameter that is a dataclass, such as `ModelOptions`, in its place.

    So typer, which reads signatures, offers them as options, and no command repeats them.
    """
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if dataclasses.is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += _parameters_of(parameter.annotation)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def spread_out(**given: Any) -> None:
        grouped = {
            name: group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        command(**given, **grouped)

    spread_out.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return spread_out


def _parameters_of(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        kind = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(field.name, kind, default=field.default, annotation=hints[field.name])


def import_tensorflow() -> None:
    """Import TensorFlow without what its C++ side writes to stderr before any setting for that is read.

    Its Python side is told to keep hints to programmers (such as "retracing is expensive") to itself.
    """
    if "dreamfilters.backend" in sys.modules:
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        importlib.import_module("dreamfilters.backend")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def folder_for(network: Network) -> Path:
    """Return where results go if nothing was said."""
    from dreamfilters.runs.storage.file_names import readable

    return Path("outputs") / readable(network.name, "network")


def sides_of(text: str) -> tuple[int, ...]:
    """Turn '96' into (96,) and '64x96' into (64, 96), height and width."""
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise InputFormError(f"--size {text}: one side in pixels such as 96, or HEIGHTxWIDTH such as 64x96")
    return tuple(map(int, sides))
