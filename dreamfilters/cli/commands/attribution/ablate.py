"""The command `ablate`: how accuracy changes without a unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, valid_seed
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, status, table
from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.attribution.ablation.result import Ablation, Effect, How
    from dreamfilters.attribution.ablation.witness import OcclusionWitness
    from dreamfilters.attribution.circuits.weights.partner import Partner
    from dreamfilters.attribution.fills import Fill
    from dreamfilters.evidence.scan.sources import ImageSource
    from dreamfilters.networks import Network
    from dreamfilters.runs.storage.run_result import RunResult

_LISTED = 12  # units of a layer that are printed; the page and the CSV file list more
_CLASSES = 2  # of a unit


def _valid_how(how: str) -> str:
    from dreamfilters.attribution.ablation.result import HOW

    if how not in HOW:
        raise RecipeError(f"--how {how}: must be one of {', '.join(HOW)}")
    return how


def _valid_fill(fill: str | None) -> str | None:
    from dreamfilters.attribution.fills import FILLS

    if fill is not None and fill not in FILLS:
        raise RecipeError(f"--witness {fill}: must be one of {', '.join(FILLS)}")
    return fill


@with_option_groups
def ablate(
    model: options.Model,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="UNITS... [IMAGES]",
            help="Units such as conv4:3, conv4:0-15,42 or conv4 for all of them, then a folder of labeled images; "
            "default for signs: rendered samples.",
        ),
    ],
    how: Annotated[
        str,
        typer.Option(
            metavar="zero|mean|resample|partner",
            help="What replaces the output of a unit: 0, its mean, its map of another image, or the map of the most "
            "similar unit of its layer.",
            callback=_valid_how,
        ),
    ] = "zero",
    redundant: Annotated[
        bool,
        typer.Option(
            "--redundant",
            help="Of these units, ablate those that another one can replace: with weights or responses of a similarity "
            "of 0.95 or more. Implies --how partner.",
        ),
    ] = False,
    controls: Annotated[
        int, typer.Option(help="Random ablations of each size, for comparison.", callback=at_least(0))
    ] = 10,
    witness: Annotated[
        str | None,
        typer.Option(
            metavar="mean|gray|black|blur",
            help="Also mask the place of each unit's strongest response, and say whether it loses the response.",
            callback=_valid_fill,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the controls and of resample.", callback=valid_seed)] = 0,
    labels: options.Labels = None,
    batch: Annotated[
        int | None, typer.Option(help="Batch size; it does not change the results.", callback=at_least(1))
    ] = None,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Measure how the accuracy changes without a unit.

    \b
    Examples:
      dreamfilters ablate signs conv4:3 images/
      dreamfilters ablate signs conv4 images/ --how mean --out outputs/conv4
      dreamfilters ablate net.keras conv4:0-7 conv5:2 images/ --labels labels.csv
      dreamfilters ablate signs conv5 images/ --redundant

    Replaces the output of each unit, and prints the change of the accuracy over all images and by class, with 95 %
    intervals, and that of the margin. Several units are also ablated together, and random units of the same layer for
    comparison. --witness also tests whether each unit responds to the place that its map names. The same command
    resumes an interrupted ablation. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters circuit signs conv4:3
    """
    if len(words) == 1 and Path(words[0]).exists():
        raise TargetError(_units_missing(model_options.network(model), words[0]))
    targets, images = options.targets_and_images(model, words)
    import_backend()
    from dreamfilters.attribution.ablation.ablation_job import AblationJob
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.runs.over_images.ablation_run import KIND, run, stored_ablation

    network = model_options.network(model)
    source = source_of(options.labeled_images(network, model, images, labels, model_words=model_options.words))
    chosen, mask = cast("How", "partner" if redundant else how), cast("Fill | None", witness)
    if redundant:
        targets = _redundant(network, targets, source)
    job = AblationJob(network, tuple(targets), source, chosen, controls, seed, mask, batch)
    _print(run_options.run(KIND, network, run, stored_ablation(job, model)), run_options.as_json)


COMMANDS = (ablate,)


def _units_missing(network: Network, images: str) -> str:
    """Return the error of a command without units, which names some of the network."""
    from dreamfilters.dreams.objectives.units import quoted

    known = [info.name for info in network.layers if info.dreamable and info.units and info.kind != "vector"]
    layer = quoted((known or [info.name for info in network.layers if info.units])[-1])
    return f"{images}: name the units before the images, such as {layer}:0, {layer}:0-3 or {layer} for all of its units"


def _redundant(network: Network, targets: Sequence[str], source: ImageSource) -> list[str]:
    """Return those of the named units that another one can replace, as targets.

    Raises:
        TargetError: there are none.
    """
    from dreamfilters.attribution.ablation.ablated_sets import units_of_targets
    from dreamfilters.attribution.circuits.weights.redundancy import redundant_units
    from dreamfilters.dreams.objectives.units import quoted
    from dreamfilters.evidence.scan.sources import image_size

    named = units_of_targets(network, targets)
    fitted = source.fitted(image_size(source, network.form), network.form)
    with status("Comparing the units"):
        images = (image for _, image in fitted.only(range(len(source.names))))
        found = redundant_units(network, list(named), images)
    chosen = [one for one in found if one.unit in named[one.layer]]
    if not chosen:
        raise TargetError(f"{', '.join(targets)}: none of these units is redundant; try other layers")
    return [f"{quoted(one.layer)}:{one.unit}" for one in chosen]


def _print(result: RunResult[Ablation | None], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total)
    found = result.value
    assert found is not None  # it was not stopped
    if as_json:
        values = found.as_values()
        print_json({"folder": str(result.folder), "failures": failure_values(result.failures), **values})
    else:
        headings = (
            "units", "accuracy change, points", "lost", "gained", "p", "margin change", "exceeds", "replaced by",
            "witness", "classes",
        )  # fmt: skip
        table(headings, [row for layer in found.layers for row in _rows(found, layer.name)])
        typer.echo(f"{found.images} images, accuracy {percent(found.accuracy, 1)}: {result.folder / 'index.html'}")
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _rows(found: Ablation, layer: str) -> list[tuple[str, ...]]:
    """Return the lines of a layer: the units with the largest loss, all of them together, and random ones."""
    units = found.of(layer, "unit")
    rows = [_row(one, found.partner(one.ablated), found.witness(one.ablated)) for one in units[:_LISTED]]
    if len(units) > _LISTED:
        rows.append((f"{len(units) - _LISTED} more units", *[""] * 9))
    rows += [_row(one) for one in found.of(layer, "together")]
    random = found.of(layer, "random")
    for size in sorted({len(one.ablated.units) for one in random}):
        rows.append(_random([one for one in random if len(one.ablated.units) == size], layer))
    return rows


def _row(one: Effect, partner: Partner | None = None, witness: OcclusionWitness | None = None) -> tuple[str, ...]:
    from dreamfilters.attribution.ablation.result import percent_points

    units, accuracy, margin = one.ablated.units, one.accuracy, one.margin
    classes = [
        f"{one.classes[index]} {100 * one.accuracy_by_class.value[index]:+.1f}" for index in one.most_changed[:_CLASSES]
    ]
    return (
        one.ablated.name if len(units) == 1 else f"{one.ablated.layer}, all {len(units)}",
        percent_points(accuracy),
        str(one.lost.sum()),
        str(one.gained.sum()),
        f"{one.p_value:.2g}",
        f"{margin.value:+.3g} [{margin.low:+.3g}, {margin.high:+.3g}]",
        f"{one.exceeded} of {one.references}" if one.references else "",
        "" if partner is None else partner.describe(),
        "" if witness is None else witness.verdict,
        ", ".join(classes),
    )


def _random(group: Sequence[Effect], layer: str) -> tuple[str, ...]:
    """Return the line of random ablations of one size: the mean and the range of their changes."""
    size = len(group[0].ablated.units)
    accuracy = [100 * float(one.accuracy.value) for one in group]
    margin = [float(one.margin.value) for one in group]
    return (
        f"{layer}, random: {len(group)} x {size}",
        f"{sum(accuracy) / len(group):+.2f} ({min(accuracy):+.2f} to {max(accuracy):+.2f})",
        "",
        "",
        "",
        f"{sum(margin) / len(group):+.3g} ({min(margin):+.3g} to {max(margin):+.3g})",
        "",
        "",
        "",
        "",
    )
