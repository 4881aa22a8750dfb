"""A real browser for the tests of pages: Chromium by Playwright, one tab for all; skipped where there is none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")  # Chromium's own moving test image
PATIENCE = 30_000  # milliseconds for one thing to come about


@dataclass
class Heard:
    """What the pages of one test did.

    Attributes:
        asked: the addresses that were fetched.
        complaints: of scripts, of the policy and in the console; dialogs too.
    """

    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def to(self, tab):
        """Listen to a tab."""
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda said: said.type in ("error", "assert") and self.complaints.append(said.text))
        tab.on("dialog", self._dismiss)

    def _dismiss(self, dialog):
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="package")  # not longer: while Playwright runs, no other event loop can in this thread
def browsing():
    """A tab of a real browser, and what its pages do."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install 'dreamfilters[test]'", exc_type=ImportError
    )
    with playwright.sync_playwright() as run:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None and not Path(run.chromium.executable_path).exists():
            pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed, nor Playwright's own")
        browser = run.chromium.launch(executable_path=program, args=CAMERA)
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write", "camera"])
        context.set_default_timeout(PATIENCE)
        playwright.expect.set_options(timeout=PATIENCE)
        tab, heard = context.new_page(), Heard()
        heard.to(tab)
        yield tab, heard
        browser.close()


@pytest.fixture
def tab(browsing):
    """The tab: a page of Playwright's."""
    return browsing[0]


@pytest.fixture(autouse=True)
def heard(browsing):
    """What the pages of this test do; at its end nothing may be left that they complained of."""
    tab, heard = browsing
    tab.goto("about:blank")  # what the last test's page still fetches is not this one's
    heard.asked.clear()
    heard.complaints.clear()
    yield heard
    tab.evaluate("1")  # what was said until now has arrived
    assert heard.complaints == []
