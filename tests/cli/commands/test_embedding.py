"""`dreamfilters embed` and `dreamfilters neighbors`: output, exit codes, and bad input."""

import json
import shutil
import warnings

import numpy as np
import pytest
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.errors import DreamfiltersError
from dreamfilters.images import png_bytes

QUICK = ("--range", "0", "1", "--quiet")


@pytest.fixture(scope="module")
def workspace(tiny, tmp_path_factory):
    """A folder with tiny.keras, `images` of three classes, a large image, and a single image."""
    folder = tmp_path_factory.mktemp("embed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(folder / "tiny.keras")
    rng = np.random.default_rng(0)
    for number in range(12):
        path = folder / "images" / str(number % 3) / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "large.png").write_bytes(png_bytes(rng.uniform(0, 1, (40, 50, 3))))
    (folder / "two").mkdir()
    for name in "ab":
        (folder / "two" / f"{name}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    return folder


@pytest.fixture
def run(workspace, monkeypatch, tmp_path):
    """A function that runs a command in the workspace."""
    monkeypatch.chdir(workspace)
    return lambda *words: CliRunner().invoke(app, [*words, *QUICK, "--out", str(tmp_path / "out")])


def test_embed_prints_how_far_the_map_can_be_trusted(run, tmp_path):
    result = run("embed", "tiny.keras", "images", "--layer", "conv1", "--dreams", "two")
    assert result.exit_code == 0, result.output
    found = df.read_embedding(tmp_path / "out")
    assert found.features.layer == "conv1"
    assert result.stdout.startswith("12 images and 2 dreams by conv1 (pca, cosine): trustworthiness ")
    assert result.stdout.rstrip().endswith("index.html")
    values = json.loads(run("embed", "tiny.keras", "images", "--layer", "conv1", "--dreams", "two", "--json").stdout)
    assert values["quality"]["trustworthiness"] == found.quality.trustworthiness
    assert [row["dream"] for row in values["images"]] == [0] * 12 + [1] * 2
    assert values["images"][0]["x"] == found.positions[0, 0]


def test_neighbors_prints_the_nearest_of_each_query(run, tmp_path):
    result = run("neighbors", "tiny.keras", "images", "large.png", "images/0/00.png", "-k", "2")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["query", "space", "rank", "image", "class", "distance"]
    assert [line[:3] for line in lines[1:5]] == [
        ["large.png", "conv2", "1"], ["large.png", "conv2", "2"], ["large.png", "pixels", "1"],
        ["large.png", "pixels", "2"],
    ]  # fmt: skip
    assert result.stdout.splitlines()[-1].startswith("2 queries among 12 images by conv2: ")
    values = json.loads(run("neighbors", "tiny.keras", "images", "two/a.png", "-k", "2", "--json").stdout)
    assert {row["query"] for row in values["neighbors"]} == {"a.png"}  # those of this call
    assert len(df.read_neighbors(tmp_path / "out")) == 3


def test_unreadable_images_are_exit_code_3(run, workspace):
    broken = workspace / "images" / "0" / "broken.png"
    broken.write_bytes(b"no image")
    try:
        result = run("embed", "tiny.keras", "images")
    finally:
        broken.unlink()
    assert result.exit_code == 3
    assert "1 of 13 images could not be read" in result.stderr


def test_unreadable_queries_are_listed_and_the_others_answered(run, workspace, tmp_path):
    queries = workspace / "queries"
    queries.mkdir()
    (queries / "a.png").write_bytes(b"no image")
    shutil.copy(workspace / "two" / "a.png", queries / "b.png")
    result = run("neighbors", "tiny.keras", "images", "queries", "-k", "2")
    assert result.exit_code == 3
    assert "1 query among 12 images" in result.stdout
    assert "a.png: is not an image" in result.stderr
    assert "1 of 14 images could not be read" in result.stderr
    again = run("neighbors", "tiny.keras", "images", "queries", "-k", "2", "--json")
    assert again.exit_code == 3
    assert {row["query"] for row in json.loads(again.stdout)["neighbors"]} == {"b.png"}
    (queries / "b.png").unlink()
    alone = run("neighbors", "tiny.keras", "images", "queries")
    assert isinstance(alone.exception, DreamfiltersError)
    assert "a.png: is not an image" in str(alone.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("embed", "tiny.keras", "two"), "2 images: pca needs 3 or more"),
        (("embed", "tiny.keras", "images", "--layer", "conv9"), "conv9: tiny has no such layer"),
        (("embed", "tiny.keras", "images", "--method", "isomap"), "embedding method isomap: there is none"),
        (("embed", "tiny.keras", "images", "--method", "tsne", "--set", "perplexity=5"), "12 images allow at most 3"),
        (("embed", "tiny.keras", "images", "--set", "perplexity=5"), "perplexity: pca has no such setting"),
        (("embed", "tiny.keras", "images", "--metric", "l1"), "--metric l1: must be cosine or euclidean"),
        (("embed", "tiny.keras", "images", "--dreams", "none"), "none: no such file or folder"),
        (("embed", "tiny.keras"), "tiny.keras: no images; give an image or a folder of images"),
        (("neighbors", "tiny.keras", "images", "none.png"), "none.png: no such file or folder"),
        (("neighbors", "tiny.keras", "images", "large.png", "-k", "0"), "--count 0: must be 1 or more"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, words, message):
    result = run(*words)
    assert isinstance(result.exception, DreamfiltersError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()
