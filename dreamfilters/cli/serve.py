"""The command that shows a network in the browser: `serve`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamfilters.cli.options import Model, ModelOptions, import_tensorflow, sides_of, with_model_options
from dreamfilters.cli.output import say


@with_model_options
def serve(
    model: Model,
    images: Annotated[
        Path | None, typer.Argument(metavar="[IMAGES]", help="A folder of images; the samples for signs.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="File and class of each image; the folders' names by itself.")
    ] = None,
    audit: Annotated[Path | None, typer.Option(metavar="DIR", help="A stored audit, whose verdicts are shown.")] = None,
    top: Annotated[int, typer.Option(help="How many classes a prediction names.")] = 5,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where dreams are kept; outputs/<model>-viewer by itself.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Of the images, for a network that takes any.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Where; by itself 5000 or one of the next, 0 for any that is free.")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    host: Annotated[
        str, typer.Option(help="The address to listen at. Any but this one lets others in and needs --token.")
    ] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="What the address must hold; a new one by itself.")] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name, as a proxy has it; may be repeated."),
    ] = None,
    base_url: Annotated[str, typer.Option(metavar="PATH", help="What a proxy puts before all addresses.")] = "/",
    get: Annotated[str | None, typer.Option(metavar="PATH", help="Answer this one address, and stop.")] = None,
    *,
    opening: ModelOptions,
) -> None:
    """Show a network in the browser: layers, maps, dreams, strongest images.

    On this machine alone, unless told otherwise. Ctrl-C ends it.

    \b
    Examples:
      dreamfilters serve signs
      dreamfilters serve net.keras images/ --classes names.txt --open
      dreamfilters serve signs --get /api/state
    """
    from dreamfilters.viewer.launch import access_for, settings_for
    from dreamfilters.viewer.server.http_server import start_server
    from dreamfilters.viewer.server.single_request import respond_once

    options = {**opening.settings, "size": None if size is None else _sides(size)}
    settings = settings_for(
        model, options, images=images, labels=labels, audit=audit, top=top, out=out, prepare=import_tensorflow
    )
    if get is not None:
        status, content = respond_once(settings, get)
        typer.get_binary_stream("stdout").write(content)
        raise typer.Exit(0 if status < 400 else 1)
    signal.signal(signal.SIGTERM, _stop)  # so that uploads are forgotten then too
    access = access_for(host, token, allow_host or (), base_url)
    viewer = start_server(settings, access, host, port)
    typer.echo(viewer.url)
    if access.any_address:
        say("whoever reaches this machine and has the token can look; there is no encryption")
    say("Ctrl-C ends it")
    if open_browser:
        typer.launch(viewer.url)
    viewer.wait()


COMMANDS = (serve,)


def _sides(text: str) -> tuple[int, int]:
    """Turn '96' or '64x96' into (height, width)."""
    sides = sides_of(text)
    return sides[0], sides[-1]


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt
