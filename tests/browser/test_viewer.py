"""The viewer of the built-in network in a real browser."""

import base64
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import dreamfilters as df
import dreamfilters.viewer
from dreamfilters import cli
from tests.browser.visiting import until, visit

STOP, OTHER = "14/3.png", "13/0.png"
CANVAS = "document.querySelector('.scroll-content canvas')"
LARGE = {"width": 1280, "height": 860}
PAD = 2  # pixels before the first tile


@pytest.fixture(scope="module")
def base(browsing, viewer):
    """The address without the token, which is now a cookie; the network is open and the images are scanned."""
    tab, _ = browsing
    tab.context.request.get(viewer.url)  # the page itself would start dreams
    base = viewer.url.partition("?")[0]
    visit(tab, f"{base}#/signs?show=map", **LARGE)
    tab.wait_for_selector(".layers a", state="attached")
    until(tab, "fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase === 'ready')")
    return base


def go(tab, base, view="", **size):
    """Open a view by its link, with maps only where it does not say what it shows: no dream is then made unasked."""
    shown = "" if "show=" in view else f"{'&' if '?' in view else '?'}show=map"
    visit(tab, f"{base}#/signs{view}{shown}", **{**LARGE, **size})
    tab.wait_for_selector(".layers a", state="attached")


def wait_for_painted(tab, layer):
    until(tab, f"{CANVAS}?.dataset.painted === '{layer} true'")


def fetch_json(tab, address):
    """The JSON at an address of the server."""
    return json.loads(tab.evaluate(f"fetch({address!r}).then((a) => a.text())"))


def ids(tab, layer, image=STOP):
    """The ids of a layer and an image."""
    state = fetch_json(tab, "api/state")
    key = next(each["id"] for each in state["network"]["layers"] if each["name"] == layer)
    return key, next(each["id"] for each in state["images"] if each["name"] == image)


def link_of(tab):
    """The path and the settings of the link."""
    path, _, query = tab.evaluate("decodeURIComponent(location.hash)").partition("?")
    return path, dict(part.split("=", 1) for part in query.split("&")) if query else {}


def test_the_token_is_removed_from_the_address_and_the_network_is_drawn(tab, base):
    asked = []
    tab.route("**/api/dreams/background", lambda route: asked.append(route.request.post_data) or route.fulfill(json={}))
    visit(tab, base, **LARGE)
    tab.wait_for_selector("svg .node", state="attached")
    assert tab.evaluate("location.search + location.hash") == "#/signs"  # the link is complete from the first view on
    network = fetch_json(tab, "api/state")["network"]
    assert (len(network["layers"]), len(network["edges"])) == (16, 15)
    forwarding = [layer["name"] for layer in network["layers"] if layer["forwards"]]
    assert forwarding == ["dropout1", "dropout2", "dropout3", "flatten", "dropout4"]
    assert (tab.locator("svg .node").count(), tab.locator("svg .edge").count()) == (11, 10)
    tab.click("text=5 folded layers")
    assert (tab.locator("svg .node").count(), tab.locator("svg .edge").count()) == (16, 15)
    tab.click("text=5 folded layers")
    until(tab, "document.querySelectorAll('.verdict-bar rect').length > 6")
    until(tab, "document.querySelectorAll('.findings li').length > 0")
    assert "Most selective unit" in tab.text_content(".findings")
    until(tab, "document.querySelector('.strip')?.dataset.dreams !== undefined")
    while not asked:  # the first layer's strongest units are dreamed while nothing else is to be done
        tab.wait_for_timeout(30)
    first = json.loads(asked[0])
    assert (first["layer"], len(first["units"])) == (network["layers"][0]["id"], 12)
    tab.unroute("**/api/dreams/background")
    tab.click("text=Maps")
    assert tab.text_content("h1") == "signs"
    until(tab, "document.querySelector('.strip')?.ariaLabel.startsWith('The strongest maps, up to')")
    tab.click("svg .node >> nth=1")
    wait_for_painted(tab, "conv2")


def test_every_layer_opens_on_a_click_and_is_painted(tab, base):
    go(tab, base, f"?image={STOP}")
    names = tab.locator(".layers a b").all_text_contents()
    assert names[0] == "conv1"
    assert names[-1] == "class"  # the output layer, which the model calls "classes"
    assert "classes" not in names
    for index, name in enumerate(names):
        tab.click(f".layers a >> nth={index}")
        wait_for_painted(tab, name)
        assert link_of(tab)[0] == f"#/signs/{name}"
        colors = f"""(() => {{
            const {{ data }} = {CANVAS}.getContext('2d').getImageData(0, 0, {CANVAS}.width, 300);
            return new Set(new Uint32Array(data.buffer)).size;
        }})()"""
        assert tab.evaluate(colors) > 10, name


def test_the_pixels_of_a_map_are_its_values(tab, base):
    """With the gray colormap the first tile shows the strongest unit's values as fractions of the layer's maximum."""
    go(tab, base, f"/conv6?image={STOP}&colors=gray&size=l")
    wait_for_painted(tab, "conv6")
    layer, image = ids(tab, "conv6")
    maxima = fetch_json(tab, f"api/maps/{layer}/{image}")["maximum"]
    unit = int(tab.evaluate(f"{CANVAS}.dataset.first"))
    assert unit == int(np.argmax(maxima))
    values = np.array(fetch_json(tab, f"api/maps/{layer}/{image}/{unit}")["values"])  # (8, 8)
    side = float(tab.evaluate(f"{CANVAS}.dataset.tile"))
    data = tab.evaluate(f"[...{CANVAS}.getContext('2d').getImageData(0, 0, 200, 200).data]")
    centers = (PAD + (np.arange(8) + 0.5) * side / 8).astype(int)
    shown = np.array(data).reshape(200, 200, 4)[np.ix_(centers, centers)][..., 0]
    assert np.abs(shown - 255 * values / max(maxima)).max() <= 2
    assert shown.max() >= 254


def test_the_pointer_shows_the_value_and_marks_the_position_and_its_receptive_field(tab, base):
    go(tab, base, f"/conv6?image={STOP}&size=l")
    wait_for_painted(tab, "conv6")
    layer, image = ids(tab, "conv6")
    unit, side = int(tab.evaluate(f"{CANVAS}.dataset.first")), float(tab.evaluate(f"{CANVAS}.dataset.tile"))
    exact = fetch_json(tab, f"api/maps/{layer}/{image}/{unit}")
    row, column = exact["position"]
    until(tab, "document.querySelector('.marked-image img').complete")
    point = {"x": PAD + (column + 0.5) * side / 8, "y": PAD + (row + 0.5) * side / 8}
    tab.hover(".scroll-content canvas", position=point)
    tab.wait_for_selector(".outline", state="attached")
    tooltip = tab.text_content(".tooltip")
    value = np.max(exact["values"])
    assert tooltip.startswith(f"conv6:{unit}row {row}, column {column}: {value:#.3g}"), tooltip
    marked = tab.evaluate(
        "['y', 'x', 'height', 'width'].map((one) => +document.querySelector('.outline rect').getAttribute(one))"
    )
    top, left, bottom, right = fetch_json(tab, f"api/receptive-fields/{layer}?row={row}&column={column}")["box"]
    assert marked == pytest.approx([100 * top, 100 * left, 100 * (bottom - top), 100 * (right - left)], abs=0.01)


@pytest.mark.parametrize("layer", ["conv1", "conv3", "conv6", "pool3"])
def test_the_page_and_the_server_agree_on_receptive_fields(tab, base, layer):
    go(tab, base, f"/{layer}?image={STOP}")
    key, image = ids(tab, layer)
    height, width = fetch_json(tab, f"api/maps/{key}/{image}")["full"]
    positions = [(0, 0), (height - 1, 0), (height // 2, width // 3), (height // 3, width - 1)]
    for row, column in positions:
        found = tab.evaluate(f"""import('/static/state/receptive_fields.js').then(async (module) => {{
            const {{ network }} = await (await fetch('api/state')).json();
            const layer = network.layers.find((one) => one.id === '{key}');
            const geometry = await module.fetchFieldGeometry(layer, network.form, [{height}, {width}]);
            return module.receptiveField(geometry, {row}, {column});
        }})""")
        assert found == pytest.approx(
            fetch_json(tab, f"api/receptive-fields/{key}?row={row}&column={column}")["box"], abs=1e-6
        )


def declared_keys(name):
    """The keys that an interface of types.d.ts requires, those of its base included."""
    text = (Path(dreamfilters.viewer.__file__).parent / "static" / "types.d.ts").read_text("utf-8")
    base, body = re.search(
        rf"^export interface {name} (?:extends (\w+) )?{{(.*?)^}}", text, re.DOTALL | re.MULTILINE
    ).groups()
    return set(re.findall(r"^  (\w+):", body, re.MULTILINE)) | (declared_keys(base) if base else set())


def test_the_declared_types_have_the_keys_that_the_server_sends(tab, base):
    go(tab, base)
    key, image = ids(tab, "conv6")
    state, facts = fetch_json(tab, "api/state"), fetch_json(tab, f"api/units/{key}/30")
    network = state["network"]
    sent = {
        "ServerState": state, "Network": network, "InputForm": network["form"], "Layer": network["layers"][0],
        "ImageInfo": state["images"][0], "EvidenceProgress": state["evidence"], "UnitFacts": facts,
        "UnitVerdict": facts["verdict"], "UnitStatistics": facts["statistics"], "RankedImage": facts["strongest"][0],
        "HistogramCounts": facts["histogram"], "ClassMean": facts["classes"][0],
        "LayerMaps": fetch_json(tab, f"api/maps/{key}/{image}"),
        "UnitMap": fetch_json(tab, f"api/maps/{key}/{image}/30"),
        "Prediction": fetch_json(tab, f"api/predictions/{image}")["classes"][0],
        "Verdict": fetch_json(tab, f"api/verdicts/{key}")["units"][0],
        "DreamSheet": fetch_json(tab, f"api/dreams/sheet/{key}"), "Accuracy": state["accuracy"],
        "FormSearch": state["form_search"],
        "AttributionMethod": network["attributions"][0],
        "Heatmap": fetch_json(tab, f"api/heatmaps/{key}/30/{image}?method=gradient"),
        "HeatmapTrust": (trust := fetch_json(tab, f"api/trust/{key}/30/{image}?method=gradient")),
        "TrustValue": trust["measures"][0],
        "LogitUnits": (units := fetch_json(tab, f"api/logits/14/{image}")), "UnitContribution": units["units"][0],
    }  # fmt: skip
    for name, values in sent.items():
        assert declared_keys(name), name
        assert declared_keys(name) <= values.keys(), name


def test_the_predicted_class_is_explained_by_pixels_and_units(tab, base):
    go(tab, base, f"?image={STOP}")
    tab.click("text=Why this class?")
    first = fetch_json(tab, "api/state")["network"]["attributions"][0]
    until(tab, "document.querySelector('.heatmap img')?.naturalWidth === 48")
    methods = "[...document.querySelectorAll('.heatmap')].map((one) => one.dataset.method)"
    assert tab.evaluate(methods) == [first["name"], "occlusion"]
    assert first["meaning"] in tab.text_content(".heatmap")
    tab.wait_for_selector(".logit-units a", state="attached")
    assert "Units that carry STOP over " in tab.text_content(".explanation")
    margin = tab.get_attribute(".heatmap img", "src")
    tab.click("text=Against the runner-up")
    until(tab, f"(document.querySelector('.heatmap img')?.src ?? {margin!r}) !== {margin!r}")
    tab.click(".explanation summary >> text=More methods")
    tab.click(".explanation button >> text=token-gradient")  # does not fit the network
    until(tab, "document.querySelector('[data-method=token-gradient] [role=alert]')?.innerText.includes('no layer of')")
    tab.keyboard.press("Escape")
    tab.click("[data-method=occlusion] .ask-trust")
    tab.wait_for_selector("[data-method=occlusion] .heatmap-trust tbody tr >> nth=5")
    assert tab.text_content("[data-method=occlusion] .heatmap-trust p").startswith("The heatmap ")
    assert re.search(r"it took (less than 1|\d+) s", tab.text_content("[data-method=occlusion] .heatmap-trust"))
    tab.click("text=Against the runner-up")
    tab.get_by_role("button", name=re.compile(r"Can it be trusted\?\s+(about )")).wait_for()  # as long as the last time
    tab.click(".logit-units a >> nth=0")
    tab.wait_for_selector("article.unit .heatmap img")  # it stays open on the page of the unit
    assert link_of(tab)[0].startswith("#/signs/dense/")


def test_the_search_for_the_input_form_confirms_that_of_the_built_in_network(tab, base):
    go(tab, base, "/conv6")
    bar = " ".join(tab.inner_text(".trust").split())
    assert "48x48 RGB, 0 to 1 that of the built-in network" in bar
    assert "12 of 12 labeled images are predicted as labeled (100 %), chance 33 %" in bar
    assert tab.locator(".trust.doubtful, .mistake").count() == 0
    tab.click(".trust button")
    tab.wait_for_selector("dialog.form-search[open] table")
    assert tab.inner_text("dialog tr.best th") == "48x48 RGB, 0 to 1"
    tab.get_by_text("The page shows the network in the best of these forms.").wait_for()
    result = fetch_json(tab, "api/state")["form_search"]["result"]
    assert declared_keys("FormRanking") <= result.keys()
    assert declared_keys("FormTrial") <= result["trials"][0].keys()
    tab.keyboard.press("Escape")
    until(tab, "!document.querySelector('dialog')")
    assert tab.inner_text(".trust button") == "Show input forms"


def test_a_unit_opens_on_a_click_with_its_evidence(tab, base):
    go(tab, base, f"/conv6?image={STOP}")
    wait_for_painted(tab, "conv6")
    unit = tab.evaluate(f"{CANVAS}.dataset.first")
    tab.click(".scroll-content canvas", position={"x": 30, "y": 30})
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    assert link_of(tab)[0] == f"#/signs/conv6/{unit}"
    layer, _ = ids(tab, "conv6")
    facts = fetch_json(tab, f"api/units/{layer}/{unit}")
    assert tab.text_content(".unit h1") == f"conv6:{unit}"
    assert facts["verdict"]["sentence"] in tab.text_content(".unit .verdict")
    until(tab, "document.querySelectorAll('.unit-views .exact').length === 10")  # the image and nine strongest
    until(tab, "[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    shown = tab.locator(".unit-views figcaption b").all_text_contents()
    assert shown[2:] == [f"{one['response']:#.3g}" for one in facts["strongest"][:9]]
    assert tab.locator(".chart .bar").count() == np.count_nonzero(facts["histogram"]["counts"])
    tab.keyboard.press("l")
    until(tab, f"document.querySelector('article.unit')?.dataset.unit === 'conv6:{(int(unit) + 1) % 128}'")
    tab.keyboard.press("Escape")
    wait_for_painted(tab, "conv6")


@pytest.mark.parametrize(
    ("layer", "why"), [("class", "relative to the other classes"), ("pool1", "see the next layer")]
)
def test_a_unit_without_a_verdict_explains_why(tab, base, layer, why):
    go(tab, base, f"/{layer}/3")
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    until(tab, f"document.querySelector('article.unit .verdict').innerText.includes('{why}')")


def test_a_silent_unit_has_one_bar_at_zero_and_no_strongest_image(tab, base):
    go(tab, base, f"/conv4/0?image={STOP}")
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    tab.wait_for_selector(".chart .bar")
    assert tab.locator(".chart .bar").count() == 1
    assert float(tab.get_attribute(".chart .bar", "width")) == 24
    assert [text.strip() for text in tab.locator(".chart .x-label").all_text_contents()] == ["0"]
    tab.get_by_text("The response is 0 for every image, so there are no strongest images.").wait_for()
    assert tab.locator(".unit-views figure").count() == 2  # the placeholder of the dream, and the image
    assert tab.get_by_text("Strongest classes").count() == 0
    assert tab.locator(".unit-views .outline.dashed").count() == 0  # the image has no strongest position either
    tab.set_viewport_size({"width": 1000, "height": 860})
    buttons = tab.locator(".unit .head .actions > *")
    assert {buttons.nth(index).bounding_box()["y"] for index in range(4)} == {buttons.first.bounding_box()["y"]}


def test_a_dream_is_shown_while_it_runs_and_after_a_reload(tab, base):
    go(tab, base, "/class/14")
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    tab.evaluate("window.steps = []; new MutationObserver(() => {"
              " const one = document.querySelector('.current-dream img.image');"
              " if (one && window.steps.at(-1) !== one.src) window.steps.push(one.src);"
              "}).observe(document.body, { subtree: true, childList: true, attributes: true }); 1")  # fmt: skip
    tab.keyboard.press("d")
    until(tab, "window.steps.length >= 2")  # at least two frames while it runs
    assert len(set(tab.evaluate("window.steps"))) >= 2
    name = tab.evaluate("document.querySelector('.current-dream').dataset.dream")
    tab.reload()
    until(tab, f"document.querySelector('.current-dream')?.dataset.dream === '{name}'")
    until(tab, "document.querySelector('.current-dream.done img.image')?.complete")
    dream = next(one for one in fetch_json(tab, "api/dreams")["dreams"] if one["id"] == name)
    assert dream["step"] == dream["steps"]
    shown = tab.evaluate("document.querySelector('.current-dream .dream-status').innerText")
    assert f"{dream['score']:#.3g}" in shown
    until(tab, "document.querySelectorAll('.legend b').length === 2")  # the dream is marked in the histogram


def test_a_finished_dream_is_compared_with_images(tab, base):
    go(tab, base, "/conv6/30")
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    assert tab.locator(".measures").count() == 0  # no dream yet
    tab.keyboard.press("d")
    tab.wait_for_selector(".current-dream.done", state="attached")
    tab.wait_for_selector(".measure-list", state="attached")
    dream = tab.get_attribute(".current-dream", "data-dream")
    values = fetch_json(tab, f"api/dreams/{dream}/measures")
    assert declared_keys("DreamMeasures") <= values.keys()
    assert declared_keys("Caption") <= values["measures"][0].keys()
    assert declared_keys("Dream") <= fetch_json(tab, "api/dreams")["dreams"][0].keys()
    measures = values["measures"]
    assert tab.locator(".measure-list dt").all_text_contents() == [one["name"] for one in measures]
    assert tab.locator(".measure-list b").all_text_contents() == [one["figure"] for one in measures]
    assert "one seed only" in tab.locator(".measure-list").inner_text()
    tab.keyboard.press("a")  # another seed gives the seed variation of both
    until(tab, f"Number(document.querySelector('.current-dream.done')?.dataset.dream.slice(1)) > {dream[1:]}")
    until(tab, "document.querySelector('.measure-list')?.innerText.includes('over 2 seeds')")
    tab.locator(".dreams .thumb").last.click()
    until(tab, f"document.querySelector('.current-dream').dataset.dream === '{dream}'")
    until(tab, "document.querySelector('.measure-list')?.innerText.includes('over 2 seeds')")


def test_another_seed_is_another_dream_and_can_be_canceled(tab, base):
    go(tab, base, "/conv5/3")
    tab.wait_for_selector("article.unit[data-ready=yes]", state="attached")
    tab.keyboard.press("d")
    tab.wait_for_selector(".current-dream.done, .current-dream.failed", state="attached")
    tab.select_option(".dreams select", "lucid")  # long enough to be canceled
    tab.click(".dreams >> text=Another seed")
    # where other processes leave little time, the page shows the steps late
    tab.wait_for_selector(".current-dream.queued, .current-dream.running", state="attached")
    assert tab.input_value("input.seed") == "1"
    tab.keyboard.press("x")
    tab.wait_for_selector(".current-dream.cancelled", state="attached")
    assert "Cancelled" in tab.text_content(".current-dream .dream-status")
    assert tab.locator(".dreams .thumb").count() == 2
    seeds = {one["seed"]: one["phase"] for one in fetch_json(tab, f"api/dreams?layer={ids(tab, 'conv5')[0]}")["dreams"]}
    assert seeds == {0: "done", 1: "cancelled"}


def test_the_dreams_of_a_layer_are_shown_in_its_grid(tab, base):
    """A button starts the missing dreams, where they are not made in the background."""
    tab.route("**/api/dreams/background", lambda route: route.fulfill(json={}))
    go(tab, base, "/class?show=dream&only=Kreisverkehr&sort=number")
    wait_for_painted(tab, "class")
    middle = f"...Array(2).fill({CANVAS}.dataset.tile / 2), 20, 20"
    plain = f"[...{CANVAS}.getContext('2d').getImageData({middle}).data]"
    assert len(set(tab.evaluate(plain))) <= 4  # one color
    tab.wait_for_selector(".line button", state="attached")
    tab.click(".line button")
    until(tab, "fetch('api/dreams/sheet/C').then((a) => a.json()).then((s) => s.units.includes(40))")
    until(tab, f"new Set({plain}).size > 20")
    tab.unroute("**/api/dreams/background")


def _image(color):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(out, "PNG")
    return out.getvalue()


def _transfer(name, content):
    """JavaScript for a DataTransfer with a file."""
    return (
        f"(() => {{ const text = atob('{base64.b64encode(content).decode()}'), data = new DataTransfer();"
        f" const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));"
        f" data.items.add(new File([bytes], {name!r}, {{ type: 'image/png' }})); return data; }})()"
    )


def _drop(tab, name, content):
    event = f"new DragEvent('drop', {{ dataTransfer: {_transfer(name, content)}, cancelable: true }})"
    tab.evaluate(f"dispatchEvent({event})")


def test_images_are_added_by_choosing_dropping_and_pasting(tab, base, tmp_path):
    go(tab, base, "/conv1")
    wait_for_painted(tab, "conv1")
    (tmp_path / "chosen <b>.png").write_bytes(_image("red"))
    tab.set_input_files("input[type=file]", tmp_path / "chosen <b>.png")
    until(tab, "document.querySelector('.tray-image.chosen span')?.textContent === 'chosen <b>'")
    wait_for_painted(tab, "conv1")
    _drop(tab, "dropped.png", _image("lime"))
    until(tab, "document.querySelector('.tray-image.chosen span')?.textContent === 'dropped'")
    pasted = _transfer("pasted.png", _image("blue"))
    tab.evaluate(f"dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: {pasted} }}))")
    until(tab, "document.querySelector('.tray-image.chosen span')?.textContent === 'pasted'")
    wait_for_painted(tab, "conv1")
    before = len(fetch_json(tab, "api/state")["images"])
    tab.click(".tray-image.chosen .remove")
    until(tab, f"fetch('api/state').then((a) => a.json()).then((s) => s.images.length === {before - 1})")
    until(tab, "document.querySelector('.tray-image.chosen span')?.textContent !== 'pasted'")


def test_a_file_that_is_no_image_is_refused_in_a_line(tab, log, base):
    go(tab, base, "/conv1")
    _drop(tab, "broken.png", b"no image")
    tab.wait_for_selector(".message.on.bad", state="attached")
    assert "broken.png" in tab.text_content(".message")
    log.errors.clear()  # the browser logs the refusal


def test_the_webcam_shows_live_maps(tab, base):
    """On Chromium's moving test image."""
    go(tab, base, "/conv1?colors=gray")
    wait_for_painted(tab, "conv1")
    tab.click("text=Webcam")
    until(tab, "document.querySelector('.camera video')?.videoWidth > 0")
    version = "fetch('api/state').then((a) => a.json()).then((s) => s.images.find((one) => one.version > {})) "
    until(tab, version.format(1))
    until(tab, "document.querySelectorAll('.tray-image.chosen').length === 1")
    wait_for_painted(tab, "conv1")
    shown = f"{CANVAS}.toDataURL().length + {CANVAS}.toDataURL().slice(-4000)"
    before = tab.evaluate(shown)
    until(tab, f"({shown}) !== {json.dumps(before)}")  # the image moves
    tab.click(".camera >> text=Stop")
    tab.wait_for_selector(".camera", state="detached")


def test_a_grid_keeps_its_scroll_position_and_active_unit(tab, base):
    go(tab, base, f"/conv6?image={STOP}&sort=number&size=l")
    wait_for_painted(tab, "conv6")
    for _ in range(7):
        tab.keyboard.press("j")
    top = tab.evaluate("document.querySelector('.units').scrollTop")
    assert top > 300
    unit = tab.evaluate("document.getElementById('active-unit').textContent").split(",")[0]
    tab.keyboard.press("Enter")
    until(tab, f"document.querySelector('article.unit')?.dataset.unit === '{unit}'")
    tab.keyboard.press("Escape")
    wait_for_painted(tab, "conv6")
    assert tab.evaluate("document.querySelector('.units').scrollTop") == pytest.approx(top, abs=2)
    assert tab.evaluate("document.getElementById('active-unit').textContent").split(",")[0] == unit


def test_a_link_contains_all_settings(tab, base):
    view = f"/conv3?image={STOP}&image={OTHER}&sort=number&scale=fixed&colors=viridis&size=l&low=0.5&high=2"
    go(tab, base, view)
    wait_for_painted(tab, "conv3")
    assert tab.evaluate("[...document.querySelectorAll('.toolbar select')].map((one) => one.value)") == [
        "number", "fixed", "viridis", "l",
    ]  # fmt: skip
    assert tab.evaluate("[...document.querySelectorAll('.toolbar .limit')].map((one) => one.value)") == ["0.5", "2"]
    assert tab.locator(".tray-image.chosen").count() == 2
    assert tab.evaluate(f"{CANVAS}.dataset.first") == "0"
    tab.select_option("select[aria-label=Colors]", "gray")
    until(tab, "location.hash.includes('colors=gray')")
    tab.click(".layers a >> nth=0")
    wait_for_painted(tab, "conv1")
    assert link_of(tab)[1]["colors"] == "gray"
    tab.go_back()
    wait_for_painted(tab, "conv3")


def test_every_action_has_a_key(tab, base):
    go(tab, base, f"/conv3?image={STOP}&sort=number")
    wait_for_painted(tab, "conv3")
    active = "document.getElementById('active-unit').textContent"
    for key, unit in (
        ("ArrowRight", 1),
        ("l", 2),
        ("h", 1),
        ("ArrowDown", 1 + int(tab.evaluate(f"{CANVAS}.dataset.columns"))),
    ):
        tab.keyboard.press(key)
        until(tab, f"{active}.startsWith('conv3:{unit},')")
    tab.keyboard.press("p")
    until(tab, "[...document.querySelectorAll('.switches button')].some((one) => one.textContent === 'Compare 1')")
    for key, name, expected in (
        ("s", "scale", "unit"),
        ("m", "colors", "viridis"),
        ("v", "show", "dream"),
        ("+", "size", "l"),
    ):
        tab.keyboard.press(key)
        until(tab, f"location.hash.includes('{name}={expected}')")
    tab.keyboard.press("]")
    wait_for_painted(tab, "conv4")
    tab.keyboard.press("[")
    wait_for_painted(tab, "conv3")
    tab.keyboard.press(".")
    until(tab, "document.querySelector('.tray-image.chosen')?.textContent !== 'STOP'")
    tab.keyboard.press("c")
    tab.wait_for_selector("table.compare tbody tr", state="attached")
    tab.keyboard.press("Escape")
    wait_for_painted(tab, "conv3")
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    until(tab, "document.querySelector('article.unit')?.dataset.unit === 'conv3:0'")
    tab.keyboard.press("Escape")
    tab.keyboard.press("n")
    tab.wait_for_selector("svg .node", state="attached")


def test_the_search_finds_layers_units_classes_and_images(tab, base):
    go(tab, base)
    for typed, view in (("conv4", "conv4"), ("conv3:12", "conv3/12"), ("stop", "class/14")):
        tab.keyboard.press("/")
        until(tab, "document.activeElement.id === 'search'")
        tab.keyboard.type(typed)
        tab.wait_for_selector(".hits .chosen", state="attached")
        tab.keyboard.press("Enter")
        until(tab, f"location.hash.split('?')[0] === '#/signs/{view}'")
    tab.keyboard.press("/")
    tab.keyboard.type("13/2")
    tab.wait_for_selector(".hits .chosen", state="attached")
    tab.keyboard.press("Enter")
    until(tab, "decodeURIComponent(location.hash).includes('13/2.png')")


def test_a_question_mark_shows_the_keys_and_escape_hides_them(tab, base):
    go(tab, base, "/conv3")
    wait_for_painted(tab, "conv3")
    tab.keyboard.press("?")
    tab.wait_for_selector("dialog[open]", state="attached")
    shown = tab.text_content("dialog")
    assert all(word in shown for word in ("search", "dream the unit", "between light and dark", "compare"))
    tab.keyboard.press("d")  # the page behind does nothing
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog", state="detached")
    assert link_of(tab)[0] == "#/signs/conv3"


def test_dark_follows_the_system_and_the_switch(tab, base):
    def brightness():
        return sum(map(int, re.findall(r"\d+", tab.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]))

    go(tab, base, "/conv3")
    light = brightness()
    go(tab, base, "/conv3", dark=True)
    dark = brightness()
    assert dark < 100 < 600 < light
    tab.keyboard.press("t")
    assert brightness() == light
    tab.reload()
    tab.wait_for_selector(".layers a", state="attached")
    assert brightness() == light  # the choice is stored
    tab.evaluate("localStorage.clear()")


@pytest.mark.parametrize(
    "view", ["", f"/conv6?image={STOP}", "/conv6/22", "/class/14", "/conv3?compare=conv3:1&compare=conv3:2"]
)
def test_the_page_fits_a_phone(tab, base, view):
    go(tab, base, view, width=400, height=800)
    tab.wait_for_selector(".middle h1", state="attached")
    for pane in range(3):
        tab.click(f".pane-switch button >> nth={pane}")
        assert tab.evaluate("document.documentElement.scrollWidth") == 400
        seen = "[...document.querySelectorAll('.panes > *')].filter((one) => one.checkVisibility())"
        assert tab.evaluate(f"{seen}.map((one) => one.clientWidth)") == [400]


def test_a_view_is_saved_and_its_command_is_copied(tab, base, tmp_path):
    go(tab, base, f"/conv3?image={STOP}")
    wait_for_painted(tab, "conv3")
    with tab.expect_download() as saving:
        tab.click(".toolbar >> text=PNG")
    saving.value.save_as(tmp_path / "view.png")
    assert saving.value.suggested_filename == "conv3.png"
    with Image.open(tmp_path / "view.png") as saved:
        assert saved.width > 16 * 76
        assert len(saved.convert("RGB").getcolors(1 << 24)) > 50
    tab.click(".top .menu summary >> text=Copy")
    tab.click(".top .menu button >> text=Command line")
    tab.get_by_text("Copied the command line.").wait_for()
    assert tab.evaluate("navigator.clipboard.readText()") == fetch_json(tab, "api/state")["command"]


def export(tab, item, folder):
    """The name and the path of the file that an item of the menu 'Export' saves."""
    tab.click("summary >> text=Export")
    with tab.expect_download() as saving:
        tab.click(f"article .menu >> text={item}")
    file = folder / "export"
    saving.value.save_as(file)
    return saving.value.suggested_filename, file


def test_a_unit_is_exported_as_an_image_and_as_json(tab, base, tmp_path):
    go(tab, base, f"/conv6/22?image={STOP}")
    tab.wait_for_selector("article.unit[data-ready=yes]")
    until(tab, "document.querySelectorAll('.unit-views .exact').length === 10")
    name, file = export(tab, "Save this view as PNG", tmp_path)
    assert name == "conv6-22.png"
    with Image.open(file) as saved:
        assert saved.width > 10 * 160  # the image and nine strongest ones, above their maps
        assert saved.height > 2 * 160
        assert len(saved.convert("RGB").getcolors(1 << 24)) > 200
    name, file = export(tab, "Save the unit as JSON", tmp_path)
    layer, _ = ids(tab, "conv6")
    assert name == "conv6-22.json"
    assert json.loads(file.read_text("utf-8")) == fetch_json(tab, f"api/units/{layer}/22")


def test_a_dream_is_saved_and_the_copied_command_and_code_reproduce_it(tab, base, kept, tmp_path, monkeypatch):
    go(tab, base, "/conv2/4")
    tab.wait_for_selector("article.unit[data-ready=yes]")
    tab.click(".dreams .primary")
    tab.wait_for_selector(".current-dream.done")
    tab.click(".current-dream >> text=Save run")
    tab.get_by_text("Saved in").first.wait_for()
    tab.reload()
    saved = tab.text_content(".current-dream .dream-status >> text=Saved in")
    folder = Path(saved.removeprefix("Saved in ").strip())
    assert folder.parent == kept
    images = [image for image in folder.rglob("*.png") if image.name != "contact-sheet.png"]
    address = base + tab.get_attribute(".current-dream a", "href")
    shown = np.array(Image.open(io.BytesIO(tab.request.get(address).body())))
    assert [np.array_equal(np.array(Image.open(image)), shown) for image in images] == [True]

    for line in ("Copy the command line", "Copy the Python code"):
        tab.click("summary >> text=Export")
        tab.click(f"article .menu >> text={line}")
        tab.get_by_text(f"Copied{line.removeprefix('Copy')}.").wait_for()
        snippet = tab.evaluate("navigator.clipboard.readText()")
        if "Python" in line:
            again = np.round(eval(snippet, {"df": df})[0].image * 255)
        else:
            monkeypatch.chdir(tmp_path)
            assert CliRunner().invoke(cli.app, shlex.split(snippet)[1:]).exit_code == 0
            (file,) = [one for one in tmp_path.rglob("*.png") if one.name != "contact-sheet.png"]
            again = np.array(Image.open(file))
        assert np.array_equal(again, shown)


def test_every_control_has_a_name_and_the_focus_is_visible(tab, base):
    go(tab, base, f"/conv3?image={STOP}")
    wait_for_painted(tab, "conv3")
    nameless = """[...document.querySelectorAll('button, a, input, select, summary')].filter((one) =>
        one.checkVisibility() && !(one.textContent.trim() || one.ariaLabel || one.title || one.labels?.length))
        .map((one) => one.outerHTML)"""
    assert tab.evaluate(nameless) == []
    tab.evaluate("document.activeElement.blur()")
    for _ in range(3):
        tab.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    assert tab.evaluate(f"[{style}.outlineStyle, {style}.outlineWidth]") == ["solid", "2px"]


def test_an_evaluation_starts_from_the_page_and_leads_from_the_matrix_to_images_units_and_the_report(tab, base, kept):
    go(tab, base, f"?image={STOP}&page=errors")
    tab.click(".state .primary")
    tab.wait_for_selector(".matrix td.level-9", state="attached")
    assert tab.locator(".matrix tr").count() == 3
    assert tab.locator(".matrix td button").all_text_contents() == ["4", "4", "4"]
    assert "100.0 % of 12 images are predicted correctly" in tab.text_content(".errors .head")
    assert "Every image is predicted as labeled." in tab.text_content(".errors")
    tab.select_option("select[aria-label='Order of the classes']", "class")
    tab.hover(".matrix tr:nth-child(3) td:nth-of-type(2)")
    until(tab, "document.querySelector('.matrix-text').textContent.startsWith('0 of 4 images of STOP predicted as')")
    tab.click(".matrix tr:nth-child(3) td:nth-of-type(2)")
    until(tab, "location.hash.includes('cell=14%3A13')")
    tab.wait_for_selector(".unit-tables tbody a", state="attached")
    assert tab.locator(".unit-tables table").count() == 3
    tab.click(".matrix tr:nth-child(3) td:nth-of-type(3)")  # those that are predicted as labeled
    until(tab, "document.querySelectorAll('.cell .evaluated .thumb').length === 4")
    tab.click(".cell .evaluated .thumb >> nth=0")
    until(tab, "document.querySelector('.tray-image.chosen .caption')?.textContent === 'STOP'")
    evaluation = fetch_json(tab, "api/evaluation")
    separation = fetch_json(tab, "api/evaluation/separations/13/14")
    (job,) = [each for each in fetch_json(tab, "api/state")["jobs"] if each["kind"] == "evaluate"]
    sent = {
        "Evaluation": evaluation, "ConfusionTable": evaluation["table"], "ClassResult": evaluation["classes"][0],
        "EvaluatedImage": evaluation["hits"][0], "Calibration": evaluation["calibration"],
        "ReliabilityChart": evaluation["calibration"]["chart"], "ClassSeparation": separation, "Job": job,
        "UnitContrast": separation["separating"][0], "ClassSummary": fetch_json(tab, "api/classes/14"),
        "ConfusionCell": fetch_json(tab, "api/evaluation/cells/14/14"), "Overview": fetch_json(tab, "api/overview"),
    }  # fmt: skip
    for name, values in sent.items():
        assert declared_keys(name) <= values.keys(), name
    assert job["folder"] == str(kept / "evaluate")
    tab.click(".work summary")
    with tab.expect_popup() as opening:
        tab.click(".work >> text=Open the report")
    report = opening.value
    report.wait_for_selector("h1")
    assert report.evaluate("origin") == "null"  # a sandbox: it can use nothing of the viewer
    report.close()


def test_the_strip_lists_one_class_wrong_images_or_the_least_sure_first(tab, base):
    go(tab, base)
    until(tab, "!document.querySelectorAll('.image-filters button')[1].disabled")  # evaluated by the test before
    tab.select_option(".image-filters select", "STOP")
    until(tab, "document.querySelectorAll('.tray-image').length === 4")
    every = fetch_json(tab, "api/state")["images"]  # tests before may have added some
    assert tab.text_content(".image-filters [role=status]") == f"4 of {len(every)}"
    tab.click(".image-filters >> text=least sure")
    images = [each for each in every if each["label"] == "STOP"]
    expected = [each["name"] for each in sorted(images, key=lambda each: each["confidence"])]
    shown = "[...document.querySelectorAll('.tray-image > button:first-child')].map((one) => one.title.split(':')[0])"
    until(tab, f"{shown}.join() === {','.join(expected)!r}")
    tab.click(".image-filters >> text=wrong only")
    tab.get_by_text("No image matches.").wait_for()


def test_a_class_has_its_images_and_the_units_that_carry_it_and_is_found_by_its_english_name(tab, base):
    go(tab, base)
    tab.fill("#search", "yield")
    until(tab, "document.querySelector('.hits li .unit-thumb')?.naturalWidth > 1")
    assert tab.text_content(".hits li b") == "Vorfahrt achten (yield)"
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".class-images .thumb >> nth=3")
    assert "4 images, of which 4 (100.0 %) are predicted as it." in tab.text_content(".class-images")
    tab.wait_for_selector(".unit .logit-units a")
    tab.click(".unit .logit-units a >> nth=0")
    until(tab, "location.hash.startsWith('#/signs/dense/')")


NAMELESS = """[...document.querySelectorAll('button, a, input, select, summary, canvas[tabindex]')].filter((one) =>
    one.checkVisibility() && !(one.textContent.trim() || one.ariaLabel || one.title || one.labels?.length))
    .map((one) => one.outerHTML)"""
# Where an image is in the canvas of the map: the whole map is centered and leaves 4 % at each edge.
ON_MAP = """(index) => fetch('api/embedding').then((a) => a.json()).then((map) => {
    const { width, height } = document.querySelector('.map-stage canvas').getBoundingClientRect();
    const side = Math.min(width, height) * 0.92;
    return { x: (map.x[index] / map.fine - 0.5) * side + width / 2,
             y: (0.5 - map.y[index] / map.fine) * side + height / 2 };
})"""


def test_an_embedding_starts_from_the_work_menu_and_its_map_opens_images(tab, base, kept):
    go(tab, base, f"?image={STOP}")
    tab.click(".work summary")
    assert tab.locator(".work select option").all_text_contents() == ["pca", "tsne", "umap"]
    tab.click(".work >> text=Embed the images")
    tab.wait_for_selector(".work [data-phase=done] >> text=Embedding by pca")
    with tab.expect_popup() as opening:
        tab.click(".work section:has-text('Embedding') >> text=Open the report")
    report = opening.value
    report.wait_for_selector("#map canvas >> nth=0")
    assert report.evaluate("imageMap.data.sheets.map((one) => one.slice(0, 22))") == ["data:image/jpeg;base64"]
    report.close()
    tab.keyboard.press("Escape")
    tab.keyboard.press("i")
    tab.wait_for_selector(".map-stage canvas[data-painted$=' 1']")  # with the thumbnails
    found = fetch_json(tab, "api/embedding")
    assert declared_keys("EmbeddingMap") <= found.keys()
    names = [each["name"] for each in fetch_json(tab, "api/state")["images"]]
    count = len(found["names"]) - found["dreams"]  # those of earlier tests
    assert set(found["names"][:count]) <= set(names)
    assert None not in found["images"][:count]
    assert tab.evaluate(NAMELESS) == []
    chosen = found["names"].index(STOP)
    assert tab.get_attribute(".map-stage canvas", "data-painted") == f"points {chosen} 1"
    other = found["names"].index(OTHER)
    tab.locator(".map-stage canvas").click(position=tab.evaluate(ON_MAP, other))
    until(tab, f"decodeURIComponent(location.hash).includes('image={OTHER}')")
    assert tab.text_content(".map-image p b") == OTHER
    assert link_of(tab)[1]["page"] == "embedding"  # the map stays
    tab.wait_for_selector(f".right img[alt='{OTHER}']")
    near = found["names"][found["neighbors"][other][0]]
    tab.hover("h1")
    tab.click(".map-near button >> nth=0")
    until(tab, f"document.querySelector('.map-image p b').textContent === {near!r}")
    assert (kept / "embed" / "embedding.csv").is_file()


def test_a_dream_on_the_map_opens_its_unit(tab, base, kept):
    go(tab, base, f"/conv1/3?image={STOP}")
    tab.wait_for_selector("article.unit[data-ready=yes]")
    tab.keyboard.press("d")
    tab.wait_for_selector(".current-dream.done")
    tab.keyboard.press("i")
    tab.click(".middle .embed >> text=Embed the images")
    until(tab, "fetch('api/embedding').then((a) => a.json()).then((map) => map.names?.includes('conv1:3'))")
    found = fetch_json(tab, "api/embedding")
    index = found["names"].index("conv1:3")
    assert index >= len(found["names"]) - found["dreams"]
    tab.wait_for_selector(".map-legend >> text=dreams")
    tab.click(".map-legend >> text=dreams")  # shown alone, so that the click meets no image
    tab.locator(".map-stage canvas").click(position=tab.evaluate(ON_MAP, index))
    tab.wait_for_selector("article.unit[data-ready=yes]")
    assert tab.get_attribute("article.unit", "data-unit") in found["names"][-found["dreams"] :]


def test_the_map_is_used_by_keys_and_shows_a_class_alone(tab, base):
    go(tab, base, f"?image={STOP}&page=embedding")  # of the test before
    tab.wait_for_selector(".map-stage canvas[data-painted$=' 1']")
    tab.click(".embedding >> text=Grid")
    tab.wait_for_selector(".map-stage canvas[data-painted^='grid']")
    found = fetch_json(tab, "api/embedding")
    at = found["names"].index(STOP)
    places = list(zip(found["rows"], found["columns"], strict=True))
    row, column = places[at]
    direction = 1 if (row, column + 1) in places else -1
    beside = places.index((row, column + direction))
    tab.locator(".map-stage canvas").focus()
    tab.keyboard.press("ArrowRight" if direction == 1 else "ArrowLeft")
    until(tab, f"document.querySelector('.map-image p b').textContent === {found['names'][beside]!r}")
    assert link_of(tab)[1]["image"] == STOP  # not opened yet
    tab.keyboard.press("Enter")
    until(tab, f"decodeURIComponent(location.hash).includes('image=' + {found['names'][beside]!r})")
    tab.click(".map-legend button:has-text('STOP')")
    assert "STOP" in tab.text_content(".map-legend [aria-pressed=true]")
    tab.keyboard.press("Escape")
    until(tab, "!location.hash.includes('embedding')")


def test_the_mistakes_and_the_map_are_reached_on_a_phone(tab, base):
    go(tab, base, width=400, height=800)
    for text, page in (("Mistakes of the network", "errors"), ("Map of the images", "embedding")):
        tab.click(".work summary")
        link = tab.locator(f".work >> text={text}")
        box = link.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        link.click()
        until(tab, f"location.hash.includes('page={page}')")
        until(tab, "!document.querySelector('.work').open")  # it would cover the page
    for menu in (".work", ".switches > .menu:not(.work)"):
        tab.click(f"{menu} > summary")
        box = tab.locator(f"{menu} > div").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        tab.keyboard.press("Escape")
