"""The page about notebooks runs in a real notebook, where its results show images."""

from __future__ import annotations

import json

import pytest

from tests.notebooks import executed, needs_notebooks
from tests.test_docs import ROOT, steps

SHOWN = """
scan
scan.layer("conv1")
network
df.read_recipe("fast")
df.channel("conv1", [0])
df.compare(network, "conv1:0", images, recipe=df.Recipe(steps=1), seeds=1, top=2)
df.audit(network, scan)
dreams
df.show(images[0])
"""


@pytest.mark.slow
@needs_notebooks
def test_the_page_about_notebooks_runs_in_one(tmp_path):
    page = ROOT / "docs" / "how-to" / "notebooks.md"
    sources = [text for kind, _, text in steps(page) if kind == "python"] + SHOWN.split("\n")[1:-1]
    notebook = executed(sources, tmp_path)
    shown = {
        cell.source: {kind: data for output in cell.outputs for kind, data in output.get("data", {}).items()}
        for cell in notebook.cells
    }
    for source in SHOWN.split("\n")[1:-1]:
        kinds = shown[source]
        assert kinds.keys() & {"text/html", "image/png"}, source
        assert "<script" not in kinds.get("text/html", ""), source
        assert len(kinds["text/plain"]) < 300, source
    assert "<img" in shown["scan"]["text/html"]
    assert "image/png" in shown["dreams"]
    json.dumps(notebook)  # what a notebook file holds
