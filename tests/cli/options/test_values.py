import os

import pytest

from dreamfilters.cli.options.values import known_model, parse_numbers, parse_sides, parse_size, writable_folder
from dreamfilters.errors import InputFormError, ModelError, OutputError, TargetError


def test_sizes():
    assert (parse_sides("96"), parse_sides("64x96"), parse_sides("64×96")) == ((96,), (64, 96), (64, 96))
    assert (parse_size(None), parse_size("96"), parse_size("64x96")) == (None, (96, 96), (64, 96))
    with pytest.raises(InputFormError, match="--size 1x2x3: must be a side in pixels"):
        parse_size("1x2x3")


def test_numbers_and_ranges():
    assert parse_numbers("0-3, 42,2") == (0, 1, 2, 3, 42)
    for text in ("", "a", "-1", "3-", "1-2-3", "0-9999999"):
        with pytest.raises(TargetError, match="must be numbers and ranges"):
            parse_numbers(text)


def test_a_model_that_is_no_file_is_left_to_load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "net.keras").touch()
    (tmp_path / "saved" / "saved_model.pb").touch()
    for text in (None, "signs", "applications:VGG16", "module:function", "saved", "net.keras"):
        assert known_model(text) == text
    with pytest.raises(ModelError, match=r"^nett\.keras: no such file\. Close names: net\.keras$"):
        known_model("nett.keras")


def test_an_output_directory_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert writable_folder(tmp_path / "new" / "newer") == tmp_path / "new" / "newer"
    with pytest.raises(OutputError, match=r"file/new: cannot be written \(.*file is a file\)"):
        writable_folder(tmp_path / "file" / "new")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for a user who may not write
    with pytest.raises(OutputError, match="does not allow it"):
        writable_folder(tmp_path / "new")
