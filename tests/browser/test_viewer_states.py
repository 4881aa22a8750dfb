"""The viewer's page on a server with canned responses: empty, late, broken, hostile and very large ones."""

import contextlib
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

import dreamfilters.viewer
from dreamfilters.images import png_bytes
from tests.browser.markup import MARKUP
from tests.browser.visiting import until, visit

STATIC = Path(dreamfilters.viewer.__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HOSTILE = (
    *MARKUP,
    "../../\\u003cscript\\u003e/%2e%2e?#&=\u2028\u2029\u202e",
    "__proto__",
)
SIDE, WIDE = 7, 1280


def layer(number, name, *, units=4, display="maps", **more):
    shape = [SIDE, SIDE, units] if display == "maps" else [units]
    field = {"size": [3.0, 3.0], "stride": [1.0, 1.0]} if display == "maps" else None
    return {
        "id": f"L{number}", "name": name, "type": "Conv2D", "shape": shape, "units": units, "activation": "relu",
        "kind": "map" if display == "maps" else "vector", "grid": None, "display": display, "receptive_field": field,
        "dreamable": True, "kernels": True, "reason": None, **more,
    }  # fmt: skip


def network(names, *, edges=None, **more):
    layers = [layer(number, name) for number, name in enumerate(names)]
    return {
        "name": "canned", "fingerprint": "f", "parameters": 7,
        "form": {"height": 7, "width": 7, "channels": 3, "text": "7x7 RGB, 0 to 1", "source": "given",
                 "origin": "given"},
        "classes": [], "is_classifier": False, "layers": layers, "techniques": [],
        "edges": edges or [[f"L{n}", f"L{n + 1}"] for n in range(len(names) - 1)],
        "class_layer": None, **more,
    }  # fmt: skip


def image(number, name="a.png", label=None):
    return {"id": f"I{number}", "name": name, "label": label, "width": 7, "height": 7, "uploaded": False, "version": 0}


ONE = (image(0),)


def state(net, images=ONE, **more):
    evidence = {"phase": "none", "done": 0, "total": 0, "note": ""}
    return {
        "phase": "ready", "note": "", "version": "0", "top": 5, "network": net, "images": list(images),
        "recipes": ["standard"], "default_recipe": "standard", "class_recipe": "natural", "evidence": evidence,
        "accuracy": None, "jobs": [], "form_search": {"phase": "none", "share": 0, "note": "", "result": None},
        "command": "", "python": "", **more,
    }  # fmt: skip


class CannedServer:
    """A server of canned responses: `responses` maps an address below api/ to JSON, bytes or a status."""

    def __init__(self):
        self.responses, self.requests, self.done = {}, [], threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}/"

    def serve(self, state, **responses):
        """Serve this state and these responses from now on."""
        self.requests.clear()
        self.responses = {"state": state, "dreams": {"dreams": []}, **responses}

    def handler(self):
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = urlsplit(self.path).path[1:]
                canned.requests.append(path)
                if path == "api/events":
                    return self.stream()
                if not path.startswith("api/"):
                    file = STATIC / (path.removeprefix("static/") or "index.html")
                    return self.respond(file.read_bytes(), TYPES[file.suffix])
                known = canned.find(path.removeprefix("api/"))
                if isinstance(known, int):
                    return self.respond(json.dumps({"error": "the canned error"}).encode(), "application/json", known)
                if isinstance(known, bytes):
                    return self.respond(known, "image/png" if known[:4] == b"\x89PNG" else "application/octet-stream")
                return self.respond(json.dumps(known).encode(), "application/json")

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.respond(b"{}", "application/json")

            def respond(self, content, kind, status=200):
                self.send_response(status)
                for name, value in (("Content-Type", kind), ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the page has been left
                    self.wfile.write(content)

            def stream(self):
                self.close_connection = True
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(b"event: hello\ndata: {}\n\n")
                canned.done.wait(20)

            def log_message(self, *_):
                pass

        return Handler

    def find(self, path):
        """The response to an address: the canned one, or that of a plain server."""
        if path in self.responses:
            return self.responses[path]
        first, *rest = path.split("/")
        if first == "images":
            return png_bytes(np.full((SIDE, SIDE, 3), 0.5))
        if first == "predictions":
            return {"classes": [{"index": 0, "name": HOSTILE[0], "probability": 0.5, "logit": 1.0}]}
        if first == "receptive-fields":
            return {"box": [0, 0, 3 / SIDE, 3 / SIDE]}
        if first == "overview":
            return {"verdicts": {}, "look": []}
        if first == "units" and rest[-1] == "thumb.png":
            return png_bytes(np.full((2, 2, 3), 0.5))
        if first == "verdicts":
            return {"phase": "none", "units": []}
        if first == "maps":
            return self.maps(*rest)
        if first == "units":
            return unit_facts(rest[0], int(rest[1]))
        if path.startswith("dreams/sheet/"):
            return {"tile": 8, "columns": 1, "units": [], "dreams": []}
        return 404

    def maps(self, key, _, what=""):
        net = self.responses["state"]["network"]
        units = next(each["units"] for each in net["layers"] if each["id"] == key)
        if what == "sheet.bin":
            return np.tile(np.arange(SIDE * SIDE, dtype=np.uint8) * 5, units).tobytes()
        if what:
            values = (np.arange(SIDE * SIDE) * 5 / 255).reshape(SIDE, SIDE)
            return {"height": SIDE, "width": SIDE, "values": values.tolist(), "position": [6, 6], "box": [0, 0, 1, 1]}
        numbers = {name: [value] * units for name, value in (("minimum", 0.0), ("mean", 0.5), ("zero_fraction", 0.0))}
        most = [1 + unit / units for unit in range(units)]
        return {"layer": key, "image": "I0", "units": units, "height": SIDE, "width": SIDE, "full": [SIDE, SIDE],
                "display": "maps", "maximum": most, "other_tokens": [], **numbers}  # fmt: skip


def unit_facts(key, unit, **more):
    return {
        "layer": key, "unit": unit, "name": f"{key}:{unit}", "target": f"x:{unit}", "verdict": None, "statistics": None,
        "strongest": [], "weakest": [], "histogram": None, "classes": None, "dreams": [],
        "command": "", "python": "", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def canned():
    server = CannedServer()
    yield server
    server.done.set()
    server.server.shutdown()
    server.server.server_close()


def go(tab, canned, view="", **size):
    shown = "" if "show=" in view else f"{'&' if '?' in view else '?'}show=map"
    visit(tab, f"{canned.base}#/canned{view}{shown}", **{"width": 1280, "height": 860, **size})


def wait_for_text(tab, text):
    tab.get_by_text(text).first.wait_for()


def test_the_page_shows_the_images_while_the_network_is_opened(tab, canned):
    canned.serve(state(None, phase="starting", note="opening the network"))
    go(tab, canned)
    wait_for_text(tab, "opening the network …")
    tab.wait_for_selector(".tray-image")
    assert tab.locator(".tray-image").count() == 1
    assert tab.locator(".skeleton.layer").count() > 3
    assert not [path for path in canned.requests if path.startswith(("api/maps", "api/predictions"))]


FORM = {"height": 7, "width": 7, "channels": 3, "text": "7x7 RGB, 0 to 1", "source": "assumed",
        "origin": "assumed; --range LOW HIGH sets another range"}  # fmt: skip
POOR = {"value": 0.1, "right": 1, "count": 10, "chance": 0.1, "poor": True, "text": ""}
TRIALS = [{"accuracy": 1 / rank, "log_loss": rank, "input": f"form {rank}", "resize": "area" if rank < 3 else "bicubic",
           "classes": "as named"} for rank in range(1, 4)]  # fmt: skip
RANKING = {
    "images": 10, "failures": 0, "chance": 0.1, "trials": TRIALS, "remarks": ["near tie: form 2"], "fits": True,
    "is_clear": False, "is_present": False, "applied": False, "toml": "range = [0, 1]", "file": "net.toml",
    "exists": False, "saved": None,
}  # fmt: skip


@pytest.mark.parametrize("width", [1280, 400])
def test_an_assumed_form_a_poor_accuracy_and_each_mistake_are_marked(tab, canned, width):
    search = {"phase": "done", "share": 1, "note": "", "result": RANKING}
    images = [{**image(0, label="cat"), "mistake": HOSTILE[0]}, {**image(1, "b.png", "dog"), "mistake": None}]
    net = network(["conv"], form=FORM, is_classifier=True)
    ranked = {"image": "I0", "name": "a.png", "label": "cat", "mistake": HOSTILE[0], "response": 1.0,
              "position": [0, 0], "box": [0, 0, 1, 1]}  # fmt: skip
    facts = unit_facts("L0", 1, strongest=[ranked], weakest=[{**ranked, "mistake": None, "response": 0.0}])
    canned.serve(state(net, images, accuracy=POOR, form_search=search), **{"units/L0/1": facts})
    go(tab, canned, "/conv/1", width=width)
    tab.wait_for_selector(".trust.doubtful")
    bar = " ".join(tab.inner_text(".trust").split())
    assert "7x7 RGB, 0 to 1 assumed 1 of 10 labeled images are predicted as labeled (10 %), chance 10 %: poor" in bar
    assert tab.locator(".tray-image .mistake").count() == 1
    assert tab.text_content(".tray-image .mistake").split() == ["predicted:", "≠", *HOSTILE[0].split()]
    assert f"predicted: {HOSTILE[0]}" in tab.get_attribute(".tray-image button", "title")
    tab.wait_for_selector(".unit-views .frame .mistake")
    assert tab.locator(".unit-views .mistake").count() == 2  # the image and the strongest one
    tab.click(".trust button")
    tab.wait_for_selector("dialog.form-search[open] table")
    assert tab.locator(".forms thead th").all_text_contents() == ["input form", "resize", "accuracy", "log loss"]
    assert dialog_buttons(tab) == ["Use the best form"]
    wait_for_text(tab, "near tie: form 2")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate(
        "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('dialog'))"
    )


def dialog_buttons(tab):
    """The buttons of the dialog, without that which closes it."""
    return [text.strip() for text in tab.locator("dialog button").all_text_contents() if text.strip() != "Close"]


APPLIED = {"is_present": True, "applied": True}
OPEN = {"text": "net.toml: saved without order; open: order (RGB or BGR)", "complete": False}
STAGES = {
    "applied": (APPLIED, ["Save as net.toml"], "Where forms nearly tie, what they share is saved."),
    "applied, with a file": (
        {**APPLIED, "exists": True, "is_clear": True},
        ["Complete net.toml"],
        "do not use this form",
    ),
    "saved in part": ({**APPLIED, "saved": OPEN}, ["Save all of it"], OPEN["text"]),
    "not saved": ({**APPLIED, "saved": OPEN, "exists": True}, ["Replace net.toml"], OPEN["text"]),
    "saved": ({**APPLIED, "saved": {"text": "", "complete": True}}, [], "It is saved in net.toml beside the model."),
    "present": ({"is_present": True}, [], "The page shows the network in the best of these forms."),
    "no file": ({**APPLIED, "file": None}, ["Copy"], "range = [0, 1]"),
    "no form fits": ({"fits": False}, [], "near tie"),
}


@pytest.mark.parametrize(("changes", "buttons", "text"), STAGES.values(), ids=STAGES)
def test_the_best_form_is_used_then_saved_by_a_second_button(tab, canned, changes, buttons, text):
    search = {"phase": "done", "share": 1, "note": "", "result": {**RANKING, **changes}}
    canned.serve(state(network(["conv"], form=FORM, is_classifier=True), accuracy=POOR, form_search=search))
    go(tab, canned, "/conv", width=400)
    tab.click(".trust button")
    tab.wait_for_selector("dialog.form-search[open] table")
    assert dialog_buttons(tab) == buttons
    assert text in tab.inner_text("dialog")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_map_of_classes_is_shown_as_a_mask_that_can_be_turned_off(tab, canned):
    same = {"probability": 0.5, "logit": 1.0, "predicted": True}
    found = [
        {**same, "index": 0, "name": "road", "share": 0.7, "color": "#ff0000"},
        {**same, "index": 1, "name": "sky", "share": 0.3, "color": "#0000ff"},
    ]
    canned.serve(state(network(["conv"], has_mask=True)), **{"predictions/I0": {"classes": found}})
    go(tab, canned, "/conv")
    tab.wait_for_selector('.marked-image img[src="api/images/I0/mask.png"]')
    tab.wait_for_selector(".predictions .swatch")
    colors = tab.locator(".swatch").evaluate_all("all => all.map((each) => getComputedStyle(each).backgroundColor)")
    assert colors == ["rgb(255, 0, 0)", "rgb(0, 0, 255)"]
    tab.get_by_role("button", name="Predicted mask", pressed=True).click()
    tab.wait_for_selector('.marked-image img[src="api/images/I0/input.png"]')
    canned.serve(state(network(["conv"], has_mask=False)))
    go(tab, canned, "/conv")
    tab.wait_for_selector('.marked-image img[src="api/images/I0/input.png"]')
    assert tab.get_by_role("button", name="Predicted mask").count() == 0


def test_a_comparison_marks_what_is_not_predicted_as_its_class(tab, canned):
    images = [{**image(0, label="cat"), "mistake": HOSTILE[0]}, {**image(1, "b.png", "dog"), "mistake": None}]
    predictions = {1: {"text": HOSTILE[1], "is_predicted": False}, 2: {"text": "dog 99 %", "is_predicted": True}}
    dreams = [
        {"id": f"D{unit}", "number": unit, "layer": "L0", "unit": unit, "name": f"conv:{unit}", "recipe": "standard",
         "seed": 0, "phase": "done", "step": 8, "steps": 8, "score": 1.0, "scores": [1.0], "note": "",
         "activated": True, "prediction": prediction, "saved_to": None, "image": f"api/dreams/D{unit}/image.png",
         "created_at": "2026-01-01T00:00:00", "command": "", "python": ""}
        for unit, prediction in predictions.items()
    ]  # fmt: skip
    png = png_bytes(np.full((SIDE, SIDE, 3), 0.5))
    shown = {f"dreams/D{unit}/image.png": png for unit in predictions}
    canned.serve(state(network(["conv"]), images), **{"dreams": {"dreams": dreams}, **shown})
    go(tab, canned, "?image=I0&image=I1&compare=conv:1&compare=conv:2")
    tab.wait_for_selector("table.compare td .mistake")
    heads = tab.locator("table.compare thead .mistake").all_text_contents()
    assert [" ".join(text.split()) for text in heads] == [f"predicted: {HOSTILE[0]}"]
    assert tab.locator("table.compare tbody .mistake").all_text_contents() == [HOSTILE[1]]


def test_a_network_without_classes_has_an_input_form_but_no_accuracy_and_no_search(tab, canned):
    canned.serve(state(network(["conv"], form=FORM)))
    go(tab, canned)
    tab.wait_for_selector(".trust.doubtful")
    assert " ".join(tab.inner_text(".trust").split()) == f"input form 7x7 RGB, 0 to 1 {FORM['origin']}"
    assert tab.locator(".trust button").count() == 0


def test_a_network_that_cannot_be_opened_shows_the_error(tab, canned):
    canned.serve(state(None, (), phase="failed", note="net.keras: no such file"))
    go(tab, canned)
    wait_for_text(tab, "net.keras: no such file")
    wait_for_text(tab, "No images yet")
    assert tab.evaluate("document.querySelector('.state.failed[role=alert]') !== null")


def test_a_restarting_worker_is_a_line_and_the_view_stays(tab, canned):
    canned.serve(state(network(["one", "two"]), phase="restarting", note="it ran out of memory"))
    go(tab, canned, "/one")
    wait_for_text(tab, "restarting: it ran out of memory")
    assert tab.locator(".layers a").count() == 2


def test_missing_images_units_and_layers_are_explained(tab, canned):
    canned.serve(state(network(["one"]), ()))
    go(tab, canned, "/one")
    wait_for_text(tab, "Drop an image here")
    canned.serve(state(network(["one"])))
    go(tab, canned, "/one?only=zzz")
    wait_for_text(tab, "No unit of one matches “zzz”")
    go(tab, canned, "/elsewhere")
    wait_for_text(tab, "No layer named elsewhere")
    go(tab, canned, "/one/99")
    wait_for_text(tab, "one has 4 units, 0 to 3.")
    visit(tab, f"{canned.base}#/other/one")
    wait_for_text(tab, "This link is for other; the server shows canned.")
    net = network(["one"])
    net["layers"][0].update(display="none", units=0, dreamable=False, reason="it has no units")
    canned.serve(state(net))
    go(tab, canned, "/one")
    wait_for_text(tab, "it has no units")


def test_a_failed_request_is_shown_and_can_be_repeated(tab, log, canned):
    canned.serve(state(network(["one"])), **{"maps/L0/I0": 503, "units/L0/0": 503})
    go(tab, canned, "/one")
    wait_for_text(tab, "the canned error")
    canned.responses.pop("maps/L0/I0")
    tab.click(".state.failed button")
    until(tab, "document.querySelector('.scroll-content canvas')?.dataset.painted === 'one true'")
    go(tab, canned, "/one/0")
    wait_for_text(tab, "the canned error")
    assert all("503" in message for message in log.errors)  # logged by the browser
    log.errors.clear()


def test_a_unit_without_evidence_has_its_maps(tab, canned):
    running = {"phase": "running", "done": 3, "total": 9, "note": ""}
    canned.serve(state(network(["one"]), evidence=running))
    go(tab, canned, "/one/2")
    wait_for_text(tab, "Searching for the strongest images: 3 of 9 scanned")
    assert tab.locator(".unit-views figure").count() == 2  # the placeholder of the dream, and the image
    tab.wait_for_selector(".unit-views .exact")
    assert tab.locator(".unit-views .exact").count() == 1


def dream_values(phase, **more):
    return {
        "id": "D0", "number": 0, "layer": "L0", "unit": 2, "name": "x", "recipe": "standard", "seed": 0, "phase": phase,
        "step": 0, "steps": 0, "score": None, "scores": [], "note": "", "image": None, "created_at": "", **more,
    }  # fmt: skip


def test_a_waiting_dream_is_not_offered_again_and_a_canceled_one_does_not_pulse(tab, canned):
    evidence = {"phase": "ready", "done": 9, "total": 9, "note": ""}
    waiting = [dream_values("queued", id=f"D{unit}", unit=unit) for unit in range(3)]
    canned.serve(state(network(["one"]), evidence=evidence), dreams={"dreams": waiting})
    go(tab, canned, "/one/2")
    wait_for_text(tab, "in progress")
    assert tab.get_by_text("Dream this unit").count() == 0
    wait_for_text(tab, "Measured when the dream is done.")
    assert tab.locator(".current-dream .pulse").count() == 1
    tab.click(".queue summary")
    lines = tab.locator(".queue p .soft")
    assert lines.count() == 3
    assert all(lines.nth(index).bounding_box()["height"] < 24 for index in range(3))  # "queued" is one line
    canned.serve(state(network(["one"]), evidence=evidence), dreams={"dreams": [dream_values("cancelled")]})
    go(tab, canned, "/one/2")
    wait_for_text(tab, "Cancelled")
    wait_for_text(tab, "Dream this unit")
    assert tab.locator(".current-dream .pulse").count() == 0
    assert tab.locator(".measures").count() == 0  # a canceled dream has no measures


def test_an_image_without_a_label_has_the_name_of_its_file(tab, canned):
    images = (image(0, "20/00243.webp"), image(1, "a.b/.hidden"), image(2, "c.png", label="STOP"))
    canned.serve(state(network(["one"]), images))
    go(tab, canned)
    wait_for_text(tab, "00243")
    assert tab.locator(".tray .tray-image span").all_text_contents() == ["00243", ".hidden", "STOP"]


def test_a_failed_dream_shows_the_error(tab, canned):
    dream = dream_values("failed", step=3, steps=32, note="the image is not finite")
    canned.serve(state(network(["one"])), **{"units/L0/2": unit_facts("L0", 2, dreams=[dream])})
    go(tab, canned, "/one/2")
    wait_for_text(tab, "the image is not finite")


def test_a_server_that_stops_is_reported(tab, log):
    gone = CannedServer()
    gone.serve(state(network(["one"])))
    visit(tab, f"{gone.base}#/canned")
    tab.wait_for_selector(".layers a", state="attached")
    gone.done.set()
    gone.server.shutdown()
    gone.server.server_close()
    wait_for_text(tab, "The server does not respond.")
    assert tab.locator(".layers a").count() == 1
    visit(tab, "about:blank")
    log.errors.clear()  # connection errors, logged by the browser


@pytest.mark.parametrize("view", ["", "/{}", "/{}/1", "?compare={}:1&compare={}:2"])
def test_hostile_names_are_shown_as_text(tab, canned, view):
    net = network(HOSTILE, name=HOSTILE[1], classes=list(HOSTILE), class_layer="C")
    verdict = {"kind": "alive", "sentence": HOSTILE[3], "proved": False, "evidence": {}}
    strongest = [{"image": f"I{n}", "name": name, "label": name, "response": 1.0, "position": [0, 0],
                  "box": [0, 0, 1, 1]} for n, name in enumerate(HOSTILE)]  # fmt: skip
    classes = [{"index": n, "name": name, "mean": 1.0} for n, name in enumerate(HOSTILE)]
    facts = unit_facts(
        "L2", 1, verdict=verdict, strongest=strongest, weakest=strongest, classes=classes, name=HOSTILE[4]
    )
    images = [image(n, name, name if n % 2 else None) for n, name in enumerate(HOSTILE)]
    canned.serve(state(net, images, note=HOSTILE[2], command=HOSTILE[0]), **{"units/L2/1": facts})
    quoted = "encodeURIComponent(" + json.dumps(HOSTILE[2]) + ")"
    visit(tab, "about:blank")
    hash_ = tab.evaluate(f"'#/canned{view}'.replaceAll('{{}}', {quoted})")
    visit(tab, f"{canned.base}{hash_}", width=1280, height=3000)
    until(tab, "document.querySelector('.layers a') && document.querySelector('.middle h1')")
    tab.keyboard.press("/")
    tab.keyboard.type("script")
    until(tab, "document.querySelectorAll('.hits li').length > 3")
    shown = tab.evaluate("document.body.textContent")
    for name in HOSTILE:
        assert name in shown
    assert "hacked" not in tab.title().replace(HOSTILE[1], "").replace(HOSTILE[2], "")
    foreign = "['iframe', 'base', 'style', 'svg[onload]', 'img[onerror]']"
    assert tab.evaluate(f"{foreign}.map((one) => document.querySelectorAll(one).length)") == [0] * 5
    handlers = "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).map((one) => one.name)"
    assert not [name for name in tab.evaluate(handlers) if name.startswith("on")]
    assert tab.evaluate("[...document.links].every((one) => one.origin === location.origin)")


METHODS = [{"name": name, "meaning": HOSTILE[0]} for name in ("pca", "tsne")]


def embed_job(phase, **more):
    return {
        "id": "J0", "number": 1, "kind": "embed", "targets": [], "method": "tsne", "phase": phase, "share": 0.5,
        "note": "", "folder": "", "files": [], "command": "", "created_at": "", "technique": None,
        "results": [], **more,
    }  # fmt: skip


def test_changed_units_of_layers_with_hostile_names_are_text_and_other_changes_are_left_out(tab, canned, log):
    net = network(HOSTILE)
    canned.serve(state(net, [image(0)]))
    changes = "".join(f"&change={quote(f'{name}:1:{number % 2 * 3}', safe='')}" for number, name in enumerate(HOSTILE))
    go(tab, canned, f"/{quote(HOSTILE[0], safe='')}?sort=number{changes}&change=x:1:NaN&change=x:1:1e9&change=x")
    tab.wait_for_selector(".change-notice")
    stated = tab.locator(".change-notice .change a").all_text_contents()
    assert stated == [f"{name}:1 {'× 3' if number % 2 else 'ablated'}" for number, name in enumerate(HOSTILE)]
    assert tab.locator(".change-notice :is(img, script, iframe, svg), .change-tag *").count() == 0
    ids = ",".join(f"L{number}:1:{number % 2 * 3}" for number in range(len(HOSTILE)))
    until(tab, "document.querySelector('.scroll-content canvas')?.dataset.painted?.endsWith(' true')")
    assert any(f"change={quote(ids, safe='')}" in each for each in log.requests if "/api/maps/" in each)
    tab.keyboard.press("u")
    tab.wait_for_selector(".change-notice", state="detached")


def embedding(names, **more):
    """A map of images on a diagonal, of one class each."""
    places, count = list(range(len(names))), len(names)
    return {
        "ready": True, "obstacle": None, "text": HOSTILE[1], "meaning": HOSTILE[2], "layer": "one", "method": "pca",
        "names": list(names), "images": [f"I{number}" for number in places], "classes": list(names),
        "colors": ["rgb(200, 0, 0)"] * count, "numbers": places, "x": places, "y": places, "fine": max(1, count - 1),
        "rows": [0] * count, "columns": places, "shape": [1, count], "sheets": ["api/images/I0/thumb.png"],
        "neighbors": [[(number + 1) % count] for number in places], "across": 1, "side": SIDE,
        "dreams": 0, "units": [], **more,
    }  # fmt: skip


def test_hostile_names_on_the_map_are_shown_as_text(tab, canned):
    images = [image(number, name, name) for number, name in enumerate(HOSTILE)]
    net = network(["one"], classes=list(HOSTILE))
    canned.serve(state(net, images, embeddings=METHODS), embedding=embedding(HOSTILE))
    go(tab, canned, "?page=embedding")
    tab.wait_for_selector(".map-stage canvas[data-painted$=' 1']")
    shown = tab.evaluate("document.body.textContent")
    for name in HOSTILE:
        assert name in shown
    assert tab.locator(".map-legend li").count() == len(HOSTILE)
    assert tab.locator(".map-stage iframe, .embedding script, .embedding img").count() == 0


def test_a_method_whose_package_is_missing_shows_what_installs_it(tab, canned):
    line = "tsne: needs scikit-learn, which is not installed; pip install 'dreamfilters[embedding]', or choose pca"
    failed = state(network(["one"]), embeddings=METHODS, jobs=[embed_job("failed", note=line)])
    canned.serve(failed, embedding={"ready": False, "obstacle": None})
    go(tab, canned, "?page=embedding")
    tab.wait_for_selector(f'.state .bad >> text="{line}"')
    assert tab.is_enabled(".state .primary")  # another method
    tab.click(".work summary")
    tab.wait_for_selector(f'.work .bad >> text="{line}"')
    canned.serve(failed, embedding=embedding(["a.png", "b.png"]))  # the map so far stays
    go(tab, canned, "?page=embedding")
    tab.wait_for_selector(f'.embedding .bad >> text="{line}"')


def test_a_running_embedding_has_its_progress_and_is_not_started_twice(tab, canned):
    running = state(network(["one"]), embeddings=METHODS, jobs=[embed_job("running", note="a.png")])
    canned.serve(running, embedding={"ready": False, "obstacle": None})
    go(tab, canned, "?page=embedding")
    tab.wait_for_selector(".state .job >> text=50.0 % a.png")
    assert tab.locator(".state .primary").count() == 0
    assert tab.locator(".state .job >> text=Cancel").count() == 1
    tab.click(".work summary")
    assert tab.is_disabled(".work .embed button")
    canned.serve(state(network(["one"]), ()), embedding={"ready": False, "obstacle": "there are no images"})
    go(tab, canned, "?page=embedding")
    wait_for_text(tab, "there are no images.")


def test_a_layer_of_many_units_is_one_sheet_and_one_canvas(tab, canned):
    net = network(["wide"])
    net["layers"][0].update(units=WIDE, shape=[SIDE, SIDE, WIDE])
    canned.serve(state(net))
    go(tab, canned, "/wide?sort=number&scale=unit&colors=gray")
    until(tab, "document.querySelector('.scroll-content canvas')?.dataset.painted === 'wide true'")
    requests = [path for path in canned.requests if path.startswith("api/maps/")]
    assert sorted(requests) == ["api/maps/L0/I0", "api/maps/L0/I0/sheet.bin"]
    assert tab.locator("*").count() < 250
    columns = int(tab.evaluate("document.querySelector('.scroll-content canvas').dataset.columns"))
    tab.keyboard.press("End")
    until(tab, f"document.getElementById('active-unit').textContent.startsWith('wide:{WIDE - 1},')")
    scroller = "document.querySelector('.units')"
    until(tab, f"{scroller}.scrollTop > 1000")
    rows = math.ceil(WIDE / columns)
    assert tab.evaluate(f"{scroller}.scrollHeight") > rows * 76
    last = "[...document.querySelector('.scroll-content canvas').getContext('2d').getImageData(0, 300, 40, 200).data]"
    until(tab, f"new Set({last}).size > 5")  # painted after scrolling too
    assert len([path for path in canned.requests if path.startswith("api/maps/")]) == 2


def test_only_the_visible_ones_of_thousands_of_images_are_in_the_page(tab, canned):
    canned.serve(state(network(["one"]), [image(number, f"{number}.png") for number in range(2000)]))
    go(tab, canned, "?image=1999.png")
    until(tab, "document.querySelector('.tray-image.chosen')?.textContent === '1999'")
    assert tab.locator(".tray-image").count() < 40
    assert len([path for path in canned.requests if path.endswith("thumb.png")]) < 80


def module(tab, canned, name, expression):
    """The value of an expression in the page; `m` is the module."""
    return tab.evaluate(f"import('{canned.base}static/{name}').then((m) => {expression})")


@pytest.fixture
def modules(tab, canned):
    canned.serve(state(network(["one"])))
    go(tab, canned)
    tab.wait_for_selector(".layers a", state="attached")
    return lambda name, expression: module(tab, canned, name, expression)


def test_the_colormaps_are_those_of_the_reports(modules):
    from dreamfilters.images.colormaps import COLORMAPS

    for name, colormap in COLORMAPS.items():
        found = np.array(modules("lib/colormaps.js", f"[...m.colorTable('{name}')]"))
        assert np.abs(np.stack([found >> shift & 255 for shift in (0, 8, 16)], axis=-1) - colormap.colors).max() <= 1
    assert modules(
        "lib/colormaps.js", "[[0, 0, 2], [1, 0, 2], [9, 0, 2], [5, 5, 5]].map((one) => m.colorIndex(...one))"
    ) == [
        0,
        128,
        255,
        0,
    ]


def technique_job(number, **more):
    """A job of a technique whose every text is hostile."""
    result = {"name": HOSTILE[0], "text": HOSTILE[1], "strip": f"a/{HOSTILE[2]}.png", "tiles": [], "frames": None,
              "images": [f"a/{name}" for name in HOSTILE], "numbers": "a/result.json"}  # fmt: skip
    tiled = {**result, "strip": None, "tiles": [[f"a/{name}.png", name] for name in HOSTILE], "numbers": "b.json"}
    call = {"name": HOSTILE[3], "image": "", "layer": "L0", "unit": 1, "values": {}}
    return embed_job(
        "done", id=f"J{number}", kind="technique", method="", targets=[HOSTILE[4]], note=HOSTILE[5], folder=HOSTILE[6],
        files=["index.html"], command=HOSTILE[7], technique=call, results=[result, tiled], **more,
    )  # fmt: skip


def test_hostile_names_of_a_technique_its_arguments_and_its_results_are_shown_as_text(tab, canned, log):
    common = {"meaning": HOSTILE[1], "default": None, "choices": [], "lowest": None, "highest": None, "required": False}
    kinds = ("class", "target", "layer", "kernels", "layer-target", "layers", "image", "choice", "number")
    arguments = [
        {**common, "name": kind, "kind": kind, "title": HOSTILE[number % len(HOSTILE)], "choices": list(HOSTILE)}
        for number, kind in enumerate(kinds)
    ]
    form = {"name": HOSTILE[3], "title": HOSTILE[0], "meaning": HOSTILE[2], "subject": "image", "without": HOSTILE[5],
            "arguments": arguments, "command": HOSTILE[4]}  # fmt: skip
    net = network(HOSTILE, classes=list(HOSTILE), class_layer="C", techniques=[form])
    images = [image(number, name) for number, name in enumerate(HOSTILE)]
    canned.serve(state(net, images, jobs=[technique_job(0)]), **{"images/I0/thumb.png": png_bytes(np.zeros((2, 2, 3)))})
    go(tab, canned, "?page=techniques")
    tab.wait_for_selector(".technique-result")
    shown = tab.evaluate("document.body.textContent")
    for name in HOSTILE:
        assert name in shown
    assert tab.text_content(".techniques h1") == HOSTILE[0]
    files = tab.locator(".technique-files a[download]").all()
    assert [each.get_attribute("download") for each in files][: len(HOSTILE)] == [
        name.rpartition("/")[2] for name in HOSTILE
    ]
    assert tab.evaluate("[...document.links].every((one) => one.origin === location.origin)")
    assert tab.locator(".techniques :is(script, iframe, style, svg, [onload], [onerror], [onfocus])").count() == 0
    assert "hacked" not in tab.title()
    log.errors.clear()  # the canned server has no file of the result


def test_an_error_of_a_technique_is_one_line_and_it_can_be_tried_again(tab, canned):
    form = {
        "name": "one",
        "title": "One",
        "meaning": "",
        "subject": "image",
        "without": "",
        "arguments": [],
        "command": "one",
    }
    failed = technique_job(0) | {"phase": "failed", "note": "a.png: is not an image", "results": [], "files": []}
    failed["technique"] = {**failed["technique"], "name": "one"}
    canned.serve(state(network(["conv"], techniques=[form]), jobs=[failed]))
    go(tab, canned, "?page=techniques&technique=one")
    tab.wait_for_selector(".technique-results .bad >> text='a.png: is not an image'")
    assert tab.locator(".technique-results .strip-image").count() == 0
    assert tab.is_visible(".technique-results >> text='Try again'")
    canned.serve(state(network(["conv"], techniques=[form]), images=[]))
    go(tab, canned, "?page=techniques&technique=one")
    tab.wait_for_selector(".technique-form >> text='Add an image first.'")
    assert tab.is_disabled(".technique-form .primary")
    canned.serve(state(network(["conv"])))
    go(tab, canned, "?page=techniques")
    tab.wait_for_selector("text='No techniques'")
