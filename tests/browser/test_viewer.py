"""The viewer in a real browser, on a real server of the built-in network: what a person does with it."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

STOP, ENTRY = "14/14_rendered_3.png", "17/17_rendered_0.png"
CANVAS = "document.querySelector('.length canvas')"
LARGE = {"width": 1280, "height": 860}
PAD = 2  # pixels before the first tile


@pytest.fixture(scope="module")
def base(tab, viewer):
    """The address after the token has become a cookie; the network is ready and has seen the samples."""
    tab.open(viewer, **LARGE)
    tab.until("document.querySelector('.layers a') !== null")
    tab.until("fetch('api/state').then((a) => a.json()).then((s) => s.evidence.phase === 'ready')")
    assert tab.complaints() == []
    return tab.value("location.origin + '/'")


@pytest.fixture(autouse=True)
def nothing_to_complain_of(tab):
    """After each test: no error in the console, nothing that the policy refused."""
    yield
    assert tab.complaints() == []


def go(tab, base, view="", **size):
    """Open a view by its link."""
    tab.open(f"{base}#/signs{view}", **{**LARGE, **size})
    tab.until("document.querySelector('.layers a') !== null")


def painted(tab, layer):
    tab.until(f"{CANVAS}?.dataset.painted === '{layer} true'")


def asked(tab, address):
    """What the server says, as JSON."""
    return json.loads(tab.value(f"fetch({address!r}).then((a) => a.text())"))


def ids(tab, layer, image=STOP):
    """The ids of a layer and an image."""
    state = asked(tab, "api/state")
    one = next(each["id"] for each in state["network"]["layers"] if each["name"] == layer)
    return one, next(each["id"] for each in state["images"] if each["name"] == image)


def at(tab, selector):
    """The middle of an element."""
    box = tab.value(f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
                    " return [b.left, b.top, b.width, b.height]; })()")  # fmt: skip
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def text(tab, selector):
    return tab.value(f"document.querySelector({selector!r})?.textContent ?? null")


def settings(tab):
    """What the link says."""
    path, _, query = tab.value("decodeURIComponent(location.hash)").partition("?")
    return path, dict(part.split("=", 1) for part in query.split("&")) if query else {}


def test_the_token_leaves_the_address_and_the_network_is_drawn(tab, base):
    tab.open(base, **LARGE)
    tab.until("document.querySelector('svg .node') !== null")
    assert tab.value("location.search + location.hash") == "#/signs"  # the link is complete from the first view on
    network = asked(tab, "api/state")["network"]
    assert tab.value("document.querySelectorAll('svg .node').length") == len(network["layers"]) == 16
    assert tab.value("document.querySelectorAll('svg .edge').length") == len(network["edges"]) == 15
    assert text(tab, "h1") == "signs"
    tab.until("document.querySelector('.strip')?.ariaLabel.startsWith('The strongest maps, up to')")
    tab.value(
        "document.querySelector('svg .node:nth-of-type(2)').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    painted(tab, "conv2")


def test_every_layer_opens_at_a_click_and_is_painted(tab, base):
    go(tab, base, f"?image={STOP}")
    names = tab.value("[...document.querySelectorAll('.layers a b')].map((one) => one.textContent)")
    assert names[0] == "conv1"
    assert names[-2:] == ["classes", "class"]
    for place, name in enumerate(names):
        tab.value(f"document.querySelectorAll('.layers a')[{place}].click()")
        painted(tab, name)
        assert settings(tab)[0] == f"#/signs/{name}"
        colours = f"""(() => {{
            const {{ data }} = {CANVAS}.getContext('2d').getImageData(0, 0, {CANVAS}.width, 300);
            return new Set(new Uint32Array(data.buffer)).size;
        }})()"""
        assert tab.value(colours) > 10, name


def test_the_maps_are_the_networks_own(tab, base):
    """On a grey scale the pixels of the first tile are the strongest unit's values, as a share of the layer's most."""
    go(tab, base, f"/conv6?image={STOP}&colours=grey&size=l")
    painted(tab, "conv6")
    layer, image = ids(tab, "conv6")
    most = asked(tab, f"api/maps/{layer}/{image}")["most"]
    unit = int(tab.value(f"{CANVAS}.dataset.first"))
    assert unit == int(np.argmax(most))
    values = np.array(asked(tab, f"api/maps/{layer}/{image}/{unit}")["values"])  # (8, 8)
    side = float(tab.value(f"{CANVAS}.dataset.tile"))
    data = tab.value(f"[...{CANVAS}.getContext('2d').getImageData(0, 0, 200, 200).data]")
    centres = (PAD + (np.arange(8) + 0.5) * side / 8).astype(int)
    shown = np.array(data).reshape(200, 200, 4)[np.ix_(centres, centres)][..., 0]
    assert np.abs(shown - 255 * values / max(most)).max() <= 2
    assert shown.max() >= 254


def test_the_pointer_tells_the_value_and_marks_the_place_and_what_it_sees(tab, base):
    go(tab, base, f"/conv6?image={STOP}&size=l")
    painted(tab, "conv6")
    layer, image = ids(tab, "conv6")
    unit, side = int(tab.value(f"{CANVAS}.dataset.first")), float(tab.value(f"{CANVAS}.dataset.tile"))
    exact = asked(tab, f"api/maps/{layer}/{image}/{unit}")
    row, column = exact["place"]
    corner = tab.value(f"(() => {{ const b = {CANVAS}.getBoundingClientRect(); return [b.left, b.top]; }})()")
    tab.until("document.querySelector('.marked img').complete")
    tab.move(corner[0] + PAD + (column + 0.5) * side / 8, corner[1] + PAD + (row + 0.5) * side / 8)
    tab.until("document.querySelector('.outline') !== null")
    told = text(tab, ".reading")
    value = np.max(exact["values"])
    assert told.startswith(f"conv6:{unit}row {row}, column {column}: {value:#.3g}"), told
    marked = tab.value(
        "['y', 'x', 'height', 'width'].map((one) => +document.querySelector('.outline rect').getAttribute(one))"
    )
    top, left, bottom, right = asked(tab, f"api/fields/{layer}?row={row}&column={column}")["field"]
    assert marked == pytest.approx([100 * top, 100 * left, 100 * (bottom - top), 100 * (right - left)], abs=0.01)


@pytest.mark.parametrize("layer", ["conv1", "conv3", "conv6", "pool3"])
def test_the_page_and_the_server_agree_on_what_a_place_sees(tab, base, layer):
    go(tab, base, f"/{layer}?image={STOP}")
    key, image = ids(tab, layer)
    height, width = asked(tab, f"api/maps/{key}/{image}")["full"]
    places = [(0, 0), (height - 1, 0), (height // 2, width // 3), (height // 3, width - 1)]
    for row, column in places:
        found = tab.value(f"""import('/static/fields.js').then(async ({{ placing, fieldOf }}) => {{
            const {{ network }} = await (await fetch('api/state')).json();
            const layer = network.layers.find((one) => one.id === '{key}');
            return fieldOf(await placing(layer, network.form, [{height}, {width}]), {row}, {column});
        }})""")
        assert found == pytest.approx(asked(tab, f"api/fields/{key}?row={row}&column={column}")["field"], abs=1e-6)


def test_a_unit_opens_at_a_click_with_all_that_is_known(tab, base):
    go(tab, base, f"/conv6?image={STOP}")
    painted(tab, "conv6")
    unit = tab.value(f"{CANVAS}.dataset.first")
    corner = tab.value(f"(() => {{ const b = {CANVAS}.getBoundingClientRect(); return [b.left, b.top]; }})()")
    tab.click(corner[0] + 30, corner[1] + 30)
    tab.until("document.querySelector('article.unit[data-ready=yes]')")
    assert settings(tab)[0] == f"#/signs/conv6/{unit}"
    layer, _ = ids(tab, "conv6")
    facts = asked(tab, f"api/units/{layer}/{unit}")
    assert text(tab, ".unit h1") == f"conv6:{unit}"
    assert facts["verdict"]["words"] in text(tab, ".unit .verdict")
    tab.until("document.querySelectorAll('.sights .exact').length === 7")  # the image and six strongest
    tab.until("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    shown = tab.value("[...document.querySelectorAll('.sights figcaption b')].map((one) => one.textContent)")
    assert shown[2:] == [f"{one['value']:#.3g}" for one in facts["strongest"][:6]]
    assert tab.value("document.querySelectorAll('.chart .bar').length") == np.count_nonzero(
        facts["histogram"]["counts"]
    )
    tab.press("l")
    tab.until(f"document.querySelector('article.unit')?.dataset.unit === 'conv6:{(int(unit) + 1) % 128}'")
    tab.press("Escape")
    painted(tab, "conv6")


def test_a_dream_grows_and_is_found_again_after_a_reload(tab, base):
    go(tab, base, "/class/14")
    tab.until("document.querySelector('article.unit[data-ready=yes]')")
    tab.value("window.steps = []; new MutationObserver(() => {"
              " const one = document.querySelector('.looked img.picture');"
              " if (one && window.steps.at(-1) !== one.src) window.steps.push(one.src);"
              "}).observe(document.body, { subtree: true, childList: true, attributes: true }); 1")  # fmt: skip
    tab.press("d")
    tab.until("window.steps.length >= 2")  # two frames at least were seen while it grew
    assert len(set(tab.value("window.steps"))) >= 2
    name = tab.value("document.querySelector('.looked').dataset.dream")
    tab.call("Page.reload")
    tab.until(f"document.querySelector('.looked')?.dataset.dream === '{name}'")
    tab.until("document.querySelector('.looked.done img.picture')?.complete")
    dream = next(one for one in asked(tab, "api/dreams")["dreams"] if one["id"] == name)
    assert dream["step"] == dream["steps"]
    shown = tab.value("document.querySelector('.looked .told').innerText")
    assert f"{dream['score']:#.3g}" in shown
    tab.until("document.querySelectorAll('.legend b').length === 2")  # the dream is marked among the real images


def test_another_seed_is_another_dream_and_a_cancelled_one_says_so(tab, base):
    go(tab, base, "/conv5/3")
    tab.until("document.querySelector('article.unit[data-ready=yes]')")
    tab.press("d")
    tab.until("document.querySelector('.looked.done, .looked.failed')")
    tab.press("a")
    tab.until("document.querySelector('.looked.running')")
    assert tab.value("document.querySelector('input.seed').value") == "1"
    tab.press("x")
    tab.until("document.querySelector('.looked.cancelled')")
    assert "Cancelled" in text(tab, ".looked .told")
    assert tab.value("document.querySelectorAll('.dreams .thumb').length") == 2
    seeds = {one["seed"]: one["phase"] for one in asked(tab, f"api/dreams?layer={ids(tab, 'conv5')[0]}")["dreams"]}
    assert seeds == {0: "done", 1: "cancelled"}


def test_a_layers_dreams_lie_in_its_grid(tab, base):
    """What is not dreamt yet is offered; a press, and there it is."""
    go(tab, base, "/class?show=dream&only=Kreisverkehr&sort=number")
    painted(tab, "class")
    middle = f"...Array(2).fill({CANVAS}.dataset.tile / 2), 20, 20"
    plain = f"[...{CANVAS}.getContext('2d').getImageData({middle}).data]"
    assert len(set(tab.value(plain))) <= 4  # one colour
    tab.until("document.querySelector('.line button')")
    tab.value("document.querySelector('.line button').click()")
    tab.until("fetch('api/dreams/sheet/C').then((a) => a.json()).then((s) => s.units.includes(40))")
    tab.until(f"new Set({plain}).size > 20")


def _picture(colour):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(out, "PNG")
    return out.getvalue()


def _transfer(name, content):
    """JavaScript that makes a DataTransfer with a file in it."""
    return (
        f"(() => {{ const text = atob('{base64.b64encode(content).decode()}'), data = new DataTransfer();"
        f" const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));"
        f" data.items.add(new File([bytes], {name!r}, {{ type: 'image/png' }})); return data; }})()"
    )


def _drop(tab, name, content):
    event = f"new DragEvent('drop', {{ dataTransfer: {_transfer(name, content)}, cancelable: true }})"
    tab.value(f"dispatchEvent({event})")


def test_pictures_come_by_choosing_dropping_and_pasting(tab, base, tmp_path):
    go(tab, base, "/conv1")
    painted(tab, "conv1")
    (tmp_path / "chosen <b>.png").write_bytes(_picture("red"))
    node = tab.call("Runtime.evaluate", expression="document.querySelector('input[type=file]')")["result"]["objectId"]
    tab.call("DOM.setFileInputFiles", files=[str(tmp_path / "chosen <b>.png")], objectId=node)
    tab.until("document.querySelector('.image.chosen span')?.textContent === 'chosen <b>.png'")
    painted(tab, "conv1")
    _drop(tab, "dropped.png", _picture("lime"))
    tab.until("document.querySelector('.image.chosen span')?.textContent === 'dropped.png'")
    pasted = _transfer("pasted.png", _picture("blue"))
    tab.value(f"dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: {pasted} }}))")
    tab.until("document.querySelector('.image.chosen span')?.textContent === 'pasted.png'")
    painted(tab, "conv1")
    before = len(asked(tab, "api/state")["images"])
    tab.value("document.querySelector('.image.chosen .away').click()")
    tab.until(f"fetch('api/state').then((a) => a.json()).then((s) => s.images.length === {before - 1})")
    tab.until("document.querySelector('.image.chosen span')?.textContent !== 'pasted.png'")


def test_what_is_no_picture_is_refused_in_a_line(tab, base):
    go(tab, base, "/conv1")
    _drop(tab, "broken.png", b"no picture")
    tab.until("document.querySelector('.message.on.bad')")
    assert "broken.png" in text(tab, ".message")
    tab.events = []  # the browser logs the refusal itself


def test_the_webcam_shows_live_maps(tab, base):
    """On Chromium's own moving test picture."""
    go(tab, base, "/conv1?colours=grey")
    painted(tab, "conv1")
    tab.value("[...document.querySelectorAll('.doors button')].at(-1).click()")
    tab.until("document.querySelector('.camera video')?.videoWidth > 0")
    version = "fetch('api/state').then((a) => a.json()).then((s) => s.images.find((one) => one.version > {})) "
    tab.until(version.format(1))
    tab.until("document.querySelectorAll('.image.chosen').length === 1")
    painted(tab, "conv1")
    shown = f"{CANVAS}.toDataURL().length + {CANVAS}.toDataURL().slice(-4000)"
    before = tab.value(shown)
    tab.until(f"({shown}) !== {json.dumps(before)}")  # it moves
    tab.value("[...document.querySelectorAll('.camera button')].find((one) => one.textContent === 'Stop').click()")
    tab.until("document.querySelector('.camera') === null")


def test_a_grid_is_found_again_as_it_was_left(tab, base):
    go(tab, base, f"/conv6?image={STOP}&sort=number&size=l")
    painted(tab, "conv6")
    for _ in range(7):
        tab.press("j")
    top = tab.value("document.querySelector('.units').scrollTop")
    assert top > 300
    unit = tab.value("document.getElementById('active-unit').textContent").split(",")[0]
    tab.press("Enter")
    tab.until(f"document.querySelector('article.unit')?.dataset.unit === '{unit}'")
    tab.press("Escape")
    painted(tab, "conv6")
    assert tab.value("document.querySelector('.units').scrollTop") == pytest.approx(top, abs=2)
    assert tab.value("document.getElementById('active-unit').textContent").split(",")[0] == unit


def test_a_link_says_everything(tab, base):
    view = f"/conv3?image={STOP}&image={ENTRY}&sort=number&scale=fixed&colours=viridis&size=l&low=0.5&high=2"
    go(tab, base, view)
    painted(tab, "conv3")
    assert tab.value("[...document.querySelectorAll('.toolbar select')].map((one) => one.value)") == [
        "number", "fixed", "viridis", "l",
    ]  # fmt: skip
    assert tab.value("[...document.querySelectorAll('.toolbar .end')].map((one) => one.value)") == ["0.5", "2"]
    assert tab.value("document.querySelectorAll('.image.chosen').length") == 2
    assert tab.value(f"{CANVAS}.dataset.first") == "0"
    tab.value("document.querySelector('select[aria-label=Colours]').value = 'grey';"
              "document.querySelector('select[aria-label=Colours]').dispatchEvent(new Event('change')); 1")  # fmt: skip
    tab.until("location.hash.includes('colours=grey')")
    tab.value("document.querySelector('.layers a').click()")
    painted(tab, "conv1")
    assert settings(tab)[1]["colours"] == "grey"
    tab.value("history.back()")
    painted(tab, "conv3")


def test_keys_do_everything(tab, base):
    go(tab, base, f"/conv3?image={STOP}&sort=number")
    painted(tab, "conv3")
    active = "document.getElementById('active-unit').textContent"
    for key, unit in (
        ("ArrowRight", 1),
        ("l", 2),
        ("h", 1),
        ("ArrowDown", 1 + int(tab.value(f"{CANVAS}.dataset.columns"))),
    ):
        tab.press(key)
        tab.until(f"{active}.startsWith('conv3:{unit},')")
    tab.press("p")
    tab.until("[...document.querySelectorAll('.switches button')].some((one) => one.textContent === 'Compare 1')")
    for key, name, expected in (
        ("s", "scale", "unit"),
        ("m", "colours", "viridis"),
        ("v", "show", "dream"),
        ("+", "size", "l"),
    ):
        tab.press(key)
        tab.until(f"location.hash.includes('{name}={expected}')")
    tab.press("]")
    painted(tab, "conv4")
    tab.press("[")
    painted(tab, "conv3")
    tab.press(".")
    tab.until("decodeURIComponent(location.hash).includes('15/15_rendered_0.png')")
    tab.press("c")
    tab.until("document.querySelector('table.compare tbody tr')")
    tab.press("Escape")
    painted(tab, "conv3")
    tab.press("Home")
    tab.press("Enter")
    tab.until("document.querySelector('article.unit')?.dataset.unit === 'conv3:0'")
    tab.press("Escape")
    tab.press("n")
    tab.until("document.querySelector('svg .node')")


def test_the_search_finds_layers_units_classes_and_images(tab, base):
    go(tab, base)
    for typed, view in (("conv4", "conv4"), ("conv3:12", "conv3/12"), ("stop", "class/14")):
        tab.press("/")
        tab.until("document.activeElement.id === 'search'")
        tab.type(typed)
        tab.until("document.querySelector('.hits .chosen')")
        tab.press("Enter")
        tab.until(f"location.hash.split('?')[0] === '#/signs/{view}'")
    tab.press("/")
    tab.type("17_rendered_2")
    tab.until("document.querySelector('.hits .chosen')")
    tab.press("Enter")
    tab.until("decodeURIComponent(location.hash).includes('17/17_rendered_2.png')")


def test_a_question_mark_shows_the_keys_and_escape_hides_them(tab, base):
    go(tab, base, "/conv3")
    painted(tab, "conv3")
    tab.press("?", "?")
    tab.until("document.querySelector('dialog[open]')")
    shown = text(tab, "dialog")
    assert all(word in shown for word in ("search", "dream it", "light or dark", "compare"))
    tab.press("d")  # the page behind does nothing
    tab.press("Escape")
    tab.until("!document.querySelector('dialog')")
    assert settings(tab)[0] == "#/signs/conv3"


def test_dark_follows_the_system_and_the_switch(tab, base):
    def ground():
        return sum(map(int, re.findall(r"\d+", tab.value("getComputedStyle(document.body).backgroundColor"))[:3]))

    go(tab, base, "/conv3")
    light = ground()
    go(tab, base, "/conv3", dark=True)
    dark = ground()
    assert dark < 100 < 600 < light
    tab.press("t")
    assert ground() == light
    tab.call("Page.reload")
    tab.until("document.querySelector('.layers a')")
    assert ground() == light  # it is remembered
    tab.value("localStorage.clear()")


@pytest.mark.parametrize(
    "view", ["", f"/conv6?image={STOP}", "/conv6/22", "/class/14", "/conv3?compare=conv3:1&compare=conv3:2"]
)
def test_it_fits_a_telephone(tab, base, view):
    go(tab, base, view, width=400, height=800)
    tab.until("document.querySelector('.middle h1')")
    for pane in range(3):
        tab.value(f"document.querySelectorAll('.switch button')[{pane}].click()")
        assert tab.value("document.documentElement.scrollWidth") == 400
        seen = "[...document.querySelectorAll('.panes > *')].filter((one) => one.checkVisibility())"
        assert tab.value(f"{seen}.map((one) => one.clientWidth)") == [400]


def test_a_view_is_saved_and_its_words_are_copied(tab, base, tmp_path):
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    go(tab, base, f"/conv3?image={STOP}")
    painted(tab, "conv3")
    tab.value("[...document.querySelectorAll('.toolbar button')].at(-1).click()")
    tab.until("document.querySelector('.message')?.textContent.startsWith('Saved')")
    tab.value("new Promise((done) => setTimeout(done, 300))")
    with Image.open(tmp_path / "conv3.png") as saved:
        assert saved.width > 16 * 76
        assert len(saved.convert("RGB").getcolors(1 << 24)) > 50
    tab.value(
        "[...document.querySelectorAll('.top .menu button')].find((one) => one.textContent === 'Command line').click()"
    )
    tab.until("document.querySelector('.message')?.textContent === 'Copied the command.'")
    tab.call("Page.bringToFront")
    assert tab.value("navigator.clipboard.readText()") == asked(tab, "api/state")["command"]


def test_every_control_has_a_name_and_is_reached_by_tab(tab, base):
    go(tab, base, f"/conv3?image={STOP}")
    painted(tab, "conv3")
    nameless = """[...document.querySelectorAll('button, a, input, select, summary')].filter((one) =>
        one.checkVisibility() && !(one.textContent.trim() || one.ariaLabel || one.title || one.labels?.length))
        .map((one) => one.outerHTML)"""
    assert tab.value(nameless) == []
    tab.value("document.activeElement.blur()")
    for _ in range(3):
        tab.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    assert tab.value(f"[{style}.outlineStyle, {style}.outlineWidth]") == ["solid", "2px"]
