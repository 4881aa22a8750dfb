"""The notebooks of docs/notebooks: executed, with their outputs stored, and as pages of the site.

`python -m docs.notebook_pages` executes them and stores their outputs, which needs nbclient and ipykernel. The build of
the site writes the stored notebooks as Markdown into docs/reference/notebooks, which needs no package.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "notebooks"
MOST_BYTES = 700_000  # of a notebook
_SECONDS = 600  # of a cell, on a busy machine


def notebooks() -> list[Path]:
    """Return the notebooks in the order of their names."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> Any:
    """Return a notebook as it is after running from its first to its last cell, in a new folder."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    # The kernel finds this checkout, and TensorFlow says nothing of the machine.
    search = os.pathsep.join([str(FOLDER.parents[1]), os.environ.get("PYTHONPATH", "")])
    os.environ |= {"PYTHONPATH": search, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=_SECONDS,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":  # what TensorFlow and the kernel report of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {"language_info": {"name": "python"}}
    return notebook


def main() -> None:
    """Execute every notebook and store it with its outputs."""
    import nbformat

    for path in notebooks():
        content = nbformat.writes(executed(path))  # type: ignore[no-untyped-call]
        path.write_text(content + "\n", "utf-8")


def write(folder: Path) -> None:
    """Write a page for each notebook into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks():
        (folder / f"{path.stem}.md").write_text("\n".join(page(json.loads(path.read_text("utf-8")))) + "\n", "utf-8")


def page(notebook: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a stored notebook as Markdown.

    >>> list(page({"cells": [{"cell_type": "code", "source": ["1 + 1"], "outputs": [{"text": "2"}]}]}))
    ['```python\\n1 + 1\\n```\\n', '```text\\n2\\n```\\n']
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            yield _text(cell["source"]) + "\n"
            continue
        yield f"```python\n{_text(cell['source'])}\n```\n"
        for output in cell["outputs"]:
            yield from _output(output)


def output_text(output: dict[str, Any]) -> str:
    """Return what an output says: its text, or the text of its HTML."""
    data = output.get("data", {})
    if "text/html" in data:
        html = re.sub(r"<style>.*?</style>", " ", _text(data["text/html"]), flags=re.DOTALL)
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip())
    return _text(output.get("text", data.get("text/plain", ""))).replace("\r\n", "\n")


def _output(output: dict[str, Any]) -> Iterator[str]:
    data = output.get("data", {})
    if "text/html" in data:
        lines = [line for line in _text(data["text/html"]).splitlines() if line.strip()]
        yield "\n".join(["```{raw} html", *lines, "```\n"])
    elif kind := next((kind for kind in ("image/png", "image/webp") if kind in data), None):
        image = "".join(_text(data[kind]).split())
        yield f'```{{raw}} html\n<p><img src="data:{kind};base64,{image}" alt="{output_text(output)}"></p>\n```\n'
    else:
        yield f"```text\n{output_text(output).strip()}\n```\n"


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


if __name__ == "__main__":
    main()
