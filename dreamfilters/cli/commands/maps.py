"""The command `maps`: draws and stores activation maps of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import (
    at_least,
    layer_names,
    parse_numbers,
    parse_size,
    valid_colormap,
    valid_numbers,
    valid_scale,
)
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, table
from dreamfilters.number_format import percent

if TYPE_CHECKING:
    from dreamfilters.runs.by_image.map_run import MapSettings
    from dreamfilters.runs.by_image.map_store import StoredMaps
    from dreamfilters.runs.storage.run_result import RunResult


@with_option_groups
def maps(
    model: options.Model,
    images: options.Images,
    layers: options.Layers = None,
    units: Annotated[
        str | None, typer.Option(metavar="0-15,42", help="Units of each layer; default: all.", callback=valid_numbers)
    ] = None,
    top: Annotated[int, typer.Option(help="Number of predicted classes.", callback=at_least(0))] = 5,
    scale: Annotated[
        str,
        typer.Option(
            metavar="unit|layer|LOW:HIGH", help="Values of the darkest and the brightest color.", callback=valid_scale
        ),
    ] = "unit",
    colormap: Annotated[
        str, typer.Option(metavar="gray|magma|viridis", help="Colormap of the maps.", callback=valid_colormap)
    ] = "gray",
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw each map over the image.")] = False,
    arrays: Annotated[bool, typer.Option("--arrays", help="Also write the maps as .npz in float32.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Write the .npz in float16.")] = False,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Draw a page for each layer.")] = True,
    labels: options.Labels = None,
    size: options.Size = None,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Draw the activation maps of every unit for images.

    \b
    Examples:
      dreamfilters maps signs image.jpg
      dreamfilters maps signs images/ --layers conv2,conv4 --scale layer --colormap viridis
      dreamfilters maps net.keras image.jpg --units 0-15 --overlay --arrays --half --out outputs/mine

    Each image gets a folder with a page of maps for each layer, an overview, the predicted mask of a segmentation
    network, and the numbers of every unit as JSON. The same command resumes an interrupted run. Exit code 3: some
    images could not be read.

    \b
    Next:
      dreamfilters scan signs images/
    """
    import_backend()
    from dreamfilters.images import image_folder
    from dreamfilters.runs.by_image.map_run import MapJob, run
    from dreamfilters.runs.by_image.map_store import KIND

    network = model_options.network(model)
    source = image_folder(images, labels=labels, channels=network.form.channels)
    number_type = "float16" if half else "float32" if arrays else ""
    settings = _settings(layers, units, top, (scale, colormap, overlay), number_type, pages, parse_size(size))
    job = MapJob(network, source, settings, model)
    _print(run_options.run(KIND, network, run, job), run_options.as_json)


COMMANDS = (maps,)


def _settings(
    layers: list[str] | None, units: str | None, top: int, style: tuple[str, str, bool], number_type: str, pages: bool,
    size: tuple[int, int] | None,
) -> MapSettings:  # fmt: skip
    from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
    from dreamfilters.runs.by_image.map_run import MapSettings

    scale, colormap, overlay = style
    return MapSettings(
        layers=layer_names(layers),
        units=None if units is None else parse_numbers(units),
        style=MapStyle(MapScale.read(scale), colormap, overlay),
        top=top,
        pages=pages,
        arrays=number_type,  # type: ignore[arg-type]
        size=size,
    )


def _print(result: RunResult[tuple[StoredMaps, ...]], as_json: bool) -> None:
    """Print a line for each image."""
    if as_json:
        rows = [_values(each) for each in result.value]
        print_json({"images": rows, "failures": failure_values(result.failures), "missing": result.missing})
    elif result.value:
        headings = ("image", "label", "predicted", "probability", "share of the image", "value", "maps")
        table(headings, [_row(each) for each in result.value])
    exit_if_stopped(result.stopped, result.done, result.total)
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _values(stored: StoredMaps) -> dict[str, Any]:
    return {
        "image": stored.image,
        "label": stored.label,
        "predictions": stored.read()["predictions"],
        "folder": str(stored.folder),
    }


_VALUES = 3  # of a regression, in the terminal


def _row(stored: StoredMaps) -> tuple[str, ...]:
    """Return the predicted classes of an image with their probabilities or shares, or the values of a regression."""
    name, probability, share, value = "", "", "", ""
    if stored.prediction and stored.prediction["probability"] is None:
        values = stored.read()["predictions"]
        listed = [f"{each['name']} {_value(each)}" for each in values[:_VALUES]]
        more = [] if len(values) <= _VALUES else ["..."]
        value = _value(values[0]) if len(values) == 1 else ", ".join([*listed, *more])
    elif stored.prediction:
        most = stored.read()["predictions"]
        chosen = [each for each in most if each["predicted"]]
        name = ", ".join(each["name"] for each in chosen) or "none"
        shown = ", ".join(map(_percent, chosen)) or f"{most[0]['name']} {_percent(most[0])}"
        probability, share = (shown, "") if stored.prediction["share"] is None else ("", shown)
    return (stored.image, stored.label, name, probability, share, value, str(stored.folder))


def _value(prediction: Mapping[str, Any]) -> str:
    return "nan" if prediction["logit"] is None else f"{prediction['logit']:.4g}"


def _percent(prediction: Mapping[str, Any]) -> str:
    share = prediction["share"]
    return percent(prediction["probability"] if share is None else share, 2)
