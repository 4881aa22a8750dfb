"""Files at a path that the user gave are written whole or not at all, and through no link."""

import errno
import os
import stat
import sys

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.writing.single_files import check_file, new_file, part_file, write_file

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links and files")
LINKS = [("symlink_to", "a symbolic link"), ("hardlink_to", "a second name of a file")]


@pytest.fixture
def victim(tmp_path):
    """A file that must not change."""
    path = tmp_path / "victim"
    path.write_bytes(b"victim")
    return path


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"one", b"two"):
        write_file(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
        assert [path.name for path in tmp_path.iterdir()] == ["a"]


@posix
def test_the_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@posix
@pytest.mark.parametrize(("plant", "what"), LINKS)
def test_a_link_is_refused_in_one_line(tmp_path, victim, plant, what):
    getattr(tmp_path / "a", plant)(victim)
    for action in (lambda: write_file(tmp_path / "a", b"ours"), lambda: check_file(tmp_path / "a")):
        with pytest.raises(OutputError, match=f"a: is {what}.*, and nothing is written there; remove it"):
            action()
    assert victim.read_bytes() == b"victim"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "victim"]


@posix
def test_a_link_that_is_made_meanwhile_is_refused_too(tmp_path, victim):
    def make(path):
        with new_file(path) as part:
            part.write_bytes(b"ours")
            path.symlink_to(victim)

    with pytest.raises(OutputError, match="is a symbolic link"):
        make(tmp_path / "a")
    assert victim.read_bytes() == b"victim"


@posix
def test_a_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a")
    with pytest.raises(OutputError, match="is a named pipe"):
        write_file(tmp_path / "a", b"ours")


@posix
def test_only_this_user_can_enter_the_folder_in_which_the_file_is_made(tmp_path):
    with new_file(tmp_path / "net.keras") as part:
        assert part.name == "net.keras"
        assert stat.S_IMODE(part.parent.stat().st_mode) == 0o700
        part.write_bytes(b"ours")


@posix
def test_the_folder_of_the_file_may_be_a_link_that_the_user_made(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    write_file(tmp_path / "out" / "a", b"ours")
    assert (tmp_path / "disk" / "a").read_bytes() == b"ours"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def make(path):
        with new_file(path) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises((OutputError, KeyboardInterrupt)):
        make(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(OutputError, match="a: cannot be written"):
        write_file(tmp_path / "absent" / "a", b"ours")


def test_a_partial_file_is_continued_or_begun_again(tmp_path):
    for append, content in ((False, b"one"), (True, b"onetwo"), (False, b"two")):
        with part_file(tmp_path / "a.part", append=append) as file:
            file.write(content[-3:])
        assert (tmp_path / "a.part").read_bytes() == content


@posix
@pytest.mark.parametrize(("plant", "what"), LINKS)
def test_a_partial_file_that_is_a_link_is_not_continued(tmp_path, victim, plant, what):
    getattr(tmp_path / "a.part", plant)(victim)
    with pytest.raises(OutputError, match=what), part_file(tmp_path / "a.part", append=True):
        pass
    with part_file(tmp_path / "a.part", append=False) as file:
        file.write(b"ours")
    assert victim.read_bytes() == b"victim"
    assert (tmp_path / "a.part").read_bytes() == b"ours"
