"""Options that several commands share, and the values they stand for.

Importing TensorFlow takes seconds, so functions that need it import it themselves.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

import dreamfilters
from dreamfilters.cli.help import of_images, of_model, of_output, of_recipe
from dreamfilters.cli.option_values import (
    existing_images,
    known_model,
    known_recipe,
    models,
    parse_size,
    recipe_names,
    valid_size,
    writable_folder,
)
from dreamfilters.cli.output import progress, say, status
from dreamfilters.errors import InputFormError

if TYPE_CHECKING:
    from dreamfilters.dreams.default_recipes import DefaultRecipes
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.images import ImageFolder
    from dreamfilters.networks import Network
    from dreamfilters.networks.classes.accuracy import Accuracy
    from dreamfilters.progress import OnProgress, Progress
    from dreamfilters.runs.storage.run_folder import RunKind
    from dreamfilters.runs.storage.run_result import RunResult

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
    of_model(metavar="JSON", help="Architecture from model.to_json(), for a file that holds only weights."),
]
Images = Annotated[
    Path,
    typer.Argument(metavar="IMAGES", help="Folder of images, at any depth, or an image.", callback=existing_images),
]
ImagesOrSamples = Annotated[
    Path | None,
    typer.Argument(
        metavar="[IMAGES]",
        help="Folder of images, at any depth, or an image; default for signs: rendered samples.",
        callback=existing_images,
    ),
]
Labels = Annotated[
    Path | None, of_images(metavar="CSV", help="File with path and class of each image; default: the folder names.")
]
Layers = Annotated[
    list[str] | None, typer.Option("--layers", metavar="NAME,...", help="Names of layers; default: all.")
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="N|HxW", help="Image size in pixels, for a network that accepts any size.", callback=valid_size
    ),
]
Seed = Annotated[int, of_recipe(help="Random seed of the dreams.")]
AsJson = Annotated[bool, of_output("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, of_output("--quiet", "-q", help="Hide the progress bar.")]
Verbose = Annotated[
    bool, of_output("--verbose", "-v", help="Print versions, input form and what was changed to read an old file.")
]


class StoredJob(Protocol):
    """A job that a module in `runs/` runs."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that decides the bytes of the run's files."""


Job = TypeVar("Job", bound=StoredJob, contravariant=True)
Value = TypeVar("Value")


class Run(Protocol[Job, Value]):
    """The function `run` of a module in `runs/`."""

    def __call__(self, job: Job, folder: Path, *, force: bool, progress: OnProgress | None) -> RunResult[Value]:
        """Run a job in a folder."""


@dataclass(frozen=True)
class ModelOptions:
    """The options of every command that loads a model.

    A command takes them as one parameter; `with_option_groups` turns the fields into options.
    """

    trust: Trust = False
    imports: Imports = None
    architecture: Architecture = None
    classes: Annotated[Path | None, of_model(metavar="FILE", help="File of class names: text, JSON or CSV.")] = None
    form: Annotated[
        Path | None,
        of_model(metavar="FILE", help="TOML file with the input form; default: model.toml beside the model."),
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
            "file; default: zeros. May be repeated.",
        ),
    ] = None
    output: Annotated[
        str | None, of_model(metavar="NAME", help="Class output of a model with several; default: a softmax.")
    ] = None
    verbose: Verbose = False

    def check(self, command: str) -> None:
        """Raise InputFormError if two options contradict each other."""
        _ = self.settings

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

    def _other_inputs(self) -> dict[str, float | Path]:
        """Return the value of each `--input NAME=VALUE`: a number, or the path of a file."""
        images = [name for name in self.input or () if "=" not in name]
        if len(images) > 1:
            options = " ".join(f"--input {name}" for name in images)
            raise InputFormError(f"{options}: one input takes the image; give the others a value, NAME=VALUE")
        held: dict[str, float | Path] = {}
        for given in self.input or ():
            name, equals, value = given.partition("=")
            if equals:
                try:
                    held[name] = float(value)
                except ValueError:
                    held[name] = Path(value).absolute()
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


@dataclass(frozen=True)
class RecipeOptions:
    """The options of every command that dreams by a recipe."""

    recipe: Annotated[
        str | None,
        of_recipe(
            "--recipe",
            metavar="NAME|FILE",
            help="Recipe name or TOML file, see `dreamfilters recipes`; default: natural for classes, else standard.",
            callback=known_recipe,
            autocompletion=recipe_names,
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        of_recipe("--set", metavar="KEY=VALUE", help="Change a setting of the recipe; may be repeated."),
    ] = None
    seed: Seed = 0

    def chosen(self, *more: str) -> Recipe | DefaultRecipes:
        """Return the recipe; `more` are settings of other options."""
        from dreamfilters.dreams.default_recipes import DefaultRecipes
        from dreamfilters.dreams.recipe import read_recipe

        settings = (*(self.settings or ()), *more)
        return DefaultRecipes(settings) if self.recipe is None else read_recipe(self.recipe, settings=settings)


@dataclass(frozen=True)
class RunOptions:
    """The options of every command that writes a run folder."""

    out: Annotated[
        Path | None,
        of_output(
            "--out",
            metavar="DIR",
            help="Output directory; default: outputs/MODEL/COMMAND.",
            callback=writable_folder,
        ),
    ] = None
    force: Annotated[
        bool, of_output("--force", help="Replace another run in the output directory; other files stay.")
    ] = False
    as_json: AsJson = False
    quiet: Quiet = False

    def check(self, command: str) -> None:
        """Raise OutputError if the output directory holds something else than results of this command."""
        from dreamfilters.runs.storage.run_folder import check_holds_no_other

        if self.out is not None and self.out.is_dir():
            check_holds_no_other(self.out, command, force=self.force)

    def run(self, kind: RunKind, network: Network, run: Run[Job, Value], job: Job) -> RunResult[Value]:
        """Return the result of a job, which is run in the output directory with a progress bar."""
        from dreamfilters.runs.storage.file_names import default_folder
        from dreamfilters.runs.storage.run_folder import free_folder

        default = self.out or default_folder(network.name, kind.command)
        folder = default if self.out or self.force else free_folder(default, kind, job.settings)
        lines = iter([network.describe_input()])  # printed once the job has been checked
        with progress(kind.command, self.quiet) as report:

            def on_progress(now: Progress) -> None:
                say(next(lines, ""))
                report(now)

            result = run(job, folder, force=self.force, progress=on_progress)
        say(next(lines, ""))
        if folder != default:
            say(f"{default} holds another run; the output directory is {folder}")
        return result


def import_tensorflow() -> None:
    """Import TensorFlow without hints for developers, such as "retracing is expensive"."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    importlib.import_module("dreamfilters.backend")


def images_or_samples(model: str, images: Path | None) -> Path:
    """Return the images that are given, else the folder with the samples of the built-in network."""
    from dreamfilters.errors import ImageError
    from dreamfilters.signs.rendering.scenes import write_samples

    if images is not None:
        return images
    if model != "signs":
        raise ImageError(f"{model}: no images; give an image or a folder of images as the last argument")
    folder = Path("outputs") / "samples"
    write_samples(folder)
    return folder


def labeled_images(network: Network, model: str, images: Path, labels: Path | None = None) -> ImageFolder:
    """Return the images of a folder, or a single one; print how many the network predicts correctly.

    Labels from a file have to name classes of the network; folder names do not.
    """
    from dreamfilters.evidence.accuracy import accuracy_of
    from dreamfilters.evidence.scan.sources import class_numbers
    from dreamfilters.images import image_folder

    found = image_folder(images, channels=network.form.channels, labels=labels)
    if labels is not None:
        class_numbers(network, found.labels)
    more = [] if labels is None else ["--labels", str(labels)]
    say_accuracy(accuracy_of(network, found), [model, str(images), *more])
    return found


def say_accuracy(accuracy: Accuracy | None, arguments: Sequence[str]) -> None:
    """Print the accuracy if there is one; a poor one as a warning, with the `arguments` of the command `inputs`."""
    if accuracy is not None:
        say(accuracy.warning(arguments) or accuracy.describe())
