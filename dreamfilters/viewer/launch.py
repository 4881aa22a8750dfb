"""From a model to a page in the browser: what is shown, to whom, and where it is to be found."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamfilters.errors import ImageError, OutputError, RecipeError
from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.errors import AccessError
from dreamfilters.viewer.server.http_server import Viewer, started
from dreamfilters.viewer.services.service import ViewerSettings
from dreamfilters.viewer.services.snippets import Snippets

_LEAST_TOKEN = 16  # letters of a token for a viewer that others can reach


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
    labels: str | Path | None = None,
    audit: str | Path | None = None,
    out: str | Path | None = None,
    form: Any = None,
    size: int | tuple[int, int] | None = None,
    architecture: str | Path | None = None,
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    trust: bool = False,
    input_folder: str | Path | None = None,
    temp_folder: str | Path | None = None,
    open_browser: bool = False,
    tell: Callable[[str], None] | None = print,
    block: bool = True,
) -> Viewer:
    """Show a network in the browser, and return the running viewer; with `block`, once it has ended.

    A model in a file is opened by a process of its own; a Keras model is looked at where it is, in a thread. In a
    script the call stands below `if __name__ == "__main__":`, as for everything that starts a process.

    Args:
        model: as `load` takes it.
        classes: names in the order of the outputs, or a file of them.
        images: a folder of images or one; the samples for the built-in network, else none.
        top: how many classes a prediction names.
        port: by itself 5000 or, where that is taken, one of the next; 0 for any.
        host: the address to listen at. Any but 127.0.0.1 lets others in, and asks for a `token`.
        token: what the address must hold; a new one by itself.
        allow_hosts: further names, with or without port, under which a proxy asks.
        base_url: the path that a proxy puts before all addresses.
        labels: a CSV of file and label; by itself an image's folder is its label.
        audit: the folder of a stored audit, whose verdicts are shown in place of those by images and bounds alone.
        form, size, architecture, input, output, trust: as `load` takes them.
        out: where dreams are kept that one asks to keep; outputs/<model>-viewer by itself.
        input_folder, temp_folder: Quiver's names for `images` and `out`.
        open_browser: open the page.
        tell: given the address to open.
        block: return when it has ended, by Ctrl-C.

    Raises:
        AccessError: an address that cannot be listened at, one for others without a token, or a script without that
            line.

    Example:
        >>> viewer = serve("signs", block=False)  # doctest: +SKIP
        >>> viewer.close()  # doctest: +SKIP
    """
    if isinstance(model, str | Path):
        _check_script()
    options = {
        "classes": classes, "form": form, "size": size, "architecture": architecture, "input": input, "output": output,
        "trust": trust,
    }  # fmt: skip
    settings = settings_for(
        model, options, images=images or input_folder, labels=labels, audit=audit, top=top, out=out or temp_folder
    )
    viewer = started(settings, access_for(host, token, allow_hosts, base_url), host, port)
    if tell is not None:
        tell(viewer.url)
    if open_browser:
        webbrowser.open(viewer.url)
    if block:
        viewer.wait()
    return viewer


def access_for(host: str, token: str | None, allow_hosts: Sequence[str], base_url: str) -> Access:
    """Return what opens the gate of a viewer that listens at `host`.

    Raises:
        AccessError: others could reach it, and no long token was given; or the base is no path.
    """
    if not _is_loopback(host) and len(token or "") < _LEAST_TOKEN:
        raise AccessError(
            f"host {host}: everybody who reaches this machine could look at the network and its images; give a token "
            f"of at least {_LEAST_TOKEN} letters (--token), and let nobody read along: there is no encryption"
        )
    base = base_url.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", base) or ".." in base or "//" in base:
        raise AccessError(f"base-url {base_url}: a path such as /proxy/5000/")
    return Access(
        token or secrets.token_urlsafe(16),
        hosts=tuple(name.lower() for name in allow_hosts),
        addresses=not _is_loopback(host),
        base=f"/{base}/" if base else "/",
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
    prepare: Callable[[], None] | None = None,
) -> ViewerSettings:
    """Return what a viewer shows, checked as far as that costs no time.

    Raises:
        RecipeError: `top` below 1.
        ImageError: no such file or folder of images.
        OutputError: no such folder of an audit.
    """
    if top < 1:
        raise RecipeError(f"top={top}: at least 1")
    if images is not None and not Path(images).exists():
        raise ImageError(f"{images}: no such file or folder; give one of images")
    if audit is not None and not Path(audit).is_dir():
        raise OutputError(f"{audit}: no such folder; make one with `dreamfilters audit MODEL IMAGES --out {audit}`")
    apart = isinstance(model, str | Path)
    name = str(model) if apart else str(getattr(model, "name", "model"))
    wording = Snippets.of(name, options)
    command, python = wording.serve(images)
    return ViewerSettings(
        spec=name if apart else model,
        options={key: value for key, value in options.items() if value is not None and value is not False},
        name=name,
        images=None if images is None else Path(images),
        labels=None if labels is None else Path(labels),
        audit=None if audit is None else Path(audit),
        top=top,
        out=None if out is None else Path(out),
        command=command,
        python=python,
        wording=wording,
        prepare=prepare,
    )


def _check_script() -> None:
    """Raise AccessError where the process that is to own the model would run the user's script a second time."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return  # a notebook, or `python -m`
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if "__main__" not in Path(path).read_text("utf-8"):
            raise AccessError(
                f'{path}: put the call of serve below the line `if __name__ == "__main__":`, for the process that '
                "opens the network reads the script too"
            )


def _is_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")
