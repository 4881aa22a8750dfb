"""The sixteen techniques of the lecture: the page lists them in its order, and each of its commands runs as it stands.

They run with cheap settings, on the built-in network and, where ../shared exists, on a network of others.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.signs.rendering.scenes import write_samples
from dreamfilters.techniques.forms.registry import TECHNIQUES

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "sixteen-techniques.md"
OTHER = (
    Path(__file__).parents[2]
    / "shared/models/traffic-signs/ro-nav__Traffic-Signs-Recognition__traffic_classifier.keras"
)
LECTURE = (
    "first-layer filters", "nearest neighbors", "PCA", "activation maps", "maximally activating", "occlusion",
    "saliency", "guided backprop", "gradient ascent", "multifaceted", "generator prior", "fooling", "DeepDream",
    "inversion", "texture", "style transfer",
)  # fmt: skip
IN_THE_VIEWER = re.compile(r"^\| ([\d, ()a-z]+) \| ([^|]+) \|$", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| (.+?) \| `(dreamfilters .+?)` \| `(df\.\w+).*` \|$", re.MULTILINE)
ROWS = [
    (int(number), technique, command, name) for number, technique, command, name in ROW.findall(PAGE.read_text("utf-8"))
]
PROGRAM: Any = get_command(app)
# Cheap settings of the commands that take long.
QUICK = {
    "dream": ["--set", "steps=2", "--set", "octaves=1"],
    "unit": ["--count", "2", "--recipe", "fast", "--set", "steps=2"],
    "facets": ["--strongest", "12", "--count", "2", "--recipe", "fast", "--set", "steps=2"],
    "fool": ["--steps", "2"],
    "invert": ["--steps", "2", "--layers", "{last}"],
    "texture": ["--steps", "2", "--layers", "{first}"],
    "style": ["--steps", "2", "--style-layers", "{first}"],
    "prior": ["--size", "16", "--steps", "1", "--force"],
}
SIGNS = {"first": "conv1", "last": "conv6"}


def words_of(command, layers):
    """The words of a command of the page with its quick settings."""
    _, name, *words = shlex.split(command)
    return [name, *words, *(word.format(**layers) for word in QUICK.get(name, ()))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("lecture")
    write_samples(path / "outputs" / "samples")
    return path


def test_the_page_lists_the_techniques_in_the_order_of_the_lecture():
    assert [number for number, *_ in ROWS] == list(range(1, 17))
    for (_, technique, _, _), wanted in zip(ROWS, LECTURE, strict=True):
        assert wanted.lower() in technique.lower()


def test_the_viewer_has_each_of_them_by_a_form_or_on_a_page():
    """The second table names each once; those of a form are the techniques that the viewer offers for them."""
    rows = IN_THE_VIEWER.findall(PAGE.read_text("utf-8"))
    numbers = [int(number) for numbers, _ in rows for number in re.findall(r"\d+", numbers)]
    assert sorted(set(numbers)) == list(range(1, 17))
    assert len(numbers) - len(set(numbers)) == 1  # saliency on its own and the segmentation by it
    (of_forms,) = [
        [int(number) for number in re.findall(r"\d+", one)] for one, text in rows if "**Techniques**" in text
    ]
    of_commands = {number: command.split()[1] for number, _, command, _ in ROWS}
    offered = {technique.command or technique.name for technique in TECHNIQUES.values()}
    assert {of_commands[number] for number in of_forms} == offered - {"unit", "weights"}  # these have their own rows


def test_every_command_and_function_of_the_page_exists():
    for _, technique, command, name in ROWS:
        assert command.split()[1] in PROGRAM.commands, technique
        assert hasattr(df, name.removeprefix("df.")), technique


@pytest.mark.ci
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}")
def test_every_command_of_the_page_runs(row, folder, monkeypatch):
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, words_of(row[2], SIGNS))
    assert result.exit_code == 0, result.output
    assert result.output.strip()


@pytest.mark.ci
@pytest.mark.skipif(not OTHER.exists(), reason="../shared has no networks of others here")
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row[0] in (5, 7, 10, 12, 14, 15, 16)], ids=lambda row: f"{row[0]}"
)
def test_the_techniques_of_given_images_run_on_a_network_of_others(row, folder, monkeypatch):
    monkeypatch.chdir(folder)
    network = df.load(OTHER)
    first = next(info.name for info in network.layers if info.kind == "map")
    last = next(info.name for info in reversed(network.layers) if info.kind == "map")
    words = words_of(row[2], {"first": first, "last": last})
    other = {"conv6:12": f"{last}:0", "conv5:3": f"{last}:1", "class:yield": "class:13"}
    words = [word if word != "signs" else str(OTHER) for word in (other.get(word, word) for word in words)]
    result = CliRunner().invoke(app, [*words, "--range", "0", "1"])
    assert result.exit_code == 0, result.output
