"""The generated pages of the site: the command reference and the API reference.

`python -m docs.reference` writes them into docs/reference; the site's build does the same.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

import dreamfilters
from dreamfilters.cli import app

# Sections of the API reference: a title, and the packages of which it shows the public names.
SECTIONS = {
    "Networks": ("networks",),
    "Images": ("images", "display"),
    "Objectives": ("dreams.objectives",),
    "Dreams and recipes": ("dreams.engine", "dreams.recipe", "dreams.result", "dreams.ascent"),
    "Parameterizations": ("dreams.parameterizations", "dreams.perturbation"),
    "Transforms": ("dreams.transforms",),
    "Penalties": ("dreams.penalties",),
    "Optimizers": ("dreams.optimizers",),
    "Priors": ("dreams.priors",),
    "Evidence": ("evidence",),
    "Attribution": ("attribution",),
    "Techniques": ("techniques",),
    "Comparison": ("comparison", "report"),
    "Verdicts": ("verdicts",),
    "Run folders": ("runs",),
    "Trainings": ("training",),
    "Viewer": ("viewer",),
    "Errors": ("errors",),
    "Other": ("",),
}


def write(folder: Path) -> None:
    """Write commands.md and api.md into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "commands.md").write_text("\n".join(command_reference()) + "\n", "utf-8")
    (folder / "api.md").write_text("\n".join(api_reference()) + "\n", "utf-8")


def command_reference() -> Iterator[str]:
    """Yield the lines of the command reference, which are those of `--help`."""
    group: Any = get_command(app)
    yield "# Command reference\n"
    yield "Generated from the commands' own help (`dreamfilters COMMAND --help`).\n"
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=f"dreamfilters {name}")
        yield f"## {name}\n"
        yield f"```text\ndreamfilters {name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        yield from _help_text(command.help or "")
        for title, entries in command.sections(context).items():
            yield f"**{title}**\n"
            yield from (f"`{label}`\n: {_escaped(meaning)}\n" for label, meaning in entries)
        yield ""


def _help_text(text: str) -> Iterator[str]:
    """Yield a command's help as Markdown; a paragraph after a form feed keeps its lines."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            yield "```text" + paragraph.removeprefix("\b") + "\n```\n"
        else:
            yield _escaped(paragraph) + "\n"


def _escaped(text: str) -> str:
    """Escape what Markdown would read as markup, outside of code."""
    return "".join(
        part if part.startswith("`") else re.sub(r"([\[\]*_<>|\\$])", r"\\\1", part)
        for part in re.split(r"(`[^`]*`)", text)
    )


def api_reference() -> Iterator[str]:
    """Yield the lines of the API reference: every public name, by section, from its docstring."""
    yield "# API reference\n"
    yield "Every public name of `import dreamfilters as df`, generated from its docstring.\n"
    yield (
        "The examples run in a folder where `signs/` holds the rendered signs (`dreamfilters samples signs`) and\n"
        "`outputs/scan` a scan of them (`dreamfilters scan signs signs --out outputs/scan`), after\n"
    )
    yield (
        "```python\nimport numpy as np\nimport dreamfilters as df\nfrom dreamfilters import *\n\n"
        'network = df.load("signs")  # the built-in network\n'
        'images = np.stack([image for _, image in df.image_folder("signs", size=(48, 48))][:16])\n'
        'dreams = df.dream(network, "conv6:12-13", df.Recipe(steps=8), seed=7)\n```\n'
    )
    for title, names in sections().items():
        yield f"## {title}\n"
        for name in names:
            yield f"### {name}\n"
            yield "```{eval-rst}"
            yield from _directive(name)
            yield "```\n"


def sections() -> dict[str, list[str]]:
    """Return the public names of each section, as listed in `dreamfilters/__init__.pyi`."""
    stub = Path(dreamfilters.__file__).with_name("__init__.pyi").read_text("utf-8")
    found: dict[str, list[str]] = {title: [] for title in SECTIONS}
    for module, listed in re.findall(r"from \.([\w.]+) import (\([^)]*\)|.*)", stub):
        name = re.search(r"(\w+) as \w+", listed)
        title = next(
            title
            for title, parts in SECTIONS.items()
            if any(f"{module}.".startswith(f"{part}." if part else "") for part in parts)
        )
        found[title] += re.findall(r"\w+ as (\w+)", listed) if name else []
    return {title: names for title, names in found.items() if names}


def _directive(name: str) -> Iterator[str]:
    thing = getattr(dreamfilters, name)
    if inspect.isclass(thing):
        yield f".. autoclass:: dreamfilters.{name}\n   :members:"
    elif callable(thing):
        yield f".. autofunction:: dreamfilters.{name}"
    else:
        yield f".. py:data:: dreamfilters.{name}\n   :type: {type(thing).__name__}"


if __name__ == "__main__":
    write(Path(__file__).parent / "reference")
