"""Files are written completely or not at all, and a folder has one writer."""

import errno
import os
from pathlib import Path

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.runs.storage.atomic_files import LOCK, claimed, sha256, write_atomic


def test_the_same_content_is_not_written_again(tmp_path):
    path = tmp_path / "a"
    write_atomic(path, b"one")
    os.utime(path, ns=(1, 1))
    write_atomic(path, b"one")
    assert path.stat().st_mtime_ns == 1
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    (tmp_path / ".a.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"a: cannot be written \(No space left on device\)") as caught:
        write_atomic(path, b"new")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_failing_rename_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_atomic(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_refused_with_the_process_id_of_the_first(tmp_path):
    with (
        claimed(tmp_path / "run"),
        pytest.raises(OutputError, match=f"is in use by another run .process {os.getpid()}."),
        claimed(tmp_path / "run"),
    ):
        pass


def test_the_lock_of_an_ended_run_is_free(tmp_path):
    (tmp_path / LOCK).write_text("999999\n")  # of a killed process; the system has released the lock
    with claimed(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_stays_empty_is_removed_with_its_new_parents_only(tmp_path):
    with claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []
    with claimed(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "kept").touch()
    assert (tmp_path / "a" / "b" / "kept").exists()


def test_a_file_at_the_path_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(OutputError, match="cannot be written"), claimed(folder):
            pass


def test_the_checksum_is_sha256():
    assert sha256(b"abc").startswith("ba7816bf")  # FIPS 180-2, appendix B.1


def test_an_error_in_the_run_is_passed_on(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "run"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
