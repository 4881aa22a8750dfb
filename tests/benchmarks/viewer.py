"""Row group 7: the viewer in a browser, timed by the browser's clock, against one request and one PNG per unit."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import network_file
from tests.benchmarks.tables import Table

_CACHED, _NEW, _FRAME, _TASK = 100.0, 300.0, 1000.0, 50.0  # milliseconds, response times that feel immediate
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_WIDEST = "Conv_1"  # of MobileNetV2: 1,280 units of 7 x 7

# From a click on layer number `at` to the frame after all its maps are painted.
_CLICK = """(at) => new Promise((done) => {
  const link = document.querySelectorAll('.layers a')[at], name = link.querySelector('b').textContent;
  const from = performance.now(), painted = () => document.querySelector('.scroll-content canvas')?.dataset.painted;
  const frame = () => requestAnimationFrame(() =>
    painted() === `${name} true` ? done(performance.now() - from) : frame());
  link.click();
  frame();
})"""
# The same from a link to a layer and an image that is not cached.
_LINK = """([name, image]) => new Promise((done) => {
  const from = performance.now(), painted = () => document.querySelector('.scroll-content canvas')?.dataset.painted;
  const frame = () => requestAnimationFrame(() =>
    painted() === `${name} true` ? done(performance.now() - from) : frame());
  location.hash = `#/signs/${name}?image=${encodeURIComponent(image)}`;
  frame();
})"""
_DREAM = """() => new Promise((done) => {
  const from = performance.now();
  const frame = () => requestAnimationFrame(() =>
    document.querySelector('.current-dream img.image')?.naturalWidth ? done(performance.now() - from) : frame());
  document.querySelector('.dreams .primary').click();
  frame();
})"""
_SCROLL = """() => new Promise((done) => {
  const long = [0], box = document.querySelector('.units');
  new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration)))
    .observe({ entryTypes: ['longtask'] });
  const step = () => {
    box.scrollTop += 150;
    if (box.scrollTop + box.clientHeight < box.scrollHeight - 2) requestAnimationFrame(step);
    else setTimeout(() => done(Math.max(...long)), 300);
  };
  step();
})"""
_ONE_EACH = """(units) => new Promise((done) => {
  const from = performance.now();
  let left = units;
  document.body.replaceChildren(...Array.from({ length: units }, (_, unit) => {
    const image = new Image();
    image.onload = () => --left || requestAnimationFrame(() => done(performance.now() - from));
    image.src = `${unit}.png?${Math.random()}`;
    return image;
  }));
})"""


def measure(setting: Setting) -> Table | str:
    """Time the viewer in a browser; return one line if there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "7. The viewer: not measured, Playwright is not installed"
    with sync_playwright() as run:
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if program is None and not Path(run.chromium.executable_path).exists():
            return f"7. The viewer: not measured, none of {', '.join(BROWSERS)} is installed"
        browser = run.chromium.launch(executable_path=program)
        table = Table("7. The viewer in the browser, milliseconds", ["what", "median", "worst", "of"])
        tab = browser.new_page(viewport={"width": 1280, "height": 860})
        tab.set_default_timeout(300_000)
        _add_signs(table, tab, few=setting.quick)
        if not setting.quick:
            _add_widest(table, tab)
        _add_one_each(table, tab, 128 if setting.quick else 1280, few=setting.quick)
        browser.close()
    table.notes = [
        "A click, or a link: to the frame after all maps of the layer are painted.",
        "A first frame: of a dream on a unit's page that is open for three seconds;",
        "at once: as soon as the page is loaded, of a layer without earlier dreams, including the compilation.",
        "One PNG per unit: Quiver's design with maps in memory, on a server of the standard library.",
    ]
    return table


def _add_signs(table: Table, tab: Any, *, few: bool) -> None:
    with served("signs") as address:
        opened_page(tab, address)
        layers = range(4) if few else range(tab.locator(".layers a").count())
        names = [tab.locator(".layers a b").all_text_contents()[at] for at in layers]
        images = tab.evaluate("fetch('api/state').then((a) => a.json()).then((s) => s.images.map((one) => one.name))")
        fresh = [tab.evaluate(_LINK, [name, image]) for name, image in zip(names, images[20:], strict=False)]
        _add(table, "signs, a layer on a new image", fresh, _NEW)
        for _ in range(2):
            cached = [tab.evaluate(_CLICK, at) for at in layers]
        _add(table, "signs, click on a layer, cached", cached, _CACHED)
        chosen = [name for name in names if name.startswith("conv")]
        for what, unit in (("of a layer", 3), ("again", 5)):
            _add(table, f"signs, first frame of a dream, {what}", [_first_frame(tab, n, unit) for n in chosen], _FRAME)
        chosen = [name for name in names if name.startswith(("pool", "dropout"))]
        _add(table, "signs, first frame, at once", [_first_frame(tab, n, 3, wait=0) for n in chosen])


def _first_frame(tab: Any, layer: str, unit: int, *, wait: float = 3000) -> float:
    tab.evaluate(f"location.hash = '#/signs/{layer}/{unit}'")
    tab.wait_for_selector(f'article[data-unit="{layer}:{unit}"][data-ready=yes]')
    tab.wait_for_timeout(wait)
    found: float = tab.evaluate(_DREAM)
    tab.wait_for_selector(".current-dream.done")
    return found


def _add_widest(table: Table, tab: Any) -> None:
    with served(str(network_file("MobileNetV2", 224)), "--range", "-1", "1") as address:
        opened_page(tab, address)
        tab.set_input_files("input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": _image()})
        tab.wait_for_selector(".tray-image.chosen")
        at = tab.locator(".layers a b").all_text_contents().index(_WIDEST)
        clicks = [tab.evaluate(_CLICK, at)]
        for _ in range(3):
            tab.evaluate(_CLICK, 0)
            clicks.append(tab.evaluate(_CLICK, at))
        _add(table, "MobileNetV2, 1,280 units, click, cached", clicks[1:], None)
        tasks = [tab.evaluate(_SCROLL)]
        for changed in ("scale=unit", "size=s"):
            tab.evaluate(f"location.hash = location.hash.split('?')[0] + '?{changed}'")
            tab.wait_for_timeout(500)
            tab.evaluate("document.querySelector('.units').scrollTop = 0")
            tasks.append(tab.evaluate(_SCROLL))
        _add(table, "MobileNetV2, 1,280 units, scrolling: longest task", tasks, _TASK)


def _add_one_each(table: Table, tab: Any, units: int, *, few: bool) -> None:
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 256, (units, 7, 7, 3), np.uint8)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.partition("?")[0][1:].removesuffix(".png")
            content, kind = b"<!doctype html><body>", "text/html"
            if name.isdecimal():
                content, kind = _png(maps[int(name)]), "image/png"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tab.goto(f"http://127.0.0.1:{server.server_port}/")
    _add(table, f"one PNG per unit, {units:,} units", [tab.evaluate(_ONE_EACH, units) for _ in range(1 if few else 3)])
    server.shutdown()
    server.server_close()


def _add(table: Table, what: str, times: list[float], bound: float | None = None) -> None:
    table.rows.append([what, float(median(times)), float(max(times)), len(times)])
    if bound is not None:
        table.targets.append((f"{what}, median", float(median(times)), bound))


def opened_page(tab: Any, address: str) -> None:
    """Open the page and wait until the network is loaded and the images are scanned."""
    tab.goto(address)
    tab.wait_for_selector(".layers a")
    while tab.evaluate("fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase)") in (
        "queued",
        "running",
    ):
        tab.wait_for_timeout(200)


@contextlib.contextmanager
def served(*words: str) -> Iterator[str]:
    """Start the server in a separate process and yield the address that it prints."""
    command = [sys.executable, "-m", "dreamfilters", "serve", *words, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _image() -> bytes:
    coarse = np.random.default_rng(7).integers(0, 256, (12, 16, 3), np.uint8)
    return _png(np.asarray(Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC)))


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
