"""Techniques in the viewer, a frozen unit, cropped images and filters of the backward pass, in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.images import png_bytes, read_image
from dreamfilters.techniques.forms.registry import TECHNIQUES
from tests.browser.test_viewer import OTHER, STOP, fetch_json, go
from tests.browser.visiting import until

PHONE = {"width": 400, "height": 800}
START = ".technique-form button.primary"
FROZEN = "document.querySelector('.frozen img.backward')"


@pytest.fixture(scope="module")
def base(browsing, viewer):
    """The address without the token, which is now a cookie; the network is open and the images are scanned."""
    tab, _ = browsing
    tab.context.request.get(viewer.url)
    address = viewer.url.partition("?")[0]
    go(tab, address)
    until(tab, "fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase === 'ready')")
    return address


def choose(tab, title, value):
    tab.select_option(f".technique-form select[aria-label^='{title}']", value)


def enter(tab, title, value):
    tab.fill(f".technique-form input[aria-label^='{title}']", str(value))


def layer_id(tab, name):
    return next(each["id"] for each in fetch_json(tab, "api/state")["network"]["layers"] if each["name"] == name)


def finished(tab, place=".technique-results"):
    """The newest job that is shown, once it is done and its images are loaded."""
    first = f"{place} .job:first-of-type"
    tab.wait_for_selector(f"{first}[data-phase=done] .strip-image")
    until(tab, "[...document.querySelectorAll('.strip-image')].every((one) => one.complete && one.naturalWidth > 0)")
    key = tab.get_attribute(first, "data-job")
    return next(each for each in fetch_json(tab, "api/state")["jobs"] if each["id"] == key)


def test_an_image_fools_the_network_as_in_python_and_is_saved(tab, base, viewed, kept):
    go(tab, base, f"?page=techniques&image={STOP}")
    assert tab.locator(".techniques nav a").all_text_contents() == [each.title for each in TECHNIQUES.values()]
    tab.wait_for_selector(".technique-form >> text='Choose: Class.'")
    assert tab.is_disabled(START)
    choose(tab, "Class", "C:13")
    enter(tab, "Gray levels", 32)
    enter(tab, "Steps", 5)
    tab.click(START)
    job = finished(tab)
    (result,) = job["results"]
    expected = df.fool(df.load("signs"), "class:13", viewed / STOP, radius=32 / 255, steps=5)
    assert job["note"] == result["text"] == expected.text
    assert Path(job["folder"]).is_relative_to(kept)
    assert job["command"].endswith(" --radius 32/255 --steps 5")
    tab.wait_for_selector(f'.technique-results .job >> text="{expected.text}"')
    tab.click(".technique-result >> text=Images and numbers")
    with tab.expect_download() as waiting:
        tab.click(".technique-files a[download='fooling-image.png']")
    stored = Path(job["folder"]) / result["images"][0]
    assert waiting.value.path().read_bytes() == stored.read_bytes() == png_bytes(expected.image)


def test_noise_needs_no_image(tab, base):
    go(tab, base, "?page=techniques&technique=fool")
    tab.check("text=from noise, without an image")
    choose(tab, "Class", "C:3")
    enter(tab, "Steps", 2)
    tab.click(START)
    assert finished(tab)["targets"] == ["noise"]


def test_a_style_takes_a_second_image_and_layers_and_records_frames(tab, base):
    go(tab, base, f"?page=techniques&technique=style&image={STOP}")
    images = fetch_json(tab, "api/state")["images"]
    other = next(each for each in images if each["name"] == "01/2.png")
    offered = tab.locator(".technique-form select[aria-label^=Style] option").all_text_contents()
    assert other["name"] in offered
    assert STOP not in offered  # the content itself
    assert "broken.png" not in offered
    choose(tab, "Style", other["id"])
    tab.click("text=Style layers")
    tab.check(".layer-checks label:has-text('conv2')")
    enter(tab, "Steps", 6)
    enter(tab, "Frames", 3)
    tab.click(START)
    job = finished(tab)
    assert job["note"].startswith("in the style of 2.png: ")
    assert "--style-layers conv2 --steps 6 --frames 3" in job["command"]
    until(tab, "document.querySelector('img[src$=\".gif\"]')?.naturalWidth > 0")
    tab.click("text=Defaults")
    assert tab.is_disabled(START)


def test_the_weights_of_a_layer_are_one_click_from_its_page(tab, base):
    go(tab, base, "/conv2")
    tab.click(".head a:text-is('Weights')")
    job = finished(tab)
    assert (job["targets"], job["technique"]["values"]) == (["conv2"], {"layer": layer_id(tab, "conv2")})
    assert job["command"] == "dreamfilters weights signs conv2 --out outputs/weights"
    (found,) = df.layer_weights(df.load("signs"), "conv2")
    stored = (Path(job["folder"]) / job["results"][0]["strip"]).read_bytes()
    assert stored == png_bytes(found.sheet)
    tab.wait_for_selector(".technique-results a:text-is('Open the report')")
    go(tab, base, "/conv2")
    tab.click(".head a:text-is('Weights')")  # the result is shown again
    assert finished(tab)["id"] == job["id"]
    choose(tab, "Layer", layer_id(tab, "conv1"))
    tab.click(START)
    tab.wait_for_selector(".technique-results .job:first-of-type[data-phase=done] >> text='Weights of conv1'")
    go(tab, base, "/dense")
    tab.wait_for_selector(".head a:text-is('DeepDream')")
    assert tab.locator(".head a:text-is('Weights')").count() == 0


def test_a_deepdream_of_an_image_shows_it_while_it_runs_and_beside_the_image(tab, base, viewed):
    go(tab, base, f"/conv4?image={STOP}")
    tab.click(".head a:text-is('DeepDream')")
    tab.wait_for_selector(f".technique-form >> text={STOP}")
    assert tab.input_value(".technique-form select[aria-label^=Layer]") == layer_id(tab, "conv4")
    for title, value in (("Steps", 400), ("Octaves", 2), ("Size", 64), ("Frames", 2)):
        enter(tab, title, value)
    tab.click(START)
    tab.wait_for_selector(".technique-results .job[data-phase=running] .job-snapshot")
    until(tab, "(document.querySelector('.job-snapshot, .technique-tiles img')?.naturalWidth ?? 0) > 0")
    tab.wait_for_selector(".technique-results .job:first-of-type[data-phase=done] .technique-tiles")
    until(tab, "[...document.querySelectorAll('.technique-tiles img')].every((one) => one.naturalWidth > 0)")
    assert tab.locator(".job-snapshot").count() == 0
    job = max(fetch_json(tab, "api/state")["jobs"], key=lambda each: each["number"])
    words = "--recipe deepdream --start [^ ]*14/3.png --set steps=400 --set octaves=2 --size 64 --frames 2"
    assert re.fullmatch(f"dreamfilters dream signs layer:conv4 {words}", job["command"])
    recipe = df.read_recipe("deepdream", settings=["steps=400", "octaves=2", "parameterization.size=64"])
    image = read_image(viewed / STOP)
    (expected,) = df.dream(df.load("signs"), "layer:conv4", recipe, start=image)
    stored = read_image(Path(job["folder"]) / job["results"][0]["images"][0])
    assert np.abs(stored - expected.image).max() <= 0.5 / 255 + 1e-6
    tab.wait_for_selector(f".technique-tiles figcaption >> text=score {expected.score:.4g}")


def test_the_measures_of_trust_are_canceled(tab, base):
    go(tab, base, f"?image={OTHER}")
    tab.click("text=Why this class?")
    tab.click(".ask-trust >> nth=0")
    tab.click(".cancel-trust")
    tab.wait_for_selector(".ask-trust >> nth=0")
    tab.click(".ask-trust >> nth=0")  # it is computed again, from the beginning
    tab.wait_for_selector(".heatmap-trust >> text=On this image alone")
    assert tab.locator(".cancel-trust").count() == 0


def test_the_button_of_the_input_form_is_beside_its_line(tab, base):
    go(tab, base, "/conv1")
    tab.wait_for_selector(".trust button")
    tops = tab.evaluate(
        "[...document.querySelectorAll('.trust > *')].map((one) => one.getBoundingClientRect()).map((one) => "
        "(one.top + one.bottom) / 2)"
    )
    assert max(tops) - min(tops) < 2


def test_a_technique_is_canceled_and_continued(tab, base):
    go(tab, base, f"?page=techniques&technique=invert&image={STOP}")
    enter(tab, "Steps", 5000)
    tab.click(START)
    tab.wait_for_selector(".technique-results .job[data-phase=running] progress")
    tab.wait_for_selector(".technique-results .job-snapshot")
    until(tab, "document.querySelector('.job-snapshot').naturalWidth === 48")
    tab.click(".technique-results button:text-is('Cancel')")
    tab.wait_for_selector(".technique-results [data-phase=cancelled] >> text='the same work continues where it ended'")
    tab.click(".technique-results [data-phase=cancelled] button:text-is('Continue')")
    tab.wait_for_selector(".technique-results .job:is([data-phase=queued], [data-phase=running])")
    tab.click(".technique-results .job:first-of-type button:text-is('Cancel')")
    tab.wait_for_selector(".technique-results .job:first-of-type[data-phase=cancelled]")


def test_the_region_of_the_open_unit_and_of_a_hostile_name(tab, base, viewed):
    hostile = "<img src=x onerror=alert(1)>.png"
    go(tab, base, "/conv6/12?page=techniques&technique=segment")
    tab.click(f"[title^='{hostile}'] >> nth=0")
    tab.wait_for_selector(f'.technique-subject b >> text="{hostile}"')
    choose(tab, "Region of", tab.locator(".technique-form option", has_text="conv6:12").get_attribute("value"))
    choose(tab, "Saliency", "gradient")
    tab.click(START)
    job = finished(tab)
    expected = df.segment(df.load("signs"), viewed / hostile, "conv6:12", method="gradient")
    assert (job["note"], job["targets"]) == (expected.text, [hostile])
    assert tab.locator(".techniques :is(script, img[onerror])").count() == 0


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_no_page_of_a_technique_is_wider_than_the_window(tab, base, size):
    for name in TECHNIQUES:
        go(tab, base, f"/conv6/12?page=techniques&technique={name}&image={STOP}", **size)
        tab.wait_for_selector(f".techniques[data-technique={name}] {START}")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert tab.evaluate("(pane => pane.scrollWidth <= pane.clientWidth)(document.querySelector('.middle'))"), name


def test_nine_dreams_of_a_unit_on_its_page(tab, base):
    go(tab, base, f"/conv1/3?image={STOP}")
    tab.click(".unit-techniques >> text=Nine dreams")
    tab.wait_for_selector(".unit-techniques button:has-text('Nine dreams')[disabled]")
    job = finished(tab, ".unit-techniques")
    assert job["targets"] == ["conv1:3"]
    (result,) = job["results"]
    assert sum("/dream-" in name for name in result["images"]) == 9
    assert sum("deconvolution" in name for name in result["images"]) == 9
    tab.keyboard.press("ArrowRight")
    tab.wait_for_selector("article[data-unit='conv1:4']")
    assert tab.locator(".unit-techniques .job").count() == 0  # that of another unit
    tab.click(".work summary")
    tab.click(f".work [data-job={job['id']}] >> text='Show the images'")
    tab.wait_for_selector(f".techniques[data-technique=unit] [data-job={job['id']}] .strip-image")
    tab.keyboard.press("Escape")
    tab.wait_for_selector("article[data-unit='conv1:4']")


def test_a_frozen_unit_stays_beside_every_view_and_every_image(tab, base, log):
    go(tab, base, f"/conv6/12?image={STOP}")
    tab.wait_for_selector("article.unit[data-ready]")
    tab.keyboard.press("r")
    assert tab.get_attribute("text=Freeze", "aria-pressed") == "true"
    assert tab.locator(".frozen").count() == 0  # the unit itself is open
    tab.click(".layers a:has(b:text-is('conv3'))")
    tab.wait_for_selector(".frozen[data-unit='conv6:12'] img.backward")
    tab.wait_for_selector(".frozen .exact canvas")
    before = tab.get_attribute(".frozen img.backward", "src")
    tab.keyboard.press(",")
    until(tab, f"{FROZEN} && {FROZEN}.src !== {before!r} && {FROZEN}.alt.endsWith('14/2.png')")
    tab.keyboard.press("e")
    tab.wait_for_selector(".frozen[data-unit='conv6:12']")
    tab.reload()
    tab.wait_for_selector(".frozen[data-unit='conv6:12'] img.backward")
    go(tab, base, f"/conv3?frozen=conv6:12&image={STOP}")
    tab.click("text=Webcam")
    version = f"Number({FROZEN}?.dataset.version ?? -1)"
    until(tab, f"{version} >= 0 && {FROZEN}.alt.endsWith('webcam')")
    until(tab, f"{version} > {tab.evaluate(version)} + 2")  # the viewer counts frames for all webcams together
    assert any("/api/live/" in each for each in log.requests)
    tab.click(".camera >> text=Stop")
    tab.keyboard.press("r")
    tab.wait_for_selector(".frozen", state="detached")
    go(tab, base, "/conv3?frozen=gone:1")
    tab.wait_for_selector(".frozen >> text='gone:1 is no unit of this network.'")


def test_an_image_of_another_shape_is_stretched_or_cropped(tab, base, tmp_path):
    """Its left and right thirds are black, its middle is white."""
    wide = np.zeros((48, 144, 3), np.float32)
    wide[:, 48:96] = 1
    (tmp_path / "wide.png").write_bytes(png_bytes(wide))
    go(tab, base, f"/conv1?image={STOP}")
    assert tab.locator(".right .choice >> text=Crop").count() == 0  # the image has the shape of the input
    tab.set_input_files(".image-sources input[type=file]", tmp_path / "wide.png")
    tab.wait_for_selector(".right .choice >> text=Crop")
    image = next(each["id"] for each in fetch_json(tab, "api/state")["images"] if each["name"] == "wide.png")
    stretched = fetch_json(tab, f"api/predictions/{image}")
    tab.keyboard.press("0")
    until(tab, f"document.querySelector('.right img').src.includes('/{image}.cropped/input.png')")
    until(tab, "document.querySelector('.right img').naturalWidth === 48")
    assert "fit=crop" in tab.evaluate("location.hash")
    assert fetch_json(tab, f"api/predictions/{image}.cropped") != stretched
    title = "document.querySelector('.right .predictions [title]')?.title"
    until(tab, f"{title} && !{title}.includes('undefined')")
    tab.click(".right .choice >> text=Stretch")
    until(tab, f"document.querySelector('.right img').src.includes('/{image}/input.png')")
    tab.click(".tray-image.chosen .remove")
    tab.wait_for_selector(".tray-image [title^='wide.png']", state="detached")


def test_the_backward_pass_is_drawn_by_four_filters(tab, base):
    go(tab, base, f"/conv6/12?image={STOP}")
    tab.wait_for_selector(".pass-controls")
    tab.keyboard.press("k")  # a filter of no backward pass
    assert tab.locator(".pass-controls select").count() == 0
    tab.keyboard.press("b")
    tab.wait_for_selector(".user-image img.backward")
    seen = {tab.get_attribute(".user-image img.backward", "src")}
    for name in ("gray", "norm", "blurred-norm", ""):
        tab.keyboard.press("k")
        assert tab.input_value(".pass-controls select") == name
        known = [*seen]
        until(tab, f"!{known}.includes(document.querySelector('.user-image img.backward')?.src ?? {known}[0])")
        seen.add(tab.get_attribute(".user-image img.backward", "src"))
    assert len(seen) == 5
    tab.click(".pass-controls >> text=none")
