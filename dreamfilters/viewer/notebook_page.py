"""`NotebookPage`: where a notebook's page is, and at which address it reaches a viewer of the kernel's machine."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dreamfilters.errors import OutputError, UsageError
from dreamfilters.text_files import parse_json, read_text

LOOPBACK = ("127.0.0.1", "localhost")
_COLAB = "google.colab"
_COLAB_FRAMES = ("https://colab.research.google.com", "https://*.googleusercontent.com")


@dataclass(frozen=True)
class NotebookPage:
    """The page of a notebook, as far as a viewer at one port has to know it.

    Attributes:
        address: of the viewer as this page reaches it, up to the last slash.
        frames: the origins that may show it in a frame.
        hosts: names of a proxy that passes requests on.
        base: path prefix that a proxy adds.
    """

    address: str
    frames: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    base: str = "/"


def notebook_page(port: int, origin: str | None = None, environment: Mapping[str, str] = os.environ) -> NotebookPage:
    """Return the page of the notebook that runs in this kernel, for a viewer that listens at `port`.

    Google Colab and JupyterHub reach the viewer by their proxies. Elsewhere the browser reaches the loopback interface,
    by the name that the Jupyter server uses, so that the browser takes both for one site.

    Args:
        port: of the viewer.
        origin: of the notebook's page, such as https://hub.example; default: found out.
        environment: of the kernel.

    Raises:
        UsageError: a JupyterHub does not state its public address, and `origin` is not given.
    """
    if _COLAB in sys.modules:
        address = str(importlib.import_module("google.colab.output").eval_js(f"google.colab.kernel.proxyPort({port})"))
        frames = (*_COLAB_FRAMES, *([origin] if origin else []))
        return NotebookPage(address.rstrip("/") + "/", frames, (urlsplit(address).hostname or "",))
    if prefix := environment.get("JUPYTERHUB_SERVICE_PREFIX"):
        host = urlsplit(origin or environment.get("JUPYTERHUB_PUBLIC_URL", "")).hostname
        if not host:
            raise UsageError("origin: this JupyterHub states no public address; give that of the notebook's page, such "
                             "as show(network, origin='https://hub.example')")  # fmt: skip
        # "absolute": jupyter-server-proxy passes paths on as they are, and would add the prefix to redirects otherwise.
        base = f"/{prefix.strip('/')}/proxy/absolute/{port}/"
        return NotebookPage(base, ("'self'",), (host,), base)  # one origin: the proxy is part of the Jupyter server
    scheme, name, at = _server(environment)
    local = tuple(f"{scheme}://{each}:{at}" for each in LOOPBACK)
    panes = ("vscode-webview:",) if any(key.startswith("VSCODE_") for key in environment) else ()
    return NotebookPage(f"http://{name}:{port}/", (origin,) if origin else local + panes)


def _server(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Return scheme, loopback name and port of the Jupyter server that started this kernel; any port if unknown."""
    parent, paths = environment.get("JPY_PARENT_PID", ""), sys.modules.get("jupyter_core.paths")
    unknown = "http", LOOPBACK[0], "*"
    if not parent.isdecimal() or paths is None:
        return unknown
    file = Path(paths.jupyter_runtime_dir()) / f"jpserver-{parent}.json"
    try:
        values = parse_json(read_text(file, error=OutputError), file.name, error=OutputError)
        url = urlsplit(str(values["url"]))
        port = url.port or int(values["port"])
    except (OutputError, ValueError, KeyError, TypeError):
        return unknown
    name = url.hostname if url.hostname in LOOPBACK else LOOPBACK[0]
    return ("https" if url.scheme == "https" else "http"), name, str(port)
