"""Commands that show images to a network: `maps`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli.options import (
    AsJson,
    Layers,
    Model,
    ModelOptions,
    Quiet,
    folder_for,
    import_tensorflow,
    layer_names,
    sides_of,
    with_model_options,
)
from dreamfilters.cli.output import SOME_FAILED, progress, say, table
from dreamfilters.errors import TargetError

if TYPE_CHECKING:
    from dreamfilters.runs.map_run import MapSettings
    from dreamfilters.runs.map_store import StoredMaps
    from dreamfilters.runs.storage.run_result import RunResult


@with_model_options
def maps(
    model: Model,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="An image, or a folder of them at any depth.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; outputs/<model>-maps by itself.")] = None,
    layers: Layers = None,
    units: Annotated[str | None, typer.Option(metavar="0-15,42", help="Just these of each layer.")] = None,
    top: Annotated[int, typer.Option(help="How many classes are named.")] = 5,
    scale: Annotated[
        str,
        typer.Option(metavar="unit|layer|LOW:HIGH", help="What the darkest and the brightest color mean."),
    ] = "unit",
    colors: Annotated[str, typer.Option(metavar="gray|magma|viridis", help="The colors of the maps.")] = "gray",
    overlay: Annotated[bool, typer.Option("--overlay", help="Lay each map over the image.")] = False,
    arrays: Annotated[bool, typer.Option("--arrays", help="Also write the maps themselves, .npz in float32.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Write them in float16.")] = False,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Draw a page for each layer.")] = True,
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and label; else the first folder is the label.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Of the images, for a network that takes any.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace other maps in the folder; foreign files stay.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    opening: ModelOptions,
) -> None:
    """Show what every filter answers to images.

    Each image gets a folder with a page of maps for each layer, an overview, and the numbers of every unit as JSON.
    A run that was stopped goes on when the same command is given again. Exit code 3 if some images could not be read.

    \b
    Examples:
      dreamfilters maps signs image.jpg
      dreamfilters maps signs images/ --layers conv2,conv4 --scale layer --colors viridis
      dreamfilters maps net.keras image.jpg --units 0-15 --overlay --arrays --half --out outputs/mine
    """
    import_tensorflow()
    from dreamfilters.images import image_folder
    from dreamfilters.runs.map_run import draw_maps

    network = opening.network(model)
    found = image_folder(images, labels=labels, channels=network.form.image_channels)
    settings = _settings(layers, units, top, scale, colors, overlay, _type(arrays, half), pages, size)
    folder = out or folder_for(network).with_name(f"{folder_for(network).name}-maps")
    with progress("images", quiet) as report:
        drawn = draw_maps(network, found, folder, settings, force=force, progress=report)
    say(network.assumed)
    _report(drawn, as_json)


COMMANDS = (maps,)


def _type(arrays: bool, half: bool) -> str:
    return "float16" if half else "float32" if arrays else ""


def _settings(
    layers: list[str] | None, units: str | None, top: int, scale: str, colors: str, overlay: bool, arrays: str,
    pages: bool, size: str | None,
) -> MapSettings:  # fmt: skip
    from dreamfilters.evidence.maps.layer_page import MapStyle
    from dreamfilters.evidence.maps.unit_maps import MapScale
    from dreamfilters.runs.map_run import MapSettings

    return MapSettings(
        layers=layer_names(layers),
        units=None if units is None else _numbers(units),
        style=MapStyle(MapScale.read(scale), colors, overlay),
        top=top,
        pages=pages,
        arrays=arrays,  # type: ignore[arg-type]
        size=None if size is None else _sides(size),
    )


def _numbers(text: str) -> tuple[int, ...]:
    """Turn '0-3,42' into (0, 1, 2, 3, 42)."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = (first, last if dash else first)
        if not all(end.isdecimal() for end in ends) or int(ends[0]) > int(ends[1]) or int(ends[1]) > 10**6:
            raise TargetError(f"--units {text}: numbers and ranges such as 0-15,42")
        found += range(int(ends[0]), int(ends[1]) + 1)
    return tuple(dict.fromkeys(found))


def _sides(text: str) -> tuple[int, int]:
    """Turn '96' or '64x96' into (height, width)."""
    sides = sides_of(text)
    return sides[0], sides[-1]


def _report(drawn: RunResult[tuple[StoredMaps, ...]], as_json: bool) -> None:
    """Print one line an image; exit with 130 if the run was stopped, with 3 if some images cannot be read."""
    if as_json:
        rows = [_page_values(page) for page in drawn.value]
        values = {"images": rows, "failures": dict(drawn.failures), "missing": drawn.missing}
        typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
    elif drawn.value:
        table(("image", "label", "taken for", "probability", "maps"), [_page_row(page) for page in drawn.value])
    for name, reason in drawn.failures:
        say(f"{name}: {reason}")
    if drawn.stopped:
        say(f"stopped with {len(drawn.missing)} images missing; give the same command again to go on")
        raise typer.Exit(130)
    if drawn.failures:
        say(f"{len(drawn.failures)} of {len(drawn.failures) + len(drawn.value)} images could not be read")
        raise typer.Exit(SOME_FAILED)


def _page_values(page: StoredMaps) -> dict[str, Any]:
    return {
        "image": page.image,
        "label": page.label,
        "predictions": page.read()["predictions"],
        "folder": str(page.folder),
    }


def _page_row(page: StoredMaps) -> tuple[str, ...]:
    name, odds = (page.prediction["name"], page.prediction["probability"]) if page.prediction else ("", None)
    return (page.image, page.label, name, "" if odds is None else f"{100 * odds:.2f} %", str(page.folder))
