"""The command `serve`: shows a network in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_in_worker, prepare_environment
from dreamfilters.cli.help import of_output
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, parse_size, writable_folder
from dreamfilters.cli.output import say, status
from dreamfilters.viewer.server.stop_signals import stop_signals_until_the_end

if TYPE_CHECKING:
    from dreamfilters.viewer.services.service import ViewerSettings


@with_option_groups
def serve(
    model: options.Model,
    images: Annotated[
        Path | None, typer.Argument(metavar="[IMAGES]", help="Folder of images; default for signs: rendered samples.")
    ] = None,
    labels: options.Labels = None,
    audit: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of a stored audit, whose verdicts are shown.")
    ] = None,
    top: Annotated[int, typer.Option(help="Number of predicted classes.", callback=at_least(1))] = 5,
    out: Annotated[
        Path | None,
        of_output(
            metavar="DIR", help="Folder for saved dreams; default: outputs/MODEL/viewer.", callback=writable_folder
        ),
    ] = None,
    learned: options.Learned = None,
    size: options.Size = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port; 0 for any free one; default: the first free one from 5000.", callback=at_least(0, 65535)
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    host: Annotated[str, typer.Option(help="Address to bind. Non-loopback hosts require a token.")] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="DREAMFILTERS_TOKEN",
            show_envvar=False,
            help="Access token in the URL; default: DREAMFILTERS_TOKEN, else a random one. Other users of this machine "
            "can read the arguments of a command, but not its environment.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Host name to accept, for a proxy; may be repeated.")
    ] = None,
    base_url: Annotated[str, typer.Option(metavar="PATH", help="Path prefix of all URLs, for a proxy.")] = "/",
    get: Annotated[
        str | None, typer.Option(metavar="PATH", help="Print the response to one GET request and exit.")
    ] = None,
    *,
    model_options: options.ModelOptions,
) -> None:
    """Explore a network in the browser.

    \b
    Examples:
      dreamfilters serve signs
      dreamfilters serve net.keras images/ --classes names.txt --open
      dreamfilters serve signs --get /api/state

    Shows layers, activation maps, dreams, the strongest images and verdicts. Only this machine can connect by default.
    Ctrl-C stops the server.
    """

    def settings() -> ViewerSettings:
        from dreamfilters.viewer.launch import settings_for

        return settings_for(
            model, {**model_options.settings, "size": parse_size(size)}, images=images, labels=labels, audit=audit,
            top=top, out=out, prior=learned, prepare=import_in_worker, report=None if get is not None else say,
        )  # fmt: skip

    prepare_environment()
    if get is not None:
        _print_response(settings(), get)
    with stop_signals_until_the_end() as signals:
        with status("Starting the viewer"):
            from dreamfilters.viewer.launch import access_for, open_page
            from dreamfilters.viewer.server.http_server import start_server

        access = access_for(host, token, allow_host or (), base_url)
        viewer = start_server(settings(), access, host, port)
        typer.echo(viewer.url)
        if access.any_address:
            say("anyone who can reach this machine and has the token can connect; traffic is not encrypted")
        say("press Ctrl-C to stop")
        if open_browser and not signals.noted:
            open_page(viewer)
        viewer.wait(signals)


COMMANDS = (serve,)


def _print_response(settings: ViewerSettings, address: str) -> None:
    """Print the response to one GET request and exit."""
    from dreamfilters.viewer.server.http_server import respond_once

    code, content = respond_once(settings, address)
    typer.get_binary_stream("stdout").write(content)
    raise typer.Exit(0 if code < 400 else 1)
