"""The images of the viewer: `python -m docs.viewer_images` writes them into docs/images with a browser."""

from __future__ import annotations

import io
import shutil
from typing import Any

from PIL import Image

import dreamfilters as df
from docs.gallery import COLORS, IMAGES

_ROUNDS = 2  # of the means that refine a palette
SIZE = {"width": 1280, "height": 860}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SCANNED = "fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase === 'ready')"


def main() -> None:
    """Write a unit with its dream, the map of the images, and a technique with its result."""
    from playwright.sync_api import sync_playwright

    viewer = df.serve("signs", block=False, port=0)
    base = viewer.url.partition("?")[0]
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=next(filter(None, map(shutil.which, _BROWSERS)), None))
        tab = browser.new_page(viewport=SIZE)
        tab.set_default_timeout(300_000)
        tab.goto(viewer.url)
        tab.wait_for_selector(".layers a")
        while not tab.evaluate(_SCANNED):
            tab.wait_for_timeout(200)
        tab.goto(f"{base}#/signs/conv6/12")
        tab.click(".dreams .primary")
        tab.wait_for_selector(".current-dream.done")
        tab.mouse.move(0, 0)
        tab.wait_for_timeout(5000)  # the message has gone
        _write(tab, "viewer")
        tab.goto(f"{base}#/signs?image=14%2F14_rendered_1.png&page=embedding&show=map")
        tab.click(".embed .primary")
        tab.wait_for_selector(".map-stage canvas[data-painted$=' 1']")
        tab.click(".embedding .choice button:text-is('Images')")
        tab.wait_for_selector(".map-stage canvas[data-painted^=images]")
        tab.mouse.move(0, 0)
        tab.wait_for_timeout(1000)
        _write(tab, "viewer-map")
        tab.goto(f"{base}#/signs?image=14%2F14_rendered_1.png&page=techniques&technique=segment&show=map")
        tab.click(".technique-form .primary")
        tab.wait_for_selector(".technique-result .strip-image")
        tab.mouse.move(0, 0)
        tab.wait_for_timeout(1000)
        _write(tab, "viewer-techniques")
        browser.close()
    viewer.close()


def _write(tab: Any, name: str) -> None:
    with Image.open(io.BytesIO(tab.screenshot())) as image:
        # The widest coverage keeps the colors of few pixels, such as those of points, and the means keep the grays.
        small = image.convert("RGB").quantize(
            COLORS, Image.Quantize.MAXCOVERAGE, kmeans=_ROUNDS, dither=Image.Dither.NONE
        )
        small.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
