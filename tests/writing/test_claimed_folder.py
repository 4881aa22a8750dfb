"""A folder has one writer, and its lock overwrites no file of others."""

import os
import sys

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.writing.claimed_folder import LOCK, claimed

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links")


def test_a_second_run_is_refused_with_the_process_id_of_the_first(tmp_path):
    with (
        claimed(tmp_path / "run"),
        pytest.raises(OutputError, match=f"is in use by another run .process {os.getpid()}."),
        claimed(tmp_path / "run"),
    ):
        pass


def test_the_lock_of_an_ended_run_is_free(tmp_path):
    (tmp_path / LOCK).write_text("999999999\n")  # of a killed process; the system has released the lock
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


def test_an_error_in_the_run_is_passed_on(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "run"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("content", [b"mine", b"12345\n", b""])
@pytest.mark.parametrize(
    ("plant", "what"), [("symlink_to", "a symbolic link"), ("hardlink_to", r"a second name of a file \(a hard link\)")]
)
def test_a_lock_that_is_a_link_is_refused_and_its_file_unchanged(tmp_path, plant, what, content):
    victim = tmp_path / "victim"
    victim.write_bytes(content)
    (tmp_path / "run").mkdir()
    getattr(tmp_path / "run" / LOCK, plant)(victim)
    with pytest.raises(OutputError, match=rf"\.dreamfilters\.lock: is {what}.*; remove it"), claimed(tmp_path / "run"):
        pass
    assert victim.read_bytes() == content
    assert os.path.lexists(tmp_path / "run" / LOCK)


@posix
def test_a_lock_that_is_linked_to_nothing_creates_no_file(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "absent")
    with pytest.raises(OutputError, match="is a symbolic link"), claimed(tmp_path / "run"):
        pass
    assert not (tmp_path / "absent").exists()


@posix
def test_a_lock_that_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(OutputError, match="is a named pipe"), claimed(tmp_path):
        pass


def test_a_file_with_the_name_of_the_lock_is_not_truncated(tmp_path):
    (tmp_path / LOCK).write_text("notes of the user")
    with pytest.raises(OutputError, match="is no lock of this tool; remove it"), claimed(tmp_path):
        pass
    assert (tmp_path / LOCK).read_text() == "notes of the user"


@posix
def test_a_lock_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / LOCK).write_text("999999999\n")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(OutputError, match="is a file of another user; remove it"), claimed(tmp_path):
        pass
    assert (tmp_path / LOCK).read_text() == "999999999\n"


@posix
def test_a_lock_that_becomes_a_hard_link_while_it_is_opened_is_not_truncated(tmp_path, monkeypatch):
    """The check before the opening passes; the check of the open file refuses."""
    from dreamfilters.writing.open_folder import OpenFolder

    (tmp_path / "run").mkdir()
    (tmp_path / "victim").write_text("1234\n")
    (tmp_path / "run" / LOCK).hardlink_to(tmp_path / "victim")
    monkeypatch.setattr(OpenFolder, "check", lambda self, name: None)
    with pytest.raises(OutputError, match="a hard link"), claimed(tmp_path / "run"):
        pass
    assert (tmp_path / "victim").read_text() == "1234\n"


@posix
def test_the_folder_that_the_user_named_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    with claimed(tmp_path / "out") as folder:
        folder.write("a", b"a")
    assert (tmp_path / "disk" / "a").read_bytes() == b"a"
    with claimed(tmp_path / "out" / "new") as folder:  # nor need its parents be folders
        folder.write("b", b"b")
    assert (tmp_path / "disk" / "new" / "b").read_bytes() == b"b"


@posix
@pytest.mark.parametrize("nested", ["dreams", "dreams/seed-0"])
def test_a_folder_inside_a_claimed_one_is_not_a_link(tmp_path, nested):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dreams").symlink_to(tmp_path / "elsewhere")
    with (
        claimed(tmp_path / "out"),
        pytest.raises(OutputError, match=r"dreams: is a symbolic link, and nothing is written there; remove it"),
        claimed(tmp_path / "out" / nested),
    ):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_inside_a_claimed_one_is_claimed_too(tmp_path):
    with claimed(tmp_path / "out"), claimed(tmp_path / "out" / "dreams" / "seed-0") as inner:
        assert (tmp_path / "out" / "dreams" / "seed-0" / LOCK).exists()
        inner.write("a", b"a")
    assert [path.name for path in sorted((tmp_path / "out").rglob("*"))] == ["dreams", "seed-0", "a"]
