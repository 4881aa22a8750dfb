"""Every command and every block of Python in README and docs runs, in order, in one folder; links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import traceback
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from docs import notebook_pages, reference
from dreamfilters.cli import app
from dreamfilters.comparison.measures.registry import MEASURES
from dreamfilters.dreams.recipe import KINDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/[!r]*/*.md"))]
FENCE = re.compile(r"```(?:\{code-block\} )?(\w+)\n(?::caption: ([\w.-]+)\n\n)?(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MOST_README = 120  # lines


def steps(page):
    """What a reader of a page does, in order: files to write, commands to run and blocks of Python."""
    for kind, name, text in FENCE.findall(page.read_text("utf-8")):
        if name:
            yield "file", name, text
        elif kind == "python":
            yield "python", text.splitlines()[0], text
        elif kind == "sh":
            yield from (("command", line, line) for line in text.splitlines() if line.startswith("dreamfilters "))


def pages_to_read() -> list[Any]:
    """Return the pages as parameters: a usual run reads the README and the tutorials, CI all pages."""
    tutorials = set((ROOT / "docs" / "tutorials").glob("*.md"))
    usual = {PAGES[0], *tutorials} - {ROOT / "docs" / "tutorials" / "planted-cue.md"}  # it trains two networks
    marks = {page: () if page in usual else pytest.mark.ci for page in PAGES}
    return [pytest.param(page, marks=marks[page]) for page in PAGES if list(steps(page))]


class Reader:
    """Does what pages say, in one folder: each page once, after the README. Blocks of one page share their names.

    Attributes:
        names: page -> the names that its Python defined.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[Path, dict[str, Any]] = {}
        self._errors: dict[Path, list[str]] = {}

    def errors(self, page: Path) -> list[str]:
        """Return the errors of a page's steps."""
        if page not in self._errors:
            names = self.names[page] = {"__name__": "docs"}
            with contextlib.chdir(self.folder):
                done = [(label, run(kind, label, text, names)) for kind, label, text in steps(page)]
            self._errors[page] = [f"{label}: {error}" for label, error in done if error]
        return self._errors[page]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A reader of the pages, who has read the README."""
    folder = tmp_path_factory.mktemp("docs")
    with contextlib.chdir(folder):
        write_model_and_images()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("PIL.Image.Image.show", lambda image: None)  # it would open a window
        patch.setattr("webbrowser.open", lambda *_: True)
        made = Reader(folder)
        made.errors(PAGES[0])
        yield made


def write_model_and_images():
    """Write what a reader of the README has: net.keras, trained to tell three colors, and images/ with its classes."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    colors = {"red": (200, 60, 60), "green": (60, 180, 80), "blue": (60, 80, 200)}
    images = np.stack([rng.normal(color, 40, (20, 24, 24, 3)) for color in colors.values()]).clip(0, 255).round()
    for name, own in zip(colors, images, strict=True):
        folder = Path("images") / name
        folder.mkdir(parents=True)
        for number, image in enumerate(own):
            Image.fromarray(image.astype("uint8")).save(folder / f"{number}.png")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((24, 24, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, activation="relu", name="conv1"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    labels = np.repeat(range(3), 20)
    model.fit(images.reshape(-1, 24, 24, 3), labels, epochs=20, verbose=0)
    assert model.evaluate(images.reshape(-1, 24, 24, 3), labels, verbose=0)[1] == 1
    model.save("net.keras")


def run(kind, label, text, names):
    if kind == "file":
        Path(label).write_text(text, "utf-8")
        return ""
    if kind == "command":
        result = CliRunner().invoke(app, shlex.split(text, comments=True)[1:])
        error = result.exit_code and (result.exception or result.exit_code)
        return f"{error}\n{result.output}" if error else "" if result.output.strip() else "no output"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, label, "exec"), names)
    except Exception:
        return traceback.format_exc()
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_to_read(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_python_of_a_page_run(reader, page):
    failed = reader.errors(page)
    assert not failed, "\n".join(failed)


@pytest.mark.slow
@pytest.mark.ci
def test_the_planted_cue_of_the_tutorial_is_found(reader):
    """Covering the corner with the cue costs more than covering anything else, several times as much."""
    page = ROOT / "docs/tutorials/planted-cue.md"
    assert not reader.errors(page)
    names = reader.names[page]
    assert names["with_cue"] > 0.9 > 0.2 > names["without_cue"]
    part = names["check"].covered
    top, left, bottom, right = part.box
    assert (bottom, right) == (16, 16)
    assert min(top, left) >= 10
    assert part.drop > 3 * max(part.elsewhere, 0)
    assert part.drop > names["check"].dream.score / 2


def test_most_pages_have_something_to_run():
    assert len([page for page in PAGES if list(steps(page))]) > 12


def test_links_lead_somewhere():
    generated = {"commands.md", "api.md", *(f"{path.stem}.md" for path in notebook_pages.notebooks())}
    for page in PAGES:
        for target in LINK.findall(page.read_text("utf-8")):
            path = target.partition("#")[0]
            if path and not path.startswith(("https://", "mailto:")) and Path(path).name not in generated:
                assert (page.parent / path).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_table_of_contents():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    for page in PAGES[1:]:
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        assert name == "index" or f"\n{name}\n" in index, name


def test_the_command_reference_names_every_command_and_option():
    text = "\n".join(reference.command_reference())
    for command in app.registered_commands:
        assert f"\n## {(command.name or command.callback.__name__).strip('_')}\n" in text
    assert "`--recipe" in text


def test_the_api_reference_holds_every_public_name_once():
    import dreamfilters

    listed = [name for names in reference.sections().values() for name in names]
    assert sorted(listed) == sorted(set(dreamfilters.__all__) - {"__version__"})


def test_every_measure_is_explained():
    text = (ROOT / "docs" / "explanation" / "measures.md").read_text("utf-8")
    assert [name for name in MEASURES if f"`{name}`" not in text] == []


def test_every_kind_of_a_recipe_is_named():
    text = (ROOT / "docs" / "how-to" / "recipes.md").read_text("utf-8")
    kinds = {kind for section in KINDS.values() for kind in section}
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []


def test_the_recipes_named_are_those_shipped():
    shipped = {path.stem for path in (ROOT / "configs").glob("*.toml")}
    table = (ROOT / "docs" / "tutorials" / "dreams.md").read_text("utf-8").split("| recipe |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([\w-]+)`", table)) >= shipped


def test_readme_is_short_and_starts_with_the_demonstration():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= MOST_README
    assert text.index("make demo") < text.index("dreamfilters dream")


def test_every_notebook_is_a_page_of_the_site_and_small(tmp_path):
    notebook_pages.write(tmp_path)
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    assert len(notebook_pages.notebooks()) == 3
    for path in notebook_pages.notebooks():
        assert path.stat().st_size < notebook_pages.MOST_BYTES, path.name
        assert f"\nreference/notebooks/{path.stem}\n" in index
        page = (tmp_path / f"{path.stem}.md").read_text("utf-8")
        assert page.startswith("# ")
        assert page.count("```python") == sum(
            cell["cell_type"] == "code" for cell in json.loads(path.read_text("utf-8"))["cells"]
        )
        assert 'src="data:image/png;base64,' in page
        assert not re.search(r"/tmp/|/home/|/root/|<script", page)


def test_images_of_the_site_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "docs").rglob("*.png")) < 3_000_000
