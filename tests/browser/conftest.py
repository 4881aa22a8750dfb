"""A real browser for the tests of pages: Chromium without a window, through a pipe; skipped where there is none."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60  # seconds for one answer
CODES = {"Escape": 27, "Enter": 13, "Tab": 9, "ArrowDown": 40, "ArrowRight": 39}  # keys that the browser knows


class Tab:
    """One tab, spoken to in the DevTools protocol: JSON messages that a zero byte ends."""

    def __init__(self, program, folder):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # The browser reads from file descriptor 3 and writes to 4.
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._waiting, self._count, self._session, self.events = b"", 0, None, []
        pages = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Say something and return the answer; what happens meanwhile is kept in `events`."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda heard: heard.get("id") == self._count)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def open(self, path, *, width=1200, height=900, dark=False):
        """Open a file or an address, wait until it is loaded, and forget what happened before."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self._go("about:blank")
        self._go(path.resolve().as_uri() if isinstance(path, Path) else path)

    def _go(self, url):
        self.events = []
        self.call("Page.navigate", url=url)
        if not self.said("Page.loadEventFired"):
            self._until(lambda heard: heard.get("method") == "Page.loadEventFired")

    def value(self, expression):
        """Return what an expression is in the page, or what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression, patience=PATIENCE):
        """Wait until an expression, or what it promises, is true in the page."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.value(f"Promise.resolve({expression}).then(Boolean)"):
                return
            time.sleep(0.03)
        raise TimeoutError(f"{expression}\n{self.value('document.body.innerText')[:2000]}\n{self.complaints()}")

    def move(self, x, y):
        """Move the mouse there, in CSS pixels of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        """Press the mouse there."""
        self.move(x, y)
        for deed in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=deed, x=x, y=y, button="left", clickCount=1)

    def complaints(self):
        """Return what the page's scripts, its policy and its console complained of."""
        thrown = [event["exceptionDetails"] for event in self.said("Runtime.exceptionThrown")]
        said = [
            event["args"] for event in self.said("Runtime.consoleAPICalled") if event["type"] in ("error", "assert")
        ]
        logged = [event["entry"] for event in self.said("Log.entryAdded")]
        return [*thrown, *said, *(entry for entry in logged if entry["level"] == "error")]

    def press(self, key, text=None):
        """Press a key."""
        told = {"key": key, "windowsVirtualKeyCode": CODES.get(key, 0), **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text):
        """Type letters."""
        for letter in text:
            self.press(letter, letter)

    def picture(self, path, *, whole=False):
        """Save what is seen as a PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def said(self, method):
        """Return the parameters of every event of that name since the page was opened."""
        return [event["params"] for event in self.events if event["method"] == method]

    def close(self):
        """End the browser."""
        with contextlib.suppress(OSError):
            os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def _until(self, wanted):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            while b"\0" not in self._waiting:
                more = os.read(self._read, 1 << 16)
                assert more, "the browser has gone"
                self._waiting += more
            text, _, self._waiting = self._waiting.partition(b"\0")
            heard = json.loads(text)
            if "method" in heard:
                self.events.append(heard)
            if wanted(heard):
                return heard
        raise TimeoutError("the browser does not answer")


@pytest.fixture(scope="session")
def tab(tmp_path_factory):
    """A tab of a real browser."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    if shutil.which("bash") is None:
        pytest.skip("no bash, which hands the browser its pipes")
    opened = Tab(program, tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def viewer(tmp_path_factory):
    """The address of a real server of the built-in network, with its token."""
    log = tmp_path_factory.mktemp("viewer") / "log.txt"
    command = [sys.executable, "-m", "dreamfilters", "serve", "signs", "--port", "0"]
    with log.open("w") as errors:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    address = server.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/\?token=\S+", address), (address, log.read_text())
    yield address
    server.send_signal(signal.SIGINT)
    try:
        server.wait(20)
    finally:
        server.kill()
        server.stdout.close()
