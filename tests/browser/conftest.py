"""A browser for the tests of pages: Chromium, driven by Playwright, one tab for all tests; skipped without it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")  # Chromium's moving test image
TIMEOUT = 120_000  # milliseconds; a dream takes a minute on a busy machine


@dataclass
class PageLog:
    """What the pages of one test did.

    Attributes:
        requests: addresses that were fetched.
        errors: of scripts, of the content security policy and in the console; dialogs too.
    """

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def listen_to(self, tab):
        """Log the events of a tab."""
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", lambda message: message.type in ("error", "assert") and self.errors.append(message.text))
        tab.on("dialog", self._dismiss)

    def _dismiss(self, dialog):
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="package")  # not for the session: while Playwright runs, this thread can have no other event loop
def browsing():
    """A browser's tab and the log of its pages."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install 'dreamfilters[test]'", exc_type=ImportError
    )
    with playwright.sync_playwright() as run:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None and not Path(run.chromium.executable_path).exists():
            pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed, nor is Playwright's")
        browser = run.chromium.launch(executable_path=program, args=CAMERA)
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write", "camera"])
        context.set_default_timeout(TIMEOUT)
        playwright.expect.set_options(timeout=TIMEOUT)
        tab, log = context.new_page(), PageLog()
        log.listen_to(tab)
        yield tab, log
        browser.close()


@pytest.fixture
def tab(browsing):
    """The tab, a page of Playwright."""
    return browsing[0]


@pytest.fixture(autouse=True)
def log(browsing):
    """The log of this test's pages, whose errors must be empty at its end."""
    tab, log = browsing
    tab.goto("about:blank")  # ends the requests of the last test's page
    log.requests.clear()
    log.errors.clear()
    yield log
    tab.evaluate("1")  # all messages until now have arrived
    assert log.errors == []
