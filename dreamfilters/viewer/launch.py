"""From a model to a running viewer: settings and access, checked before anything starts."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamfilters.errors import OutputError, RecipeError
from dreamfilters.image_files import check_images
from dreamfilters.viewer.server.access import Access, AccessError
from dreamfilters.viewer.server.http_server import Viewer, start_server
from dreamfilters.viewer.server.security_headers import is_frame_source
from dreamfilters.viewer.services.service import ViewerSettings
from dreamfilters.viewer.services.snippets import Snippets

_MIN_TOKEN = 16  # characters of a token for a non-loopback host


def serve(
    model: Any,
    classes: Sequence[str] | str | Path | None = None,
    *,
    images: str | Path | None = None,
    top: int = 5,
    port: int | None = None,
    host: str = "127.0.0.1",
    token: str | None = None,
    allow_hosts: Sequence[str] = (),
    base_url: str = "/",
    allow_frames: Sequence[str] = (),
    labels: str | Path | None = None,
    audit: str | Path | None = None,
    out: str | Path | None = None,
    prior: str | Path | None = None,
    form: Any = None,
    size: int | tuple[int, int] | None = None,
    architecture: str | Path | None = None,
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    inputs: Any = None,
    trust: bool = False,
    imports: Sequence[str] | str = (),
    input_folder: str | Path | None = None,
    temp_folder: str | Path | None = None,
    open_browser: bool = False,
    announce: Callable[[str], None] | None = print,
    block: bool = True,
) -> Viewer:
    """Show a network in the browser and return the running viewer; with `block`, return once it is closed.

    A separate process opens a model from a file; a Keras model is used in place, by a thread. As with everything that
    starts a process, a script must call this function under `if __name__ == "__main__":`.

    Args:
        model: as `load` takes it, or what `load` returned.
        classes: class names in the order of the outputs, or a file of them.
        images: a folder of images or one image; default: the samples for the built-in network, else none.
        top: number of classes of a prediction.
        port: default: 5000, or one of the next if it is taken; 0 for any free port.
        host: address to listen at. Non-loopback hosts require a `token`.
        token: part of the address; default: a new random one.
        allow_hosts: additional host names, with or without port, that a proxy sends.
        base_url: path prefix that a proxy adds.
        allow_frames: origins of pages that may show the viewer in a frame, such as http://localhost:8888;
            default: none.
        labels: a CSV file with the columns file and label; default: the first folder below `images`.
        audit: folder of a stored audit; its verdicts replace those by images and bounds.
        form, size, architecture, input, output, inputs, trust, imports: as `load` takes them.
        out: parent folder of saved dreams; default: outputs/MODEL/viewer.
        prior: file of a learned prior, with which the page offers the recipe `learned`.
        input_folder, temp_folder: Quiver's names for `images` and `out`.
        open_browser: open the page.
        announce: called with the address to open.
        block: return when the viewer is closed, by Ctrl-C.

    Raises:
        AccessError: the viewer cannot listen at this address, a non-loopback host has no token, or a script lacks the
            `__main__` guard.

    Example:
        >>> viewer = serve("signs", port=0, announce=None, block=False)
        >>> viewer.url.partition("?")[0].startswith("http://127.0.0.1:")
        True
        >>> viewer.close()
    """
    if isinstance(model, str | Path):
        _check_main_guard()
    options = {
        "classes": classes, "form": form, "size": size, "architecture": architecture, "input": input, "output": output,
        "inputs": inputs, "trust": trust, "imports": imports,
    }  # fmt: skip
    settings = settings_for(
        model, options, images=images or input_folder, labels=labels, audit=audit, top=top, out=out or temp_folder,
        prior=prior,
    )  # fmt: skip
    viewer = start_server(settings, access_for(host, token, allow_hosts, base_url, allow_frames), host, port)
    if announce is not None:
        announce(viewer.url)
    if open_browser:
        open_page(viewer)
    if block:
        viewer.wait()
    return viewer


def open_page(viewer: Viewer) -> None:
    """Open the page of a viewer in the browser, whose arguments do not contain the token.

    Raises:
        OutputError: the file that leads the browser to the page cannot be written.
    """
    address = viewer.write_start_page().as_uri()
    # A browser in a terminal ends with its page.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True, name="dreamfilters-browser").start()


def access_for(
    host: str, token: str | None, allow_hosts: Sequence[str], base_url: str, allow_frames: Sequence[str] = ()
) -> Access:
    """Return the access rules of a viewer that listens at `host`.

    Raises:
        AccessError: a non-loopback host without a long token, a base URL that is not a path, or a frame of no origin.
    """
    is_loopback = host in ("127.0.0.1", "localhost", "::1")
    if not is_loopback and len(token or "") < _MIN_TOKEN:
        raise AccessError(
            f"host {host}: everyone who can reach this machine could see the network and its images; give a token of "
            f"at least {_MIN_TOKEN} characters (DREAMFILTERS_TOKEN or --token). The connection is not encrypted"
        )
    base = base_url.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", base) or ".." in base or "//" in base:
        raise AccessError(f"base-url {base_url}: must be a path such as /proxy/5000/")
    for origin in allow_frames:
        if not is_frame_source(origin):
            raise AccessError(f"allow_frames={origin}: must be an origin such as http://localhost:8888, without a path")
    return Access(
        token or secrets.token_urlsafe(16),
        hosts=tuple(name.lower() for name in allow_hosts),
        any_address=not is_loopback,
        base=f"/{base}/" if base else "/",
        frames=tuple(allow_frames),
    )


def settings_for(
    model: Any,
    options: Mapping[str, Any],
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    audit: str | Path | None = None,
    top: int = 5,
    out: str | Path | None = None,
    prior: str | Path | None = None,
    prepare: Callable[[], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> ViewerSettings:
    """Return the settings of a viewer, checked as far as this is possible without opening the model.

    Raises:
        RecipeError: `top` is below 1, or the file of the prior does not exist.
        ImageError: `images` does not exist, or holds no images.
        OutputError: the folder of the audit does not exist.
    """
    if top < 1:
        raise RecipeError(f"top={top}: must be at least 1")
    if images is not None:
        check_images(Path(images))  # the folder is read once, at the start: an image that is added later is not shown
    if audit is not None and not Path(audit).is_dir():
        raise OutputError(f"{audit}: no such folder; create it with `dreamfilters audit MODEL IMAGES --out {audit}`")
    if prior is not None and not Path(prior).is_file():
        raise RecipeError(f"{prior}: no such file; train a prior with `dreamfilters prior IMAGES --out {prior}`")
    is_spec = isinstance(model, str | Path)
    name = str(model) if is_spec else str(getattr(model, "name", "model"))
    return ViewerSettings(
        spec=name if is_spec else model,
        options={key: value for key, value in options.items() if value is not None and value is not False},
        images=None if images is None else Path(images),
        labels=None if labels is None else Path(labels),
        audit=None if audit is None else Path(audit),
        top=top,
        out=None if out is None else Path(out),
        prior=None if prior is None else Path(prior),
        snippets=Snippets.of(name, options, prior),
        prepare=prepare,
        report=report,
    )


def _check_main_guard() -> None:
    """Raise AccessError if the worker process would run the user's script a second time."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return  # a notebook, or `python -m`
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if "__main__" not in Path(path).read_text("utf-8"):
            raise AccessError(
                f'{path}: call serve under `if __name__ == "__main__":`, since the process that opens the network '
                "imports the script too"
            )
