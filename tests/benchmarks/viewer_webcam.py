"""Row group 15: frames of the webcam on the page of a unit, each with its forward map and its backward pass."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table
from tests.benchmarks.viewer import BROWSERS, opened_page, served

METHODS = ("gradient", "deconvnet", "guided-backprop")
_CAMERA = (
    "--use-fake-device-for-media-stream=fps=60",  # a moving test image, faster than any frame rate that is reached
    "--use-fake-ui-for-media-stream",
)
_INTERVAL = 100.0  # milliseconds, ten frames a second
_WARM_UP = 2000  # milliseconds

# The times at which another frame is on the page, with its backward pass decoded.
_FRAMES = """(duration) => new Promise((done) => {
  const seen = new Map(), from = performance.now();
  const frame = () => {
    const backward = document.querySelector('.user-image img.backward');
    const version = backward?.complete && backward.dataset.version;
    if (version && !seen.has(version)) seen.set(version, performance.now());
    if (performance.now() - from < duration) requestAnimationFrame(frame); else done([...seen.values()]);
  };
  frame();
})"""
# Where the milliseconds of a frame go: the same steps, one after the other, without the page.
_STEPS = """async (count) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  const video = Object.assign(document.createElement('video'), { muted: true, srcObject: stream });
  await video.play();
  const { network } = await (await fetch('api/state')).json();
  const { id } = network.layers.find(({ name }) => name === 'conv6');
  const canvas = Object.assign(document.createElement('canvas'), { width: 256, height: 256 });
  const post = async (address, body) => (await fetch(address, {
    method: 'POST', headers: { 'X-Dreamfilters': '1', 'Content-Type': 'image/jpeg' }, body })).json();
  const times = { encoded: [], stored: [], forward: [], backward: [] };
  for (let number = 0; number < count; number += 1) {
    let before = performance.now();
    const since = (name) => { const now = performance.now(); times[name].push(now - before); before = now; };
    canvas.getContext('2d').drawImage(video, 80, 0, 480, 480, 0, 0, 256, 256);
    const frame = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.85));
    since('encoded');
    await post('api/frames', frame); since('stored');
    await post(`api/live/${id}/12?method=`, frame); since('forward');
    await post(`api/live/${id}/12?method=gradient`, frame); since('backward');
  }
  stream.getTracks().forEach((track) => track.stop());
  return times;
}"""
_WORDS = {
    "encoded": "a step alone: drawn and encoded as JPEG in the browser",
    "stored": "sent, checked, stored",
    "forward": "the same with map and classes",
    "backward": "the same with gradient too",
}


def measure(setting: Setting) -> Table | str:
    """Time the frames that the page shows; return one line if there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "15. The webcam in the viewer: not measured, Playwright is not installed"
    table = Table(
        "15. The webcam on the page of a unit of signs, milliseconds",
        ["what", "median", "worst", "frames a second", "of"],
    )
    with sync_playwright() as run:
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if program is None and not Path(run.chromium.executable_path).exists():
            return f"15. The webcam in the viewer: not measured, none of {', '.join(BROWSERS)} is installed"
        browser = run.chromium.launch(executable_path=program, args=_CAMERA)
        tab = browser.new_context(permissions=["camera"], viewport={"width": 1280, "height": 860}).new_page()
        tab.set_default_timeout(300_000)
        with served("signs") as address:
            opened_page(tab, f"{address}#/signs?show=map")
            for name, times in tab.evaluate(_STEPS, 5 if setting.quick else 40).items():
                table.rows.append([_WORDS[name], median(times[2:]), max(times[2:]), None, len(times) - 2])
            tab.evaluate("location.hash = '#/signs/conv6/12?show=map'")
            tab.wait_for_selector("article.unit[data-ready=yes]")
            tab.click("text=Webcam")
            for method in METHODS:
                _add_frames(table, tab, method, 2000 if setting.quick else 10_000)
            tab.keyboard.press("z")
            _add_frames(table, tab, METHODS[0], 2000 if setting.quick else 10_000, what="gradient, the unit ablated")
        browser.close()
    table.notes = [
        "A frame: from one on the page to the next, each with its map, its classes and its backward pass. The rows",
        "above are single requests, without the page; the difference of two of them is what the later one adds.",
    ]
    return table


def _add_frames(table: Table, tab: Any, method: str, duration: int, *, what: str = "") -> None:
    tab.click(f".pass-controls button:text-is('{method}')")
    tab.wait_for_selector(f".user-image img.backward[alt^='{method}']")
    tab.wait_for_timeout(_WARM_UP)
    times = tab.evaluate(_FRAMES, duration)
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    found = median(steps)
    table.rows.append([f"a frame, {what or method}", found, max(steps), 1000 * len(steps) / sum(steps), len(steps)])
    table.targets.append((f"a frame, {what or method}, median", found, _INTERVAL))
