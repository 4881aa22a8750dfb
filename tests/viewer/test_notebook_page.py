"""Where a viewer is for the page of a notebook: a Jupyter server, JupyterHub, Google Colab, VS Code."""

import json
import sys
from types import SimpleNamespace

import pytest

from dreamfilters.errors import UsageError
from dreamfilters.viewer.launch import access_for
from dreamfilters.viewer.notebook_page import NotebookPage, notebook_page

HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}


def test_an_unknown_page_is_one_of_this_machine():
    page = notebook_page(5001, environment={})
    assert page == NotebookPage("http://127.0.0.1:5001/", ("http://127.0.0.1:*", "http://localhost:*"))


@pytest.mark.parametrize(
    ("url", "address", "frames"),
    [
        ("http://localhost:8889/", "http://localhost:5001/", ("http://127.0.0.1:8889", "http://localhost:8889")),
        ("http://127.0.0.1:8889/x/", "http://127.0.0.1:5001/", ("http://127.0.0.1:8889", "http://localhost:8889")),
        ("https://myhost:8889/", "http://127.0.0.1:5001/", ("https://127.0.0.1:8889", "https://localhost:8889")),
        ("http://[broken", "http://127.0.0.1:5001/", ("http://127.0.0.1:*", "http://localhost:*")),
    ],
)
def test_the_page_of_a_jupyter_server_has_its_name_and_port(url, address, frames, tmp_path, monkeypatch):
    paths = SimpleNamespace(jupyter_runtime_dir=lambda: str(tmp_path))
    monkeypatch.setitem(sys.modules, "jupyter_core.paths", paths)
    (tmp_path / "jpserver-77.json").write_text(json.dumps({"url": url, "port": 8889, "token": "secret"}))
    assert notebook_page(5001, environment={"JPY_PARENT_PID": "77"}) == NotebookPage(address, frames)
    for other in ("78", "../77", ""):
        assert notebook_page(5001, environment={"JPY_PARENT_PID": other}).frames[0] == "http://127.0.0.1:*"


def test_a_given_origin_is_the_only_frame():
    assert notebook_page(5001, "http://lab.example:80", environment={}).frames == ("http://lab.example:80",)


def test_jupyterhub_passes_the_viewer_on_below_the_path_of_the_user():
    page = notebook_page(5001, "https://hub.example", environment=HUB)
    assert page == NotebookPage(
        "/user/ann/proxy/absolute/5001/", ("'self'",), ("hub.example",), "/user/ann/proxy/absolute/5001/"
    )
    public = {**HUB, "JUPYTERHUB_PUBLIC_URL": "https://own.example/user/ann/"}
    assert notebook_page(5001, environment=public).hosts == ("own.example",)
    with pytest.raises(UsageError, match=r"origin: this JupyterHub states no public address; .*origin='https://"):
        notebook_page(5001, environment=HUB)


def test_colab_says_itself_where_a_port_is(monkeypatch):
    asked = []

    def evaluated(code):
        asked.append(code)
        return "https://abc-5001-colab.googleusercontent.com"

    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "google.colab.output", SimpleNamespace(eval_js=evaluated))
    page = notebook_page(5001, environment={})
    assert asked == ["google.colab.kernel.proxyPort(5001)"]
    assert page.address == "https://abc-5001-colab.googleusercontent.com/"
    assert page.hosts == ("abc-5001-colab.googleusercontent.com",)
    assert "https://*.googleusercontent.com" in page.frames


def test_every_page_is_one_that_the_launch_accepts(monkeypatch):
    pages = [notebook_page(5001, environment={"VSCODE_PID": "1"}), notebook_page(5001, "https://a.example", HUB)]
    assert pages[0].frames[-1] == "vscode-webview:"
    for page in pages:
        access = access_for("127.0.0.1", None, page.hosts, page.base, page.frames)
        assert (access.frames, access.base) == (page.frames, page.base)
