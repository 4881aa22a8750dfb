"""Row group 14: a heatmap in the viewer, from a click on an image to the painted map, beside the same map in Python."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import dreamfilters as df
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.signs.rendering.scenes import write_samples
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table
from tests.benchmarks.viewer import BROWSERS, opened_page, served

METHODS = ("gradient", "integrated-gradients", "lrp", "grad-cam")  # those by gradients that are offered first
_BOUND = 300.0  # milliseconds
_COUNT = 9  # images that are measured; one more before them compiles

# From a click on an image of the strip to the frame after its heatmap is painted.
_CLICK = """([name, method]) => new Promise((done) => {
  const named = [...document.querySelectorAll('.tray-image > button')].find((one) => one.title.startsWith(`${name}:`));
  const from = performance.now();
  const painted = () => {
    const map = document.querySelector(`[data-method="${method}"] img`);
    return map?.alt.endsWith(` on ${name}`) && map.complete && map.naturalWidth > 0;
  };
  const frame = () => requestAnimationFrame(() => painted()
    ? requestAnimationFrame(() => done(performance.now() - from)) : frame());
  named.click();
  frame();
})"""
# The classes whose margin the page explains: the predicted one and the second.
_CLASSES = """async (name) => {
  const { images } = await (await fetch('api/state')).json();
  const { id } = images.find((one) => one.name === name);
  const { classes } = await (await fetch(`api/predictions/${id}`)).json();
  return classes.slice(0, 2).map((one) => one.index);
}"""


def measure(setting: Setting) -> Table | str:
    """Time each method for images that the viewer has not shown; return one line if there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "14. A heatmap in the viewer: not measured, Playwright is not installed"
    count = 2 if setting.quick else _COUNT
    table = Table(
        "14. A heatmap of an image in the viewer, and in Python, milliseconds",
        ["method on signs", "click to painted, median", "worst", "in Python, median", "of"],
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as run:
        write_samples(Path(folder) / "images")
        names = image_folder(Path(folder) / "images").names[: (count + 1) * len(METHODS)]
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if program is None and not Path(run.chromium.executable_path).exists():
            return f"14. A heatmap in the viewer: not measured, none of {', '.join(BROWSERS)} is installed"
        browser = run.chromium.launch(executable_path=program)
        # A wide window, since the strip holds only the images in sight.
        tab = browser.new_page(viewport={"width": 80 * len(names) + 800, "height": 860})
        tab.set_default_timeout(300_000)
        with served("signs", f"{folder}/images") as address:
            opened_page(tab, f"{address}#/signs?show=map")
            tab.click("text=Why this class?")
            times = {}
            for place, method in enumerate(METHODS):
                _choose(tab, method)
                own = names[place * (count + 1) :][: count + 1]
                times[method] = own, [tab.evaluate(_CLICK, [name, method]) for name in own][1:]
            classes = {name: tab.evaluate(_CLASSES, name) for name in names}
        browser.close()
        for method, (own, found) in times.items():
            python = _in_python(Path(folder) / "images", own, method, classes)[1:]
            table.rows.append([method, median(found), max(found), median(python), len(found)])
            table.targets.append((f"{method}, median", median(found), _BOUND))
    table.notes = [
        "Each image is new to the viewer, so that it is also predicted; the first image of a method, which compiles,",
        "is not counted. In Python: the same margin by `df.attribute`, drawn as the same PNG, without a prediction.",
    ]
    return table


def _choose(tab: Any, method: str) -> None:
    """Show the heatmaps of one method alone."""
    pressed = tab.locator(".explanation [role=group] > button[aria-pressed=true]:not(.against)")
    if method not in pressed.all_text_contents():
        tab.click(f".explanation [role=group] > button:text-is('{method}')")
    for other in [name for name in pressed.all_text_contents() if name != method]:
        tab.click(f".explanation [role=group] > button:text-is('{other}')")


def _in_python(folder: Path, names: Sequence[str], method: str, classes: dict[str, list[int]]) -> list[float]:
    """Return the milliseconds of the same heatmaps, each drawn as a PNG."""
    network, times = df.load("signs"), []
    for name in names:
        first, second = (f"class:{number}" for number in _words(network, classes[name]))
        started = time.perf_counter()
        found = df.attribute(network, first, str(folder / name), methods=method, against=second)
        png_bytes(found.overlay(method))
        times.append(1000 * (time.perf_counter() - started))
    return times


def _words(network: Any, numbers: Sequence[int]) -> list[str]:
    """Return classes as targets name them: a bare number that is also a name would name another class."""
    from dreamfilters.dreams.objectives.targets import class_word

    return [class_word(network, number) for number in numbers]
