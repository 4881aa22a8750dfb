"""Only regular files of limited size inside a folder are read."""

import os
import socket
from pathlib import Path

import pytest

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.stored_files import file_digest, is_below, read_file


def refused(folder, name, words):
    for read in (read_file, file_digest):
        with pytest.raises(DamagedError, match=words) as caught:
            read(folder, name)
        assert "\n" not in str(caught.value)


def test_a_file_of_a_subfolder_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"abc")
    assert read_file(tmp_path, "a/b") == b"abc"
    assert file_digest(tmp_path, "a/b") == sha256(b"abc")


def test_names_stay_below_their_folder():
    assert is_below("units/a.png")
    assert not any(map(is_below, ("", ".", "..", "../a", "a/../../b", "/a", "a\0b")))


@pytest.mark.parametrize("name", ["../a", "/dev/zero", "/etc/passwd", "", "a/../../b"])
def test_no_file_outside_is_read(tmp_path, name):
    refused(tmp_path, name, "names a file outside the folder")


@pytest.mark.parametrize("name", ["gone", "gone/a", "x" * 5000, "\ud800"])
def test_a_file_that_is_not_there_is_one_line(tmp_path, name):
    refused(tmp_path, name, "cannot be read")


def test_links_are_not_followed(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_bytes(b"abc")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").symlink_to(tmp_path / "outside" / "a")
    (inside / "folder").symlink_to(tmp_path / "outside")
    refused(inside, "file", "file: is a link")
    refused(inside, "folder/a", "folder: is a link")


def test_pipes_sockets_devices_and_folders_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s")) if len(str(tmp_path)) < 90 else (tmp_path / "s").mkdir()
        for name in ("pipe", "s"):
            refused(tmp_path, name, "is no regular file")
    if Path("/dev/zero").exists():
        refused(Path("/dev"), "zero", "is no regular file")
    (tmp_path / "folder").mkdir()
    refused(tmp_path, "folder", "is no regular file")


def test_the_size_is_checked_before_the_content_is_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)  # no byte of it takes room on the disk
    refused(tmp_path, "large", "has 1099511627776 bytes; at most 2147483648")
    (tmp_path / "small").write_bytes(b"abc")
    with pytest.raises(DamagedError, match="has 3 bytes; at most 2"):
        read_file(tmp_path, "small", 2)


def test_a_missing_permission_is_one_line(tmp_path):
    (tmp_path / "a").touch(mode=0o000)
    if os.geteuid():
        refused(tmp_path, "a", r"cannot be read \(Permission denied\)")
