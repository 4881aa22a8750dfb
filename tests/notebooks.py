"""Notebooks that tests execute in a real kernel of this Python; skipped without nbclient and ipykernel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dreamfilters

MISSING = [name for name in ("nbclient", "nbformat", "ipykernel") if find_spec(name) is None]
needs_notebooks = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (pip install nbclient ipykernel)"
)


def executed(cells: Sequence[str] | Any, folder: Path, messages: list[dict[str, Any]] | None = None) -> Any:
    """Return the notebook of these sources, or a notebook, executed in a folder.

    Args:
        cells: sources of code cells, or a notebook.
        folder: where the kernel runs.
        messages: gets what the kernel sends.
    """
    import nbformat
    from nbclient import NotebookClient

    class Client(NotebookClient):
        def process_message(self, msg: dict[str, Any], *more: Any) -> Any:
            if messages is not None:
                messages.append(msg)
            return super().process_message(msg, *more)

    notebook = cells
    if isinstance(cells, list | tuple):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    package = str(Path(dreamfilters.__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]))
        Client(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook
