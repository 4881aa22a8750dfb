"""The options on the network: which model, how it is opened, and which of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dreamfilters
from dreamfilters.cli.help import of_model
from dreamfilters.cli.options.output import Verbose
from dreamfilters.cli.options.values import existing_file, known_model, models, parse_size
from dreamfilters.cli.output import say, status
from dreamfilters.errors import InputFormError, UsageError

if TYPE_CHECKING:
    from dreamfilters.networks import Network

_MODEL_HELP = (
    "signs (built-in), a .keras or .h5 file, a SavedModel folder, applications:NAME[:random], or module:function."
)

Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL_HELP, callback=known_model, autocompletion=models)]
Trust = Annotated[
    bool, of_model("--trust", help="Allow the model to run its own code (Lambda layers, module:function).")
]
Imports = Annotated[
    list[str] | None,
    of_model(
        "--import",
        metavar="MODULE",
        help="Python module with the custom layers of a model file, such as my_layers; may be repeated.",
    ),
]
Architecture = Annotated[
    Path | None,
    of_model(
        metavar="JSON",
        help="Architecture from model.to_json(), for a file that holds only weights.",
        callback=existing_file,
    ),
]
Layers = Annotated[
    list[str] | None, typer.Option("--layers", metavar="NAME,...", help="Names of layers; default: all.")
]
ScannedLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--layers",
        metavar="NAME,...",
        help="Names of layers, or '*' for every one with units. Default: all but those whose units another layer "
        "shows, such as a convolution and its normalization before an activation layer.",
    ),
]
AuditedLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--layers",
        metavar="NAME,...",
        help="Names of layers; they are scanned too. Default: those with an activation, and linear ones that none "
        "follows.",
    ),
]


_SAME = "image"  # that of `settings_file.THE_IMAGE`, whose module imports NumPy


@dataclass(frozen=True)
class ModelOptions:
    """The options of every command that loads a model.

    A command takes them as one parameter; `with_option_groups` turns the fields into options.
    """

    trust: Trust = False
    imports: Imports = None
    architecture: Architecture = None
    classes: Annotated[
        Path | None, of_model(metavar="FILE", help="File of class names: text, JSON or CSV.", callback=existing_file)
    ] = None
    form: Annotated[
        Path | None,
        of_model(
            metavar="FILE",
            help="TOML file with the input form; default: model.toml beside the model.",
            callback=existing_file,
        ),
    ] = None
    range: Annotated[
        tuple[float, float] | None, of_model(metavar="LOW HIGH", help="Input values of black and white.")
    ] = None
    order: Annotated[str | None, of_model(metavar="RGB|BGR|gray|equalized", help="Channel order of the input.")] = None
    bits: Annotated[
        int | None, of_model(help="Bits of the values in image files of 16 bits, such as 12; default: 16.")
    ] = None
    input_size: Annotated[
        str | None,
        of_model(
            metavar="HxW",
            help="Image size of a flat input, such as 28x28 for (784,), or of a model that was never called.",
        ),
    ] = None
    input: Annotated[
        list[str] | None,
        of_model(
            metavar="NAME[=VALUE]",
            help="Image input of a model with several. NAME=VALUE gives another input a number, an image or a .npy "
            "file, NAME=image the same image; default: zeros. May be repeated.",
        ),
    ] = None
    output: Annotated[
        str | None,
        of_model(metavar="NAME", help="Output with the classes, if the model has several; default: a softmax."),
    ] = None
    verbose: Verbose = False

    def check(self, command: str) -> None:
        """Raise the error of a wrong value, of a file that is not there, or of two options that contradict each other.

        Raises:
            InputFormError: the input form, or two inputs take the image.
            UsageError: no such file.
        """
        from dreamfilters.networks.preprocessing.channel_orders import check_bits, check_order, check_range

        settings = self.settings  # raises the error of options that contradict each other
        if self.order is not None:
            check_order(self.order)
        if self.bits is not None:
            check_bits(self.bits)
        if self.range is not None:
            check_range(*self.range)
        if self.form is not None:
            from dreamfilters.networks.preprocessing.settings_file import read_settings

            read_settings(self.form)
        for name, value in settings["inputs"].items():
            if isinstance(value, Path) and not value.is_file():
                raise UsageError(f"--input {name}={value.name}: neither a number nor a file; give a number or a file")

    def check_methods(self, names: Iterable[str]) -> None:
        """Raise UnknownNameError for an attribution method that is not built in, unless own code can register it."""
        from dreamfilters.attribution.methods.method_names import check_names

        if not (self.trust or self.imports):
            check_names(names)

    def network(self, model: str) -> Network:
        """Load the network."""
        from dreamfilters import backend
        from dreamfilters.networks import load

        with status(f"Loading {model}"):
            network = load(model, **self.settings)
        if self.verbose:
            versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
            say(f"dreamfilters {dreamfilters.__version__}, {versions}")
            say(f"{network.name}: {len(network.layers)} layers, takes {network.form.describe()}")
            say("; ".join(network.changes) or "nothing was changed")
        say(network.remark)
        return network

    def of_other(self) -> ModelOptions:
        """Return the options that hold for a second model too: those on the code that may run."""
        return ModelOptions(trust=self.trust, imports=self.imports)

    @property
    def settings(self) -> dict[str, Any]:
        """The options as arguments of `load`."""
        return {
            "trust": self.trust,
            "imports": tuple(self.imports or ()),
            "architecture": self.architecture,
            "form": self._form(),
            "classes": None if self.classes is None else self.classes.absolute(),
            "input": next((name for name in self.input or () if "=" not in name), None),
            "inputs": self._other_inputs(),
            "output": self.output,
        }

    @property
    def words(self) -> list[str]:
        """The options as words of a command that opens the same network."""
        from dreamfilters.networks.io.command_options import command_options

        return command_options(self.settings)

    def held(self) -> dict[str, float | str]:
        """Return the values of other inputs as `model.toml` has them."""
        return {name: value if isinstance(value, float) else str(value) for name, value in self._other_inputs().items()}

    def _other_inputs(self) -> dict[str, float | str | Path]:
        """Return the value of each `--input NAME=VALUE`: a number, the path of a file, or 'image' for the same one."""
        images = [name for name in self.input or () if "=" not in name]
        if len(images) > 1:
            options = " ".join(f"--input {name}" for name in images)
            raise InputFormError(f"{options}: one input takes the image; give the others a value, NAME=VALUE")
        held: dict[str, float | str | Path] = {}
        for given in self.input or ():
            name, equals, value = given.partition("=")
            if equals:
                try:
                    held[name] = float(value)
                except ValueError:
                    held[name] = value if value == _SAME else Path(value).absolute()
        return held

    def _form(self) -> Path | Mapping[str, Any] | None:
        """Return the input form that the options give, None without one."""
        size = parse_size(self.input_size, "--input-size")
        flags = {"range": self.range, "order": self.order, "bits": self.bits, "size": size}
        given = {key: value for key, value in flags.items() if value is not None}
        if self.form is not None and given:
            options = " and ".join("--input-size" if key == "size" else f"--{key}" for key in given)
            raise InputFormError(f"--form {self.form}: give either the file or {options}")
        return self.form or given or None
