"""The webcam on the page of a unit, and a network with changed units, in a real browser."""

import pytest

from tests.browser.test_viewer import STOP, fetch_json, go, ids
from tests.browser.visiting import quiet, until

LIVE = "document.querySelector('.user-image img.backward')"
VERSION = f"Number({LIVE}?.dataset.version ?? -1)"
DESKTOP = {"width": 1280, "height": 860}


@pytest.fixture(scope="module")
def base(browsing, viewer):
    """The address without the token, which is now a cookie; the network is open and the images are scanned."""
    tab, _ = browsing
    tab.context.request.get(viewer.url)
    address = viewer.url.partition("?")[0]
    go(tab, address, **DESKTOP)
    until(tab, "fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase === 'ready')")
    return address


def test_each_frame_of_the_webcam_has_its_map_its_classes_and_its_backward_pass(tab, base, log):
    """On Chromium's moving test image."""
    go(tab, base, f"/conv6/12?image={STOP}", **DESKTOP)
    tab.click("text=Webcam")
    tab.wait_for_selector(".user-image img.backward")
    until(tab, f"{VERSION} > 3")
    log.requests.clear()
    before = tab.evaluate(VERSION)
    until(tab, f"{VERSION} > {before + 10}")
    addresses = {each.partition("/api/")[2].split("/")[0] for each in log.requests if "/api/" in each}
    assert addresses == {"live"}  # everything of a frame arrives in its response
    # the frame itself is not fetched again
    assert tab.evaluate("document.querySelector('.user-image .frame img').src").startswith("blob:")
    for key, method in (("b", "deconvnet"), ("b", "guided-backprop")):
        tab.keyboard.press(key)
        until(tab, f"{LIVE}?.alt.startsWith('{method}')")
    tab.keyboard.press("f")
    tab.wait_for_selector(".camera >> text=Resume")
    quiet(tab, log)  # a frozen webcam sends nothing
    tab.keyboard.press("f")
    until(tab, f"{VERSION} > {tab.evaluate(VERSION)}")
    tab.click(".camera >> text=Stop")
    tab.wait_for_selector(".camera", state="detached")
    until(tab, "document.querySelector('.user-image .frame img').src.includes('/api/images/')")
    quiet(tab, log)
    assert tab.evaluate("document.querySelector('.user-image .frame img').naturalWidth") > 0
    tab.click(".tray-image.chosen .remove")
    until(tab, "!document.querySelector('.user-image .name').textContent.includes('webcam')")


def test_the_strongest_images_have_their_backward_pass_once_a_method_is_chosen(tab, base, log):
    go(tab, base, f"/conv6/12?image={STOP}", **DESKTOP)
    until(tab, "document.querySelectorAll('.unit-views .exact').length === 10")
    assert not [each for each in log.requests if "heatmaps" in each]
    tab.click(".pass-controls >> text=deconvnet")
    until(tab, "document.querySelectorAll('.unit-views img.backward').length === 10")
    until(tab, "[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    tab.click(".pass-controls >> text=none")
    assert tab.locator(".unit-views img.backward").count() == 0


def test_an_ablated_unit_changes_maps_and_predictions_and_every_view_says_so(tab, base):
    go(tab, base, f"/conv6/12?image={STOP}", **DESKTOP)
    layer, image = ids(tab, "conv6")
    plain = fetch_json(tab, f"api/predictions/{image}")["classes"]
    assert tab.locator(".change-notice, .change-tag, .changed").count() == 0
    tab.keyboard.press("z")
    tab.wait_for_selector(".change-notice >> text=conv6:12 ablated")
    assert tab.evaluate("location.hash").endswith("change=conv6%3A12%3A0&show=map")
    until(tab, "document.querySelector('.user-image figcaption b')?.textContent === '0'")
    changed = fetch_json(tab, f"api/predictions/{image}?change={layer}:12:0")["classes"]
    assert changed != plain
    title = "document.querySelector('.predicted-classes .{} .predictions [title]')?.title"  # with the logit
    until(tab, f"{title.format('unchanged')} && {title.format('present')}")
    assert tab.evaluate(title.format("unchanged")) != tab.evaluate(title.format("present"))
    assert tab.locator(".predicted-classes .unchanged .change-tag").count() == 0
    assert "changed network" in tab.title()
    for view in ("conv6", "pool3", "class"):
        tab.click(f".layers a:has(b:text-is('{view}'))")
        tab.wait_for_selector(".middle .change-tag >> text=changed network: conv6:12 ablated")
        tab.wait_for_selector(".right .change-tag")
        assert tab.evaluate("getComputedStyle(document.querySelector('.right .predictions')).outlineStyle") == "dashed"
    tab.reload()
    tab.wait_for_selector(".change-notice >> text=conv6:12 ablated")
    tab.keyboard.press("u")
    tab.wait_for_selector(".change-notice", state="detached")
    assert tab.locator(".change-tag, .changed").count() == 0
    assert "change" not in tab.evaluate("location.hash")


def test_a_unit_is_boosted_in_steps_and_a_link_to_an_impossible_change_says_why(tab, base, log):
    go(tab, base, f"/conv6/12?image={STOP}", **DESKTOP)
    until(tab, "document.querySelector('.user-image figcaption b')?.textContent")
    value = "Number(document.querySelector('.user-image figcaption b').textContent)"
    before = tab.evaluate(value)
    for _ in range(2):
        tab.keyboard.press("+")
    until(tab, f"Math.abs({value} / {before} - 4) < 0.02")
    tab.click(".change-notice >> role=button[name='Undo: conv6:12 × 4']")
    until(tab, f"{value} === {before}")
    go(tab, base, f"/conv6/12?image={STOP}&change=gone:1:0", **DESKTOP)
    tab.get_by_text("no layer has this id").first.wait_for()
    go(tab, base, f"/class/14?image={STOP}", **DESKTOP)
    assert tab.locator("text=Ablate").count() == 0  # the classes are the output
    log.errors.clear()  # the browser logs the refusal
