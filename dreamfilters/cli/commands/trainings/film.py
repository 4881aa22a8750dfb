"""The command `film`: how a network changed while it learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.help import of_images
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, existing_images, layer_names, valid_seed, valid_targets
from dreamfilters.cli.output import exit_if_stopped, print_json, say, table
from dreamfilters.errors import UsageError
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.networks import Network
    from dreamfilters.runs.storage.run_result import RunResult
    from dreamfilters.training.film_sources import CheckpointLooks
    from dreamfilters.training.history import Training
    from dreamfilters.training.looker import Looker

_EVENTS = 20  # lines in the terminal


def _valid_units(units: list[str] | None) -> list[str] | None:
    return units and valid_targets(units)


def _valid_pair(given: str | None) -> str | None:
    if given is not None and given.count(",") != 1:
        raise UsageError(f"--between {given}: give two looks, such as 3,10")
    return given


@with_option_groups
def film(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="TRAINING | CHECKPOINTS...",
            help="Folder that TrainingMonitor wrote; or files of one architecture, or a folder of them.",
        ),
    ],
    images: Annotated[
        Path | None,
        of_images("--images", metavar="DIR", help="Images that checkpoints are shown.", callback=existing_images),
    ] = None,
    labels: options.Labels = None,
    layers: options.Layers = None,
    units: Annotated[
        list[str] | None,
        typer.Option(
            "--units", metavar="TARGET", help="Unit to dream, such as conv4:3; may be repeated.", callback=_valid_units
        ),
    ] = None,
    most: Annotated[int, typer.Option(metavar="N", help="Greatest number of images.", callback=at_least(1))] = 128,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Two looks to compare, such as 3,10; default: first and last.", callback=_valid_pair
        ),
    ] = None,
    gif: Annotated[bool, typer.Option("--gif", help="Write the animation as GIF instead of WebP.")] = False,
    seed: Annotated[int, typer.Option(help="Random seed of the dreams.", callback=valid_seed)] = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show how a network changed while it learned.

    \b
    Examples:
      dreamfilters film outputs/net/training
      dreamfilters film checkpoints/ --images images/ --units conv4:3
      dreamfilters film epoch1.keras epoch2.keras epoch10.keras --images images/ --range -1 1

    Writes the dreams over time as an animation and a strip, the verdicts of every unit over time, tables, and a page
    with a slider. Prints what happened: units that stopped or began to respond, layers whose weights did not change,
    jumps of the loss and of the accuracy. Checkpoints are sorted naturally, and share the options on the model. The
    same command resumes an interrupted film.

    \b
    Next:
      dreamfilters diff epoch1.keras epoch10.keras images/
    """  # fmt: skip
    is_training = len(sources) == 1 and (Path(sources[0]) / "manifest.json").exists()
    if not is_training and images is None:
        raise UsageError(f"{sources[0]}: checkpoints need images; add --images DIR")
    for source in sources:
        if not Path(source).exists():
            raise UsageError(f"{source}: no such file or folder; give the folder of a training, or checkpoints")
    import_backend()
    if is_training or images is None:  # checkpoints have images
        from dreamfilters.training.film_sources import StoredLooks

        found: StoredLooks | CheckpointLooks = StoredLooks(Path(sources[0]))
        found.check()
        if images or labels or layers or units:
            stored = "--images, --labels, --layers and --units are for checkpoints"
            raise UsageError(f"{sources[0]}: its looks are stored; {stored}")
    else:
        found = _checkpoints(sources, images, labels, layers, units, most, seed, model_options)
    from dreamfilters.training.film_run import KIND, FilmJob, run

    pair = None if between is None else (between.split(",")[0].strip(), between.split(",")[1].strip())
    job = FilmJob(found, pair, "gif" if gif else "webp")
    job.check()
    first = "" if is_training else found.looker.network.describe_input()  # type: ignore[union-attr]
    _print(run_options.run_of(KIND, str(found.model["name"]), first, run, job), run_options.as_json)


COMMANDS = (film,)


def _checkpoints(
    sources: list[str],
    images: Path,
    labels: Path | None,
    layers: list[str] | None,
    units: list[str] | None,
    most: int,
    seed: int,
    model_options: options.ModelOptions,
) -> CheckpointLooks:
    from dreamfilters.training.film_sources import CheckpointLooks, checkpoint_paths

    paths = checkpoint_paths(sources)
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.evidence.unit_statistics import sample_of
    from dreamfilters.images import image_folder
    from dreamfilters.training.looker import Looker, look_recipe

    def looker_of(network: Network) -> Looker:
        source = source_of(image_folder(images, channels=network.form.channels, labels=labels))
        sample = sample_of(network, source, most)
        say(sample.remark)
        return Looker(network, sample, layer_names(layers), units, look_recipe(), seed)

    return CheckpointLooks(paths, lambda path: model_options.network(str(path)), looker_of)


def _print(result: RunResult[Training | None], as_json: bool) -> None:
    from dreamfilters.serialization import plain
    from dreamfilters.training.findings import training_events

    exit_if_stopped(result.stopped, result.done, result.total, "looks")
    assert result.value is not None  # it was not stopped
    training = result.value
    events = training_events(training)
    if as_json:
        print_json({"folder": str(result.folder), "looks": training.rows(), "events": plain(events)})
        return
    table(
        ("look", "units that respond", "loss", "accuracy"), [_row(training, number) for number in range(result.total)]
    )
    for event in events[:_EVENTS]:
        typer.echo(event.sentence)
    if len(events) > _EVENTS:
        typer.echo(f"{len(events) - _EVENTS} more are in events.csv")
    typer.echo(result.folder / "index.html")


def _row(training: Training, number: int) -> tuple[str, ...]:
    look = training.looks[number]
    accuracy, loss = training.accuracy(look), look.logs.get("loss")
    return (
        look.name,
        f"{int(look.responding.sum())} of {len(look.verdicts)}",
        "" if loss is None else f"{loss:.4g}",
        "" if accuracy is None else percent(accuracy, 1),
    )
