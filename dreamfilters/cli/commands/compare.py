"""Commands that compare dreams with real images: `compare`, `measures`, `atlas`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.help import of_recipe
from dreamfilters.cli.options.given_files import readable_image
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import (
    at_least,
    known_model,
    known_models,
    layer_names,
)
from dreamfilters.cli.output import (
    exit_if_failed,
    exit_if_stopped,
    failure_values,
    print_json,
    progress,
    say,
    table,
)

if TYPE_CHECKING:
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior
    from dreamfilters.networks import Network
    from dreamfilters.runs.by_unit.compare_run import UnitValues
    from dreamfilters.runs.storage.run_result import RunResult

Row: TypeAlias = tuple[str, ...]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="OTHER_MODEL", help="Second network that is shown the dreams, for transfer.", callback=known_model
    ),
]
Judges = Annotated[
    list[str] | None,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="Other network of the same classes that is shown the dreams of classes; may be repeated.",
        callback=known_models,
    ),
]
Seeds = Annotated[
    int,
    of_recipe(help="Dreams of each unit; the first is compared, all give the seed variation.", callback=at_least(1)),
]
Top = Annotated[int, typer.Option(help="Real images shown beside each dream.", callback=at_least(1))]


@with_option_groups
def compare(
    model: options.Model,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET... [IMAGES]",
            help="Targets such as conv6:12, conv6:0-15,42, conv6:12!max or class:STOP, then an image or a folder of "
            "images; default for signs: rendered samples.",
        ),
    ],
    against: Against = None,
    judges: Judges = None,
    image: Annotated[
        Path | None,
        typer.Option(metavar="IMAGE", help="Your own image, shown beside the others.", callback=readable_image),
    ] = None,
    *,
    recipe_options: options.RecipeOptions,
    learned: options.Learned = None,
    seeds: Seeds = 3,
    top: Top = 4,
    labels: options.Labels = None,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Compare dreams with real images that activate the same units.

    \b
    Examples:
      dreamfilters compare signs conv6:12 class:STOP
      dreamfilters compare signs conv6:0-15 images/ --image mine.jpg --seeds 5 --out outputs/conv6
      dreamfilters compare signs class:STOP images/ --against other.keras
      dreamfilters compare signs 'class:*' images/ --judge other.keras --judge third.h5

    Writes one offline page: each dream beside the strongest images with all maps on one scale, the histogram of real
    responses, and every measure (see `measures`). Exit code 3 if some images could not be read.
    """
    prior = recipe_options.prior(learned, model)
    targets, images = options.targets_and_images(model, words)
    import_backend()
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.comparison.result import means_of, summary_lines
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import read_image
    from dreamfilters.runs.by_unit.compare_run import KIND, CompareJob, run

    network = model_options.network(model)
    other = next(_others([against] if against else [], model_options), None)
    form = network.form
    user_image = None if image is None else (image.name, read_image(image, channels=form.channels, bits=form.bits))
    found = options.labeled_images(network, model, images, labels, model_words=model_options.words)
    source = source_of(found)
    plan = ComparePlan(
        network, tuple(targets), source, recipe_options.chosen(), recipe_options.seed, seeds, top, other, user_image,
        tuple(_others(judges, model_options)), prior,
    )  # fmt: skip
    _warn_of_other_images(prior, found, run_options.quiet)
    with executor_options.executor() as executor:
        job = CompareJob(plan, model, against or "", executor=executor)
        result = run_options.run(KIND, network, run, job)
    means = means_of(unit["numbers"] for unit in result.value)
    values = {"units": [unit["row"] for unit in result.value], "means": means}
    for line in () if run_options.as_json else summary_lines(means):
        say(line)
    _print(result, values, _figure_rows(result.value), len(source.names), run_options.as_json)


def measures(as_json: options.AsJson = False) -> None:
    """List the measures of `compare` and what each needs.

    \b
    Example:
      dreamfilters measures
    """
    import_backend()
    from dreamfilters.comparison.measures.registry import MEASURES

    found = MEASURES.values()
    if as_json:
        fields = ("name", "title", "meaning")
        print_json([{**{key: getattr(one, key) for key in fields}, "needs": sorted(one.needs)} for one in found])
    else:
        table(("measure", "needs", "meaning"), [(one.name, ", ".join(sorted(one.needs)), one.meaning) for one in found])


@with_option_groups
def atlas(
    model: options.Model,
    images: options.ImagesOrSamples = None,
    layers: options.Layers = None,
    against: Against = None,
    judges: Judges = None,
    *,
    recipe_options: options.RecipeOptions,
    learned: options.Learned = None,
    seeds: Seeds = 2,
    top: Top = 4,
    labels: options.Labels = None,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Compare every unit of a network with real images and judge it.

    \b
    Examples:
      dreamfilters atlas signs
      dreamfilters atlas signs images/ --layers conv5,conv6 --out outputs/mine

    Writes an index page and a page for every unit: dream, real images, measures and verdict. Run the same command
    again to resume a stopped atlas. Exit code 3 if some images could not be read.
    """
    prior = recipe_options.prior(learned, model)
    images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.runs.by_unit.atlas_run import KIND, AtlasSummary, atlas_job, run

    network = model_options.network(model)
    other = next(_others([against] if against else [], model_options), None)
    shown_to = tuple(_others(judges, model_options))
    source = options.labeled_images(network, model, images, labels, model_words=model_options.words)
    job = atlas_job(
        network, source, spec=model, layers=layer_names(layers), recipe=recipe_options.chosen(),
        seed=recipe_options.seed, seeds=seeds, top=top, against=None if other is None else (against or "", other),
        judges=shown_to, prior=prior,
    )  # fmt: skip
    _warn_of_other_images(prior, source, run_options.quiet)
    with executor_options.executor() as executor:
        result = run_options.run(KIND, network, run, replace(job, executor=executor))
    summary = result.value or AtlasSummary({}, 0, {})
    losing = summary.losing
    rows: list[Row] = [("verdict", "units"), *((kind, str(count)) for kind, count in summary.counts.items())]
    loses = f"{losing} {'dream loses' if losing == 1 else 'dreams lose'} to a real image" if losing else ""
    for line in () if run_options.as_json else (loses, *summary.lines):
        say(line)
    _print(result, vars(summary), rows, len(source), run_options.as_json)


COMMANDS = (compare, measures, atlas)


def _others(models: list[str] | None, model_options: options.ModelOptions) -> Iterator[Network]:
    """Yield other networks, and print the input form of each."""
    for model in models or ():
        other = model_options.of_other().network(model)
        say(other.describe_input())
        yield other


def _warn_of_other_images(prior: LearnedPrior | None, images: Any, quiet: bool) -> None:
    """Print a line if the dreams look like other images than those that they are compared with."""
    if prior is not None:
        from dreamfilters.dreams.priors.fitting import warning_of_other_images

        with progress("prior", quiet) as report:
            line = warning_of_other_images(prior, images, progress=report)
        if line:
            say(line)


def _print(result: RunResult[Any], values: dict[str, Any], rows: list[Row], images: int, as_json: bool) -> None:
    """Print the values as JSON or the rows as a table, and the path of the page."""
    exit_if_stopped(result.stopped, result.done, result.total, "units")
    page = result.folder / "index.html"
    if as_json:
        print_json({"page": str(page), **values, "failures": failure_values(result.failures)})
    else:
        table(rows[0], rows[1:])
        typer.echo(page)
    exit_if_failed(result.failures, result.folder / "manifest.json", count=images)


def _figure_rows(units: Sequence[UnitValues]) -> list[Row]:
    """Return a head and a row a unit: the figure of every measure that has one for some unit, and the flags."""
    known = dict.fromkeys(name for unit in units for name, figure in unit["figures"].items() if figure != "–")
    rows = [
        (unit["row"]["target"], *(unit["figures"].get(name, "") for name in known), "; ".join(unit["flags"]))
        for unit in units
    ]
    return [("target", *known, ""), *rows]
