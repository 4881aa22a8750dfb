"""`dreamfilters film`: its table, JSON and one-line errors."""

import json

import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app
from dreamfilters.errors import DreamfiltersError, OutputError, UsageError


@pytest.fixture
def film(tmp_path, monkeypatch):
    """A function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["film", *map(str, words), "--quiet"])


def test_the_table_the_events_and_the_json(faulty, film):
    folder, training, _ = faulty
    result = film(folder, "--out", "film")
    assert result.exit_code == 0, result.output
    assert "conv1:3 stopped responding in epoch 3" in result.output
    assert "film/index.html" in result.output.replace("\\", "/")
    values = json.loads(film(folder, "--out", "film", "--json").stdout)
    assert [row["look"] for row in values["looks"]] == [look.name for look in training.looks]
    assert {"epoch 5"} == {f"epoch {event['epoch']:g}" for event in values["events"] if event["kind"] == "loss rose"}


def test_wrong_words_are_one_line(faulty, film, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("{}")
    cases = {
        (faulty[0], "--units", "conv1:2"): (UsageError, "its looks are stored; --images, --labels"),
        (faulty[0], "--between", "3"): (UsageError, "--between 3: give two looks"),
        ("none.keras",): (UsageError, "checkpoints need images; add --images DIR"),
        ("other",): (OutputError, "other: holds no training"),
    }
    for words, (kind, message) in cases.items():
        result = film(*words)
        assert result.exit_code, words
        assert isinstance(result.exception, kind), (words, result.exception)
        assert message in str(result.exception)


def test_the_run_of_another_command_is_no_training_and_no_network(film, noisy, tmp_path):
    """Each is one line: what the folder holds, and what works instead."""
    run = CliRunner().invoke
    model, images = str(noisy / "tiny.keras"), str(noisy / "images")
    run(app, ["scan", model, images, "--layers", "conv1", "--out", "scan", "--quiet"])
    assert (tmp_path / "scan" / "manifest.json").exists()
    for words, message in {
        ("scan",): "scan: holds the results of `scan`, no training; make one with TrainingMonitor(images, out='scan')",
        ("scan", "--images", images): "scan: holds the results of `scan`, no training",
        ("scan", model, "--images", images): "scan: neither a training nor a folder of checkpoints (.keras, .h5",
        (images, "--images", images): "images: neither a training nor a folder of checkpoints",
    }.items():
        result = film(*words)
        assert result.exit_code, words
        assert isinstance(result.exception, DreamfiltersError)
        assert message in str(result.exception)
    for words, message in {
        ("scan", model, images): "scan: is a folder; give a file that ends in .keras",
        (model, "scan", images): "scan: is a folder; give a file that ends in .keras",
        (model, model, "scan"): "scan: none of its ",
    }.items():
        result = run(app, ["diff", *words, "--out", "diff", "--quiet"])
        assert result.exit_code, words
        assert isinstance(result.exception, DreamfiltersError)
        assert message in str(result.exception)
        assert "\n" not in str(result.exception)
