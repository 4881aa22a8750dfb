"""The command line: text in, one call of the API, text out.

TensorFlow takes seconds to import, so whatever needs it is imported inside the commands. Data go to stdout, messages
to stderr; bad input is one line and exit code 2, Ctrl-C is 130.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

import dreamfilters
from dreamfilters.errors import DreamfiltersError, InputFormError

if TYPE_CHECKING:
    from dreamfilters.networks import LayerInfo, Network
    from dreamfilters.runs.jobs import Finished, Job
    from dreamfilters.runs.store import Entry

    Progress: TypeAlias = Callable[[float, float, str], None]  # done, of how much (0: not known), what

app = typer.Typer(
    name="dreamfilters",
    help="""Shows what an image network has learned: dreams of its filters and classes.

    \b
    Examples:
      dreamfilters demo
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters layers net.keras
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug keeps Python's own traceback
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MODEL_HELP = "signs (built in), a .keras or .h5 file, applications:NAME[:random], or module:function."

Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL_HELP)]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let the model run code of its own (Lambda layers, module:function).")
]
Classes = Annotated[Path | None, typer.Option(metavar="FILE", help="Class names: text, JSON or CSV.")]
Input = Annotated[
    Path | None, typer.Option("--input", metavar="FILE", help="The input form in TOML, as model.toml beside the model.")
]
Range = Annotated[
    tuple[float, float] | None,
    typer.Option("--range", metavar="LOW HIGH", help="What black and white are to the network."),
]
Order = Annotated[str | None, typer.Option(metavar="RGB|BGR|grey", help="The order of the network's channels.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def main() -> None:
    """Run the command line; every error made on purpose becomes one line."""
    try:
        app()
    except DreamfiltersError as error:
        print(f"error: {_printable(' '.join(str(error).split()))}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(dreamfilters.__version__)
        raise typer.Exit


@app.command()
def dream(
    model: Model,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET", help="conv6:12  conv6:0-15,42  conv6  class:STOP  layer:conv4")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model> by itself.")] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="How; see `dreamfilters recipes`.")] = "standard",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance; the same seed gives the same pictures.")] = 0,
    batch: Annotated[int | None, typer.Option(help="Pictures at a time; measured by itself.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Canvas in pixels; the network's own by itself.")
    ] = None,
    prior_from: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Take colours and spectrum of these pictures.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="PHOTO", help="Start from a photograph instead of noise.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Also write an animated GIF of so many frames.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another run in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    trust: Trust = False,
    classes: Classes = None,
    input_file: Input = None,
    value_range: Range = None,
    order: Order = None,
) -> None:
    """Dream the pictures that excite filters or classes most.

    Each becomes a PNG that tells how it was made, beside a contact sheet and a manifest. A run that was stopped goes on
    when the same command is given again.

    \b
    Examples:
      dreamfilters dream signs conv6:0-15 class:STOP
      dreamfilters dream signs 'class:"Vorfahrt achten"' --recipe natural --size 96
      dreamfilters dream net.keras "conv4:3 - 0.5*conv4:7" --range -1 1 --seed 7 --out outputs/mine
      dreamfilters dream signs --recipe deepdream --start photo.jpg layer:conv4
      dreamfilters dream signs -- -conv6:3
    """
    _wake()
    from dreamfilters.runs.jobs import run

    network = _network(model, trust, classes, _form(input_file, value_range, order))
    asked = [*(settings or []), *([_size(size)] if size else [])]
    job = _job(
        network,
        model,
        targets,
        (recipe, asked),
        seed=seed,
        batch=batch,
        prior_from=prior_from,
        start=start,
        frames=frames,
    )
    with _progress("pictures", quiet) as watcher:
        finished = run(job, out or _folder_for(network), force=force, watcher=watcher)
    _say(network.assumed)
    _report(finished, as_json)


@app.command()
def again(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A PNG that `dream` wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the new picture here.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Where the network lies now, if it has moved.")
    ] = None,
    trust: Trust = False,
    quiet: Quiet = False,
) -> None:
    """Make a picture again and say if it is the same.

    A picture of `dream` holds all settings that made it. Exit code 0 if the new one has the same bytes, 1 if not.

    \b
    Examples:
      dreamfilters again outputs/signs/class-STOP-5f1c0a7be2.png
      dreamfilters again old.png --model moved/net.keras --out outputs/again
    """
    _wake()
    from dreamfilters.runs.repeating import job_of, repeat

    job = job_of(picture, model=model, trust=trust)
    with _progress("picture", quiet) as watcher:
        repetition = repeat(picture, job, out, watcher=watcher)
    if out is not None:
        typer.echo(repetition.entry.picture)
    typer.echo("the same bytes" if repetition.same else f"other bytes: {repetition.why}")
    raise typer.Exit(0 if repetition.same else 1)


@app.command()
def layers(
    model: Model,
    as_json: AsJson = False,
    trust: Trust = False,
    classes: Classes = None,
    input_file: Input = None,
    value_range: Range = None,
    order: Order = None,
) -> None:
    """List a network's layers and which can be dreamt.

    With type, output, units, activation and receptive field: what one place of the layer's map sees, in pixels.

    \b
    Examples:
      dreamfilters layers signs
      dreamfilters layers applications:MobileNetV2:random --json
    """
    _wake()
    network = _network(model, trust, classes, _form(input_file, value_range, order))
    _say(network.assumed)
    rows = [_layer_values(info) for info in network.layers]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    headings = ("name", "type", "output", "units", "activation", "receptive field", "dreamable")
    _table(headings, [_layer_row(row) for row in rows])


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this one as TOML.")] = None,
) -> None:
    """List the recipes, or print one to copy and change.

    \b
    Examples:
      dreamfilters recipes
      dreamfilters recipes standard > mine.toml
    """
    from dreamfilters.dreams import shelf

    if name is None:
        _table(("recipe", "when to use it"), [(known, shelf.description(known)) for known in shelf.names()])
    else:
        typer.echo(shelf.text(name)[0], nl=False)


@app.command()
def gtsrb(folder: Annotated[Path, typer.Argument(metavar="FOLDER")], quiet: Quiet = False) -> None:
    """Fetch the German traffic sign benchmark.

    From its public archive, with checksums, into class folders. A download that was stopped goes on where it was.

    \b
    Example:
      dreamfilters gtsrb data/gtsrb
    """
    from dreamfilters.signs.archive import fetch

    with _progress("gtsrb", quiet) as watcher:
        done = fetch(folder, progress=lambda what, part, whole: watcher(part, whole, what))
    typer.echo(done)


@app.command()
def samples(folder: Annotated[Path, typer.Argument(metavar="FOLDER")]) -> None:
    """Write the built-in sample pictures, rendered signs.

    Into class folders, at least three a class.

    \b
    Example:
      dreamfilters samples outputs/samples
    """
    from dreamfilters.signs.scenes import write_samples

    typer.echo(f"{len(write_samples(folder))} rendered pictures in {folder}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to.")] = Path("outputs/demo"), quiet: Quiet = False
) -> None:
    """Show what the built-in network has learned.

    Dreams of filters and classes beside the pictures that excite them, on one page. Needs no file and no network.

    \b
    Example:
      dreamfilters demo
    """
    _wake()
    from dreamfilters.comparison.demo import make_demo

    with _progress("demo", quiet) as watcher:
        page = make_demo(out, progress=lambda what, share: watcher(share, 1, what))
    typer.echo(page)


# ---------------------------------------------------------------------------------------------------------------------
# Text in


def _wake() -> None:
    """Import TensorFlow without what its C++ side writes to stderr before any setting for that is read.

    Its Python side is told to keep hints to programmers (such as "retracing is expensive") to itself.
    """
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


def _network(model: str, trust: bool, classes: Path | None, form: Path | Mapping[str, Any] | None) -> Network:
    from dreamfilters.networks import load

    return load(model, trust=trust, form=form, classes=None if classes is None else classes.absolute())


def _form(
    input_file: Path | None, value_range: tuple[float, float] | None, order: str | None
) -> Path | Mapping[str, Any] | None:
    flags = {"range": value_range, "order": order}
    said = {key: value for key, value in flags.items() if value is not None}
    if input_file is not None and said:
        raise InputFormError(f"--input {input_file}: give either the file or --{' and --'.join(said)}")
    return input_file or said or None


def _size(text: str) -> str:
    """Turn '96' or '64x96' into a setting of the recipe."""
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise InputFormError(f"--size {text}: one side in pixels such as 96, or HEIGHTxWIDTH such as 64x96")
    return f"parameterization.size={sides[0] if len(sides) == 1 else [int(side) for side in sides]}"


def _job(
    network: Network, model: str, targets: list[str], how: tuple[str, list[str]], *, seed: int, batch: int | None,
    prior_from: Path | None, start: Path | None, frames: int,
) -> Job:  # fmt: skip
    from dreamfilters import images
    from dreamfilters.dreams import recipe
    from dreamfilters.runs.jobs import Job, measured_prior

    chosen = recipe.read(how[0], settings=how[1])
    photograph = None if start is None else images.read(start, channels=network.form.picture_channels)
    prior, failures = (None, ()) if prior_from is None else measured_prior(network, chosen, prior_from)
    for failure in failures:
        _say(failure)
    return Job(network, model, tuple(targets), chosen, seed, prior, photograph, frames, batch)


def _folder_for(network: Network) -> Path:
    from dreamfilters.runs.naming import readable

    return Path("outputs") / readable(network.name, "network")


# ---------------------------------------------------------------------------------------------------------------------
# Text out


def _report(finished: Finished, as_json: bool) -> None:
    """Print one line a picture; a run that was stopped ends with code 130."""
    if as_json:
        keys = ("target", "score", "robust", "steps", "woken", "rescued", "note")
        rows = [{**{key: e.record[key] for key in keys}, "picture": str(e.picture)} for e in finished.entries]
        typer.echo(json.dumps({"pictures": rows, "missing": finished.missing}, indent=1, ensure_ascii=False))
    elif finished.entries:
        _table(("target", "score", "robust", "steps", "seconds", ""), [_entry_row(entry) for entry in finished.entries])
        typer.echo(finished.folder / "contact-sheet.png")
    if finished.stopped:
        _say(f"stopped with {len(finished.missing)} pictures missing; give the same command again to go on")
        raise typer.Exit(130)


def _entry_row(entry: Entry) -> tuple[str, ...]:
    record = entry.record
    numbers = ("nan" if record[key] is None else f"{record[key]:.4g}" for key in ("score", "robust"))
    seconds = "kept" if entry.seconds is None else f"{entry.seconds:.2f}"
    remark = record["note"] or (f"rescued by {record['rescued']}" if record["rescued"] else "")
    return (record["target"], *numbers, str(record["steps"]), seconds, remark)


def _layer_values(info: LayerInfo) -> dict[str, Any]:
    field = info.receptive_field
    return {
        "name": info.name,
        "type": info.type,
        "output": list(info.shape),
        "units": info.units,
        "activation": info.activation,
        "receptive_field": None if field is None else list(field.size),
        "dreamable": info.dreamable,
        "reason": info.reason,
    }


def _layer_row(values: Mapping[str, Any]) -> tuple[str, ...]:
    output = "x".join("?" if side is None else str(side) for side in values["output"])
    field = "x".join(map(str, values["receptive_field"])) if values["receptive_field"] else "whole image"
    dreamable = "yes" if values["dreamable"] else f"no: {values['reason']}"
    return (values["name"], values["type"], output, str(values["units"]), values["activation"], field, dreamable)


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print columns, each as wide as its longest cell; other programs can read them too."""
    lines = [headings, *[tuple(map(_printable, row)) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Progress]:
    """Show a bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False)
    bar = Progress(
        text,
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)

        def watcher(done: float, total: float, now: str) -> None:
            bar.update(task, completed=done, total=total or None, description=_printable(now)[:40])

        yield watcher


def _say(message: str) -> None:
    if message:
        typer.echo(_printable(message), err=True)


def _printable(text: str) -> str:
    """Return the text without anything that could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
