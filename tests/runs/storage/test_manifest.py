"""The manifest of a run folder."""

import json

import pytest

from dreamfilters.runs.storage.manifest import KEY, MANIFEST, Manifest, as_json, is_below

FILES = {"scan.npz": "00", "units/a.png": "ff"}
WHOLE = Manifest("scan", {"top": 4}, {"name": "tiny"}, FILES, {"rows": [1]}, (("bad.png", "is empty"),))


def test_it_is_read_as_it_was_written(tmp_path):
    assert Manifest.read(tmp_path) is None
    (tmp_path / MANIFEST).write_bytes(WHOLE.to_json())
    assert Manifest.read(tmp_path) == WHOLE


def test_every_command_has_the_same_keys():
    keys = [KEY, "command", "settings", "model", "files", "results", "failures"]
    assert list(json.loads(WHOLE.to_json())) == keys
    assert list(json.loads(Manifest("maps", {}, {}).to_json())) == keys


@pytest.mark.parametrize(
    "change",
    [{"files": ["a.png"]}, {"files": {"../a.png": "0"}}, {"settings": ["top"]}, {"failures": 3}, {"failures": [1]}],
)
def test_a_manifest_of_another_shape_is_none(tmp_path, change):
    (tmp_path / MANIFEST).write_text(json.dumps(json.loads(WHOLE.to_json()) | change))
    assert Manifest.read(tmp_path) is None


@pytest.mark.parametrize("missing", [KEY, "command", "settings", "model", "files", "results", "failures"])
def test_a_manifest_without_a_key_is_none(tmp_path, missing):
    values = json.loads(WHOLE.to_json())
    del values[missing]
    (tmp_path / MANIFEST).write_text(json.dumps(values))
    assert Manifest.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"dreamfilters"'])
def test_other_files_are_none(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    assert Manifest.read(tmp_path) is None


def test_json_is_strict_and_escapes_half_a_surrogate():
    assert json.loads(as_json({"a": float("inf"), 3: (1.5, "ä\ud800")})) == {"a": None, "3": [1.5, "ä\ud800"]}
    assert "ä" in as_json("ä")


def test_names_stay_below_their_folder():
    assert is_below("units/a.png")
    assert not any(map(is_below, ("", ".", "..", "../a", "a/../../b", "/a")))
