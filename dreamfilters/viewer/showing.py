"""`show`: a network as the viewer, in the cell of a notebook or in the browser; any other value as its display."""

from __future__ import annotations

import socket
import sys
from html import escape
from pathlib import Path
from typing import Any

from dreamfilters.display import in_notebook, show_value
from dreamfilters.errors import UsageError
from dreamfilters.viewer.launch import serve
from dreamfilters.viewer.notebook_page import notebook_page
from dreamfilters.viewer.server.http_server import Viewer

_WIDTH, _HEIGHT = "100%", 720
_SHOWN: dict[Any, Viewer] = {}  # the viewers of this process by what they show, so that a cell that runs again has one


def show(
    value: Any,
    *,
    width: int | str | None = None,
    height: int | None = None,
    images: str | Path | None = None,
    origin: str | None = None,
) -> Viewer | None:
    """Show a network in the viewer, or an image (h, w, c) in [0, 1], a dream, dreams or any other result.

    In a notebook a result is shown below the cell, and a network as the viewer in a frame there. The viewer runs in the
    background until it is closed or the kernel ends; showing a network again closes the viewer before. Elsewhere an
    image opens in the system's image viewer, and a network or another result in the browser. Examples are
    `show(contact_sheet(images))` and `show(load("signs"), images="images/", height=900)`.

    The frame is allowed for the notebook's page alone, see `allow_frames` of `serve`. Its address in the cell has the
    viewer's token, which is worth nothing once the kernel has ended.

    Args:
        value: a network, a Keras model, or a model as text that `load` takes; or a result.
        width, height: of the frame, in pixels; default: that of the cell, and 720.
        images: what the viewer shows the network, as in `serve`.
        origin: of the notebook's page, such as https://hub.example; default: found out, else any port of this machine.

    Returns:
        The viewer of a network, None otherwise.

    Raises:
        UsageError: an argument of a network is given for another value, or a JupyterHub does not state its address.
        AccessError: the viewer cannot listen, or `origin` is no origin.
    """
    given = {"width": width, "height": height, "images": images, "origin": origin}
    if not _is_network(value):
        for name in (name for name, one in given.items() if one is not None):
            raise UsageError(
                f"{name}: only for a network, which is shown as the viewer; this is a {type(value).__name__}"
            )
        show_value(value)
        return None
    key = str(value) if isinstance(value, str | Path) else id(value)  # a viewer keeps what it shows
    if key in _SHOWN:
        _SHOWN.pop(key).close()
    if not in_notebook():
        viewer = serve(value, images=images, open_browser=True, block=False)
    else:
        port = _free_port()
        page = notebook_page(port, origin)
        viewer = serve(
            value, images=images, port=port, allow_hosts=page.hosts, base_url=page.base, allow_frames=page.frames,
            announce=None, block=False,
        )  # fmt: skip
        frame = _Frame(page.address + "?" + viewer.url.partition("?")[2], width or _WIDTH, height or _HEIGHT)
        sys.modules["IPython"].display.display(frame)
    _SHOWN[key] = viewer
    return viewer


class _Frame:
    """The viewer as a notebook shows it."""

    def __init__(self, address: str, width: int | str, height: int) -> None:
        self._address, self._width, self._height = address, width, height

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{escape(self._address)}" width="{escape(str(self._width))}" height="{int(self._height)}" '
            'title="dreamfilters viewer" style="border: 0" allow="camera; clipboard-write; fullscreen"></iframe>'
        )

    def __repr__(self) -> str:
        return "dreamfilters viewer"


def _is_network(value: Any) -> bool:
    import keras

    from dreamfilters.networks import Network

    return isinstance(value, Network | keras.Model | str | Path)


def _free_port() -> int:
    """Return a free port: a proxy's path, which the viewer has to know, contains it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
