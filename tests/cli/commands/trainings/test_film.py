"""`dreamfilters film`: its table, JSON and one-line errors."""

import json

import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app
from dreamfilters.errors import OutputError, UsageError


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
