"""`show`: a network as the viewer in a cell of a real notebook, anything else as its display."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.errors import UsageError
from tests.notebooks import needs_notebooks

SHOWN = """
import json, re, urllib.request
from http.cookiejar import CookieJar
import keras
import numpy as np
import dreamfilters as df

layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="conv1")]
model = keras.Sequential(layers, name="net")
viewer = df.show(model, width="80%", height=456)
"""
FETCHED = """
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
response = opener.open({address!r})
page = response.read().decode()
state = json.load(opener.open(response.url + "api/state"))
print(json.dumps([response.status, page, dict(response.headers), sorted(state)]))
"""


@pytest.mark.slow
@needs_notebooks
def test_a_network_is_the_viewer_in_a_frame_of_the_cell(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOWN)])
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    with client.setup_kernel():
        client.execute_cell(notebook.cells[0], 0)
        (output,) = notebook.cells[0].outputs
        html = output.data["text/html"]
        address = re.search('src="(.*?)"', html)[1]
        assert re.fullmatch(r"http://127[.]0[.]0[.]1:[0-9]+/[?]token=[\w-]{20,}", address)
        assert 'width="80%" height="456"' in html
        assert "<script" not in html
        notebook.cells.append(nbformat.v4.new_code_cell(FETCHED.format(address=address)))
        client.execute_cell(notebook.cells[1], 1)
        code, page, headers, state = json.loads(notebook.cells[1].outputs[0].text)
        assert code == 200
        assert "<title>dreamfilters</title>" in page
        assert "static/" in page
        assert "frame-ancestors http://127.0.0.1:* http://localhost:*" in headers["content-security-policy"]
        assert "images" in state
        again = "again = df.show(model); print(viewer._thread.is_alive(), again._thread.is_alive()); again.close()"
        notebook.cells.append(nbformat.v4.new_code_cell(again))
        client.execute_cell(notebook.cells[2], 2)
        assert notebook.cells[2].outputs[-1].text == "False True\n"  # a cell that runs again leaves no viewer behind


def test_outside_of_a_notebook_the_viewer_opens_in_the_browser(tiny, monkeypatch):
    opened = []
    monkeypatch.setattr("dreamfilters.viewer.launch.open_page", lambda viewer: opened.append(viewer))
    viewer = df.show(tiny)
    try:
        assert opened == [viewer]
        assert viewer._thread.is_alive()
    finally:
        viewer.close()


def test_a_result_is_its_display_and_has_no_frame(monkeypatch):
    shown = []
    display = SimpleNamespace(display=shown.append)
    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=None), display=display)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    assert df.show(np.zeros((4, 6, 3))) is None
    assert shown[0]._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match=r"height: only for a network, .* this is a ndarray"):
        df.show(np.zeros((4, 6, 3)), height=300)
