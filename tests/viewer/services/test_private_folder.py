import gc
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.viewer.services.private_folder import PrivateFolder, remove_stale

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no permissions, no locks of folders")

HOLD = """if True:
    import time
    from dreamfilters.viewer.services.private_folder import PrivateFolder
    folder = PrivateFolder()
    folder.write("upload", b"secret")
    print(folder.path, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """A new folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(parent):
    """A process that has a private folder."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def aged(path, seconds):
    """Set the time of the last change of a folder to so many seconds ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_the_folder_and_its_files_are_private_and_removed_with_it(parent):
    before = os.umask(0)
    try:
        folder = PrivateFolder()
        file = folder.write("one", b"content")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.path, file)] == [0o700, 0o600]
    assert str(os.getpid()) in folder.path.name
    folder.close()
    folder.close()
    assert names(parent) == []


def test_a_folder_that_nobody_closes_is_removed_too(parent):
    PrivateFolder()
    gc.collect()
    assert names(parent) == []


def test_a_file_is_new_and_follows_no_link(parent, tmp_path):
    folder, victim = PrivateFolder(), tmp_path / "victim"
    (folder.path / "link").symlink_to(victim)
    for name in ("link", "lock"):
        with pytest.raises(FileExistsError):
            folder.write(name, b"x")
    assert not victim.exists()
    folder.close()


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one_and_no_other(parent, holder):
    (held,) = names(parent)
    folder = PrivateFolder()
    assert held in names(parent)  # its process lives
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert held in names(parent)
    second = PrivateFolder()
    assert names(parent) == sorted([folder.path.name, second.path.name])
    folder.close()
    second.close()


def test_no_link_and_no_folder_that_others_can_enter_is_removed(parent):
    elsewhere = parent / "elsewhere"
    elsewhere.mkdir(0o700)
    (elsewhere / "lock").touch()
    (elsewhere / "kept").touch()
    aged(elsewhere, 10**6)
    (parent / "dreamfilters-viewer-1-link").symlink_to(elsewhere)
    shared = parent / "dreamfilters-viewer-1-shared"
    shared.mkdir()
    shared.chmod(0o777)
    aged(shared, 10**6)
    (parent / "dreamfilters-viewer-1-file").touch()
    stale = parent / "dreamfilters-viewer-1-stale"
    stale.mkdir(0o700)
    (stale / "lock").touch()
    (stale / "link").symlink_to(elsewhere)
    expected = [name for name in names(parent) if name != stale.name]
    remove_stale(parent)
    assert names(parent) == expected
    assert names(elsewhere) == ["kept", "lock"]


def test_the_lock_is_a_file_and_no_link(parent):
    for kind in ("link", "fifo"):
        folder = parent / f"dreamfilters-viewer-1-{kind}"
        folder.mkdir(0o700)
        if kind == "link":
            (folder / "lock").symlink_to(parent / "victim")
        else:
            os.mkfifo(folder / "lock")
    began = time.monotonic()
    remove_stale(parent)
    assert time.monotonic() - began < 5
    assert "dreamfilters-viewer-1-link" in names(parent)


def test_a_folder_without_a_lock_is_stale_after_an_hour(parent):
    """A process may be killed between the two steps, and another one may be between them now."""
    for age in (60, 10**4):
        folder = parent / f"dreamfilters-viewer-1-{age}"
        folder.mkdir(0o700)
        aged(folder, age)
    remove_stale(parent)
    assert names(parent) == ["dreamfilters-viewer-1-60"]


def test_a_folder_of_another_user_is_not_touched(parent, monkeypatch):
    folder = parent / "dreamfilters-viewer-1-other"
    folder.mkdir(0o700)
    (folder / "lock").touch()
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    remove_stale(parent)
    assert names(parent) == [folder.name]


def test_without_room_for_temporary_files_the_error_is_one_line(parent, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(parent / "nowhere"))
    with pytest.raises(OutputError, match=r"nowhere: the viewer cannot write temporary files there \(No such file"):
        PrivateFolder()
