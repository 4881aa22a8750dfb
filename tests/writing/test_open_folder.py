"""Files are written whole or not at all, and no planted name leads a write elsewhere."""

import errno
import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.writing import open_folder
from dreamfilters.writing.open_folder import OpenFolder, opened, part_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links and files")


@pytest.fixture(params=["descriptor", "path"])
def folder(tmp_path, monkeypatch, request):
    """An open folder `run` beside the folder `victims`, with names relative to a descriptor, or used as paths."""
    for name in ("run", "victims"):
        (tmp_path / name).mkdir()
    (tmp_path / "victims" / "a").write_bytes(b"victim")
    if request.param == "path":
        monkeypatch.setattr(open_folder, "_RELATIVE", False)
    elif not open_folder._RELATIVE:
        pytest.skip("this system has no names relative to an open folder")
    with opened(tmp_path / "run") as held:
        yield held


@pytest.fixture
def victim(folder):
    """A file outside that must not change."""
    return folder.path.parent / "victims" / "a"


def names(folder: OpenFolder) -> list[str]:
    return sorted(path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*"))


def test_the_same_content_is_not_written_again(folder):
    folder.write("a", b"one")
    os.utime(folder.path / "a", ns=(1, 1))
    folder.write("a", b"one")
    assert (folder.path / "a").stat().st_mtime_ns == 1
    folder.write("a", b"two")
    assert (folder.path / "a").read_bytes() == b"two"
    folder.write("units/b", b"three")
    assert names(folder) == ["a", "units", "units/b"]


@posix
def test_the_mode_follows_the_umask(folder):
    before = os.umask(0o027)
    try:
        folder.write("units/a", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder.path / "units" / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder.path / "units").stat().st_mode) == 0o750


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(folder, monkeypatch, failing):
    (folder.path / "a").write_bytes(b"old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "write":

        def half(descriptor, content, flush):
            os.write(descriptor, content[:1])
            os.close(descriptor)
            full()

        monkeypatch.setattr(open_folder, "write_through", half)
    else:
        monkeypatch.setattr(os, failing, full)
    with pytest.raises(OutputError, match=r"a: cannot be written \(No space left on device\)") as caught:
        folder.write("a", b"new")
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    assert (folder.path / "a").read_bytes() == b"old"
    assert names(folder) == ["a"]


def made_symlink(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def made_dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.parent / "absent")


def made_hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def made_pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def made_socket(path: Path, victim: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


UNUSUAL = {
    made_symlink: "a symbolic link",
    made_dangling: "a symbolic link",
    made_hard_link: r"a second name of a file \(a hard link\)",
    made_pipe: "a named pipe",
    made_socket: "a socket",
}


@posix
@pytest.mark.parametrize("plant", UNUSUAL)
@pytest.mark.parametrize("content", [b"victim", b"ours"])
def test_a_target_that_is_no_plain_file_is_refused_in_one_line(folder, victim, plant, content):
    plant(folder.path / "a", victim)
    before = names(folder)
    with pytest.raises(OutputError, match=rf"run/a: is {UNUSUAL[plant]}, and nothing is written there; remove it"):
        folder.write("a", content)
    with pytest.raises(OutputError, match=UNUSUAL[plant]):
        folder.check("a")
    assert names(folder) == before
    assert victim.read_bytes() == b"victim"
    assert [path.name for path in victim.parent.iterdir()] == ["a"]


@posix
@pytest.mark.parametrize("plant", UNUSUAL)
def test_a_temporary_name_that_is_taken_is_replaced_and_not_followed(folder, victim, plant):
    plant(folder.path / part_of("a"), victim)
    folder.write("a", b"ours")
    assert (folder.path / "a").read_bytes() == b"ours"
    assert not (folder.path / "a").is_symlink()
    assert names(folder) == ["a"]
    assert victim.read_bytes() == b"victim"
    assert [path.name for path in victim.parent.iterdir()] == ["a"]


@posix
@pytest.mark.parametrize("where", ["units", "units/deep"])
def test_a_linked_subfolder_is_refused_and_nothing_is_removed_through_it(folder, victim, where):
    link = folder.path / where
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(victim.parent)
    for action in (lambda: folder.write(f"{where}/a", b"ours"), lambda: folder.check(f"{where}/a")):
        with pytest.raises(OutputError, match=rf"{link.name}: is a symbolic link, and nothing is written there"):
            action()
    folder.remove(f"{where}/a")
    assert victim.read_bytes() == b"victim"
    assert [path.name for path in victim.parent.iterdir()] == ["a"]


@posix
@pytest.mark.skipif(not open_folder._RELATIVE, reason="needs names relative to an open folder")
def test_a_link_that_appears_after_the_check_is_not_followed(tmp_path, monkeypatch):
    """The status says that the names are free or folders; the system refuses the links all the same."""
    (tmp_path / "victims").mkdir()
    (tmp_path / "victims" / ".a.part").write_bytes(b"victim")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "units").symlink_to(tmp_path / "victims")
    (tmp_path / "run" / ".b.part").symlink_to(tmp_path / "victims" / ".a.part")
    a_folder = tmp_path.stat()
    with opened(tmp_path / "run") as folder:
        monkeypatch.setattr(OpenFolder, "status", lambda self, name: a_folder if name == "units" else None)
        with pytest.raises(OutputError, match=r"units/a: cannot be written"):
            folder.write("units/a", b"ours")
        with pytest.raises(OutputError, match=r"b: cannot be written \(File exists\)"):
            folder.write("b", b"ours")
    assert (tmp_path / "victims" / ".a.part").read_bytes() == b"victim"
    assert [path.name for path in (tmp_path / "victims").iterdir()] == [".a.part"]


@posix
@pytest.mark.skipif(not open_folder._RELATIVE, reason="needs names relative to an open folder")
def test_a_folder_that_is_replaced_by_a_link_is_not_followed(folder, victim):
    if folder.descriptor is None:
        pytest.skip("names are used as paths")
    folder.path.rename(folder.path.with_name("moved"))
    folder.path.symlink_to(victim.parent)
    folder.write("a", b"ours")
    assert victim.read_bytes() == b"victim"
    assert (folder.path.with_name("moved") / "a").read_bytes() == b"ours"


def test_a_folder_at_the_name_of_a_file_is_one_line(folder):
    (folder.path / "a").mkdir()
    with pytest.raises(OutputError, match="a: cannot be written"):
        folder.write("a", b"ours")
    (folder.path / ".b.part").mkdir()
    with pytest.raises(OutputError, match=r"\.b\.part: is a folder, and nothing is written there"):
        folder.write("b", b"ours")
    (folder.path / "c").touch()
    with pytest.raises(OutputError, match="c: is a file, and nothing is written there"):
        folder.write("c/d", b"ours")
    assert names(folder) == [".b.part", "a", "c"]


@pytest.mark.parametrize("name", ["../victims/a", "/etc/passwd", "a/../../victims/a", "", ".", "..", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, victim, name):
    for action in (lambda: folder.write(name, b"ours"), lambda: folder.remove(name), lambda: folder.check(name)):
        with pytest.raises(OutputError, match="is not a name inside this folder"):
            action()
    assert victim.read_bytes() == b"victim"


def test_removing_takes_the_unfinished_write_and_the_empty_subfolders(folder):
    folder.write("units/deep/a", b"a")
    (folder.path / "units" / "deep" / ".a.part").write_bytes(b"half")
    (folder.path / "units" / "mine").touch()
    folder.remove("units/deep/a")
    assert names(folder) == ["units", "units/mine"]
    folder.remove("absent")
    folder.remove("absent/a")
