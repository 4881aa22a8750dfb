"""The command `circuit`: which units of an earlier layer feed a unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, valid_targets
from dreamfilters.cli.output import exit_if_failed, failure_values, print_json, say, status, table
from dreamfilters.cli.tensorflow_loading import import_tensorflow

if TYPE_CHECKING:
    from dreamfilters.attribution.circuits.result import Circuit


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
    kernels: Annotated[
        Path | None, typer.Option(metavar="PNG", help="File to draw the expanded weights of these units into.")
    ] = None,
    as_json: options.AsJson = False,
    *,
    model_options: options.ModelOptions,
) -> None:
    """Show which units of an earlier layer feed a unit.

    \b
    Examples:
      dreamfilters circuit signs conv5:3
      dreamfilters circuit net.keras conv5:3 images/ --from conv3 --kernels kernels.png

    On the images with the largest responses of the unit, the contribution of each earlier unit is its activation times
    the gradient of the response. The weight is the sum of its expanded weights: those of the linear map between the two
    layers, through normalization and pooling. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters dream signs conv4:4
    """
    images = options.images_or_samples(model, images)
    import_tensorflow()
    from dreamfilters.attribution.circuits.feeding import circuit as circuit_of
    from dreamfilters.images import image_folder, png_bytes
    from dreamfilters.images.encoding import write_image

    network = model_options.network(model)
    say(network.describe_input())
    found = image_folder(images, channels=network.form.channels)
    with status("Measuring the responses"):
        result = circuit_of(network, unit, found, layer=layer, most=most, strongest=strongest)
    sheet = result.sheet if kernels else None
    if kernels and sheet is not None:
        write_image(kernels, {".png": lambda: png_bytes(sheet)})
    failures = [(str(path), reason) for path, reason in found.failures]
    _print(result, failures, as_json)
    exit_if_failed(failures, "the output of --json", count=len(found))


COMMANDS = (circuit,)


def _print(result: Circuit, failures: Sequence[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print_json({**result.as_values(), "failures": failure_values(failures)})
        return
    rows: list[tuple[str, ...]] = [
        (
            f"{result.layer}:{one.unit}",
            f"{one.contribution:+.4g}",
            f"{one.share:.1%}",
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
