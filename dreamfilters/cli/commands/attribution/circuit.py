"""Commands on how a network computes a unit: `circuit`, which units feed it, and `weights`, what it has learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.help import of_output
from dreamfilters.cli.options.given_files import writable_file
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, layer_names, valid_targets, writable_folder
from dreamfilters.cli.output import exit_if_failed, failure_values, print_json, say, status, table
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.attribution.circuits.result import Circuit
    from dreamfilters.attribution.circuits.weights.layer_weights import LayerWeights


def _writable(out: Path | None) -> Path | None:
    return writable_file(out) if out is not None and out.suffix == ".png" else writable_folder(out)


Drawing: TypeAlias = Annotated[
    Path | None,
    of_output("--out", metavar="DIR|FILE.png", help="Folder for a page, or file for a drawing.", callback=_writable),
]


def _valid_target(target: str) -> str:
    return valid_targets([target])[0]


@with_option_groups
def circuit(
    model: options.Model,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="A unit such as conv5:3.", callback=_valid_target)],
    images: options.ImagesOrSamples = None,
    layer: Annotated[
        str | None,
        typer.Option("--from", metavar="LAYER", help="Earlier layer; default: the one whose units the unit reads."),
    ] = None,
    most: Annotated[int, typer.Option(help="Units that are listed.", callback=at_least(1))] = 10,
    strongest: Annotated[
        int, typer.Option(help="Images with the largest responses that are averaged.", callback=at_least(1))
    ] = 9,
    out: Drawing = None,
    as_json: options.AsJson = False,
    *,
    recipe_options: options.RecipeOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show which units of an earlier layer feed a unit.

    \b
    Examples:
      dreamfilters circuit signs conv5:3
      dreamfilters circuit signs conv5:3 --out outputs/conv5-3
      dreamfilters circuit net.keras conv5:3 images/ --from conv3 --out circuit.png

    On the images with the largest responses of the unit, the contribution of each earlier unit is its activation times
    the gradient of the response. The weight is the sum of its expanded weights: those of the linear map between the two
    layers, through normalization and pooling. --out draws the dream of each of these units above its expanded weights,
    as one image or as a page. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters dream signs conv4:4
    """
    images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.attribution.circuits.feeding import circuit as circuit_of
    from dreamfilters.images import image_folder
    from dreamfilters.runs.saving import save

    network = model_options.network(model)
    say(network.describe_input())
    found = image_folder(images, channels=network.form.channels)
    recipe = None if out is None else recipe_options.chosen()
    with status("Measuring the responses" if recipe is None else "Measuring the responses and making the dreams"):
        result = circuit_of(
            network, unit, found, layer=layer, most=most, strongest=strongest, recipe=recipe, seed=recipe_options.seed
        )
    written = None if out is None else save(result, out)
    failures = [(str(path), reason) for path, reason in found.failures]
    _print(result, failures, as_json)
    if written is not None and not as_json:
        typer.echo(written)
    exit_if_failed(failures, "the output of --json", count=len(found))


@with_option_groups
def weights(
    model: options.Model,
    layers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAYER...]",
            help="Layers, whose kernels are drawn; default: all with weights, and the first kernels.",
        ),
    ] = None,
    out: Drawing = None,
    as_json: options.AsJson = False,
    *,
    model_options: options.ModelOptions,
) -> None:
    """Show the distributions of weights, and kernels as images.

    \b
    Examples:
      dreamfilters weights signs --out outputs/weights
      dreamfilters weights signs conv1 --out conv1.png
      dreamfilters weights net.keras conv1 conv5

    Lists mean, std, range and share of zeros of each array of weights: kernel, bias, and gamma, beta, moving mean and
    variance of a batch normalization that follows. --out DIR writes a page with their histograms and with the kernels
    as images, of any number of channels; --out FILE.png draws the kernels of one layer.

    \b
    Next:
      dreamfilters ablate signs conv5 --redundant
    """
    import_backend()
    from dreamfilters.attribution.circuits.weights.layer_weights import layer_weights
    from dreamfilters.runs.saving import save

    found = layer_weights(model_options.network(model), layer_names(layers) if layers else None)
    written = None if out is None else save(found, out)
    if as_json:
        print_json([one.as_values() for one in found])
        return
    table(
        ("layer", "weights", "shape", "mean", "std", "range", "zeros"), [row for one in found for row in _weights(one)]
    )
    if written is not None:
        typer.echo(written)


COMMANDS = (circuit, weights)


def _weights(layer: LayerWeights) -> list[tuple[str, ...]]:
    return [
        (
            layer.layer,
            one.name,
            " x ".join(map(str, one.shape)),
            f"{one.mean:.3g}",
            f"{one.std:.3g}",
            f"{one.low:.3g} to {one.high:.3g}",
            (percent(one.zeros, 1) if one.zeros else "") + (f" {one.not_finite} not finite" if one.not_finite else ""),
        )
        for one in layer.distributions
    ]


def _print(result: Circuit, failures: Sequence[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print_json({**result.as_values(), "failures": failure_values(failures)})
        return
    rows: list[tuple[str, ...]] = [
        (
            f"{result.layer}:{one.unit}",
            f"{one.contribution:+.4g}",
            percent(one.share, 1),
            f"{one.activation:.4g}",
            "" if one.weight is None else f"{one.weight:+.4g}",
        )
        for one in result.units
    ]
    table(("unit", "contribution", "share", "activation", "weight"), rows)
    typer.echo(
        f"{result.target}: response {result.response:.4g}, of which {result.total:.4g} from the {result.count} units "
        f"of {result.layer}; mean of {result.images} images"
    )
    say(f"no weights: {result.reason}" if result.reason else "")
