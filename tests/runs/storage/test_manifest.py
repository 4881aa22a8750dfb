"""The manifest of a run folder."""

import json
import os

import pytest

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.manifest import KEY, MANIFEST, Manifest

FILES = {"scan.npz": "00" * 32, "units/a.png": "ff" * 32}
MODEL = {"name": "tiny", "spec": "tiny.keras", "fingerprint": "f"}
WHOLE = Manifest("scan", {"top": 4}, MODEL, FILES, {"rows": [1]}, (("bad.png", "is empty"),))
KEYS = [KEY, "command", "settings", "model", "files", "results", "failures"]


def forged(**changes):
    """Return a manifest with these values and the right checksum, as a stranger can write it."""
    values = {**json.loads(WHOLE.to_json()), **changes}
    return with_checksum(as_json({key: value for key, value in values.items() if key != "checksum"})).encode()


def test_it_is_read_as_it_was_written(tmp_path):
    assert Manifest.read(tmp_path) is None
    (tmp_path / MANIFEST).write_bytes(WHOLE.to_json())
    assert Manifest.read(tmp_path) == WHOLE


def test_every_command_has_the_same_keys():
    assert list(json.loads(WHOLE.to_json())) == [*KEYS, "checksum"]
    assert list(json.loads(Manifest("maps", {}, {}).to_json())) == [*KEYS, "checksum"]


def test_every_flip_of_a_bit_is_noticed(tmp_path):
    whole = WHOLE.to_json()
    for at in range(len(whole)):
        content = bytearray(whole)
        content[at] ^= 1 << at % 8
        (tmp_path / MANIFEST).write_bytes(content)
        if content.startswith(f'{{\n "{KEY}": '.encode()):
            with pytest.raises(DamagedError, match=r"manifest\.json: is damaged \(its checksum is missing or that of "):
                Manifest.read(tmp_path)
        else:
            assert Manifest.read(tmp_path) is None  # of another tool


@pytest.mark.parametrize(
    "change",
    [
        {"command": 3}, {"command": None}, {KEY: 1}, {"settings": ["top"]}, {"settings": None}, {"model": "tiny"},
        {"model": {}}, {"model": {**MODEL, "name": 3}}, {"files": ["a.png"]}, {"files": {"../a.png": "00" * 32}},
        {"files": {"/dev/zero": "00" * 32}}, {"files": {"a/../../b": "00" * 32}}, {"files": {"a.png": "0"}},
        {"files": {"a.png": 7}}, {"files": {"a\0b": "00" * 32}}, {"failures": 3}, {"failures": [1]},
        {"failures": [{"image": "a"}]}, {"failures": [{"image": "a", "reason": 1}]},
        {"failures": [{"image": "a", "reason": "b", "more": 1}]},
    ],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_damaged(tmp_path, change):
    (tmp_path / MANIFEST).write_bytes(forged(**change))
    with pytest.raises(DamagedError, match=r"manifest\.json: is damaged") as caught:
        Manifest.read(tmp_path)
    assert len(str(caught.value)) < len(str(tmp_path)) + 200


@pytest.mark.parametrize("missing", KEYS[1:])
def test_a_manifest_without_a_key_is_damaged(tmp_path, missing):
    values = {key: value for key, value in json.loads(WHOLE.to_json()).items() if key not in (missing, "checksum")}
    (tmp_path / MANIFEST).write_text(with_checksum(as_json(values)))
    with pytest.raises(DamagedError, match=f"the key '{missing}' is missing"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"dreamfilters"'])
def test_other_files_are_none(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    assert Manifest.read(tmp_path) is None


def test_a_manifest_of_an_early_version_has_no_checksum(tmp_path):
    values = {key: value for key, value in json.loads(WHOLE.to_json()).items() if key != "checksum"}
    (tmp_path / MANIFEST).write_text(as_json(values))
    with pytest.raises(DamagedError, match="its checksum is missing"):
        Manifest.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_only_a_regular_file_is_read(tmp_path):
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(DamagedError, match="is no regular file"):
        Manifest.read(tmp_path)
    (tmp_path / MANIFEST).unlink()
    (tmp_path / MANIFEST).symlink_to("/dev/zero")
    with pytest.raises(DamagedError, match="is a link"):
        Manifest.read(tmp_path)
