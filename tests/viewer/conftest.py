"""One running viewer of the built-in network for all tests, over a small folder of pictures."""

import os
import shutil
from contextlib import suppress

import pytest

from dreamfilters.signs.scenes import render
from dreamfilters.viewer.launching import access_for, settings_for
from dreamfilters.viewer.listening import started
from tests.viewer.visiting import Page, png

CLASSES, EACH = (14, 13, 1), 4
HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of rendered signs in class folders, one file that is no picture, and one with a hostile name."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in CLASSES:
        (folder / f"{number:02d}").mkdir()
        for seed in range(EACH):
            (folder / f"{number:02d}" / f"{seed}.png").write_bytes(png(render(number, seed)))
    (folder / "broken.png").write_bytes(b"no picture")
    shutil.copy(folder / "14" / "0.png", folder / HOSTILE)
    with suppress(OSError):  # a name in no encoding; not every file system takes it
        shutil.copy(folder / "14" / "0.png", os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png"))
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where the running viewer writes the dreams that are to be kept."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def viewer(pictures, kept):
    """A viewer of the built-in network in a process of its own."""
    settings = settings_for("signs", {}, images=pictures, out=kept)
    running = started(settings, access_for("127.0.0.1", None, (), "/"), "127.0.0.1", 0)
    yield running
    running.close()


@pytest.fixture
def page(viewer):
    """A tab of the running viewer, whose network is open."""
    with Page(viewer.url) as tab:
        tab.until(lambda: tab.state()["phase"] == "ready")
        yield tab


@pytest.fixture
def studied(page):
    """A tab of the running viewer, which has looked at all pictures."""
    page.until(lambda: page.state()["evidence"]["phase"] == "ready")
    return page
