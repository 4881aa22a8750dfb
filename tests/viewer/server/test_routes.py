"""Every route of a running viewer: its response, and its refusals."""

import csv
import errno
import io
import itertools
import json
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from fastapi.routing import APIRoute
from PIL import Image

from dreamfilters.signs.rendering.scenes import render
from dreamfilters.viewer.launch import settings_for
from dreamfilters.viewer.server.access import Access
from dreamfilters.viewer.server.routes import application
from dreamfilters.viewer.services.image_store import MAX_UPLOAD
from dreamfilters.viewer.services.private_folder import PrivateFolder
from dreamfilters.viewer.services.service import Service
from tests.viewer.http_client import Page, png

# existing ids, so that a refusal differs from an unknown id
IDS = {
    "layer": "L1",
    "image": "I1",
    "unit": "3",
    "rank": "0",
    "dream": "D0",
    "job": "J0",
    "name": "index.html",
    "number": "1",
    "first": "1",
    "second": "2",
    "label": "1",
    "predicted": "2",
    "name:path": "index.html",
}

HOSTILE = "<img src=x onerror=alert(1)>.png"


def addresses():
    """Every route of the application as (method, address)."""
    service = Service(settings_for("signs", {}))
    routes = [route for route in application(service, Access("x")).app.routes if isinstance(route, APIRoute)]
    service.close()
    found = [(sorted(route.methods)[0], re.sub(r"{([^}]+)}", lambda m: IDS[m[1]], route.path)) for route in routes]
    assert len(found) > 25
    return found


ADDRESSES = addresses()
EVIL = "http://evil.example"
# what is wrong -> headers that replace the right ones; None removes a header
WRONG = {
    "no token": {"Cookie": None},
    "a wrong token": {"Cookie": "dreamfilters=wrong"},
    "an evil host": {"Host": "evil.example"},
    "a host with a known prefix": {"Host": "localhost.evil.example"},
    "an evil origin": {"Origin": EVIL},
    "a null origin": {"Origin": "null"},
    "an origin of another port": {"Origin": "http://127.0.0.1:1"},
    "a cross-site request": {"Sec-Fetch-Site": "cross-site"},
    "a same-site request": {"Sec-Fetch-Site": "same-site"},
}
WRONG_CHANGE = {"no origin": {"Origin": None}, "no header X-Dreamfilters": {"X-Dreamfilters": None}}


def is_refused(page, method, address, wrong):
    right = {"Cookie": page.cookie, "Origin": page.origin, "X-Dreamfilters": "1"}
    headers = {name: value for name, value in {**right, **wrong}.items() if value is not None}
    response = page.request(method, address, headers, b"{}" if method == "POST" else None)
    return response.status == 403 and set(response.json()) == {"error"}


@pytest.mark.parametrize("what", [*WRONG, *WRONG_CHANGE])
def test_every_route_refuses(page, what):
    wrong = {**WRONG, **WRONG_CHANGE}[what]
    routes = [pair for pair in ADDRESSES if pair[0] == "POST" or what in WRONG]
    assert [pair for pair in routes if not is_refused(page, *pair, wrong)] == []


def test_get_changes_nothing_and_other_origins_are_refused(page):
    for method, address in ADDRESSES:
        if method == "POST" and address not in ("/api/images", "/api/dreams"):  # these support GET too
            assert page.get(address).status in (404, 405), address
        assert page.request("OPTIONS", address, {"Cookie": page.cookie, "Origin": EVIL}).status == 403


TRAVERSALS = [
    "".join(parts)
    for parts in itertools.product(
        ["..", "../..", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..", "..;", ".%00.", "....//", "%252e%252e"],
        ["/", "//", "%2f", "%5c", "/./"],
        ["etc/passwd", "pyproject.toml", "routes.py", "C:/Windows/win.ini", "..%2froutes.py", "index.html%00.png"],
    )
]


def test_path_traversals_are_404(page):
    assert len(TRAVERSALS) == 300
    for number, string in enumerate(TRAVERSALS):
        place = ("/static/", "/api/images/", "/api/maps/L1/", "/api/dreams/")[number % 4]
        end = "/image.png" if place in ("/api/images/", "/api/dreams/") else ""
        response = page.get(place + string + end)
        assert response.status == 404, string
        assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    "address",
    ["/api/maps/L999/I0", "/api/maps/L1/I999", "/api/maps/L1/I0/999", "/api/maps/L1/I0/-1", "/api/maps/L1/I0/x",
     "/api/maps/L1/I0/99999999999999999999999", "/api/units/conv1/0", "/api/units/C/43", "/api/images/U9999/thumb.png",
     "/api/dreams/D99999/map", "/api/receptive-fields/L999", "/api/verdicts/__class__", "/api",
     "/api/jobs/J99/files/index.html", "/api/classes/43", "/api/evaluation/cells/99/0",
     "/api/evaluation/separations/0/99",
     "/docs", "/openapi.json", "/static/", "/static/vendor", "/" + "x" * 2000, "/api/units/L1/0/crops/99.png",
     "/api/heatmaps/C/0/I1", "/api/heatmaps/C/0/I1?method=none", "/api/heatmaps/C/0/I1?method=gradient&against=43",
     "/api/heatmaps/C/0/I1?method=gradient&against=x", "/api/logits/43/I1", "/api/logits/0/U9",
     "/api/maps/L1/I1?change=L999:0:0", "/api/predictions/I1?change=L1:99:0"],
)  # fmt: skip
def test_an_unknown_address_is_a_404_of_one_line(scanned, address):
    response = scanned.get(address)
    assert response.status == 404, response.body[:200]
    assert "\n" not in response.json()["error"]
    assert "Traceback" not in response.json()["error"]


# ---------------------------------------------------------------------------------------------------------------------
# Responses


def test_the_state_describes_network_and_images(page):
    state = page.state()
    network = state["network"]
    assert (state["phase"], network["name"], network["form"]["height"]) == ("ready", "signs", 48)
    assert len(network["classes"]) == 43
    names = {layer["name"]: layer for layer in network["layers"]}
    first = names["conv1"]
    assert (first["display"], first["units"], first["receptive_field"]["size"]) == ("maps", 32, [3, 3])
    known = {layer["id"] for layer in network["layers"]}
    assert all(known.issuperset(edge) for edge in network["edges"])
    assert {"standard", "natural"} <= set(state["recipes"])
    assert HOSTILE in {image["name"] for image in state["images"]}
    labels = {image["name"]: image["label"] for image in state["images"]}
    assert labels["14/0.png"] == "STOP"  # the name of the class whose number is the folder's name
    assert labels[HOSTILE] is None


def readable(page):
    return sum(image["width"] > 0 and not image["uploaded"] for image in page.state()["images"])


def conv1(page):
    return next(layer["id"] for layer in page.state()["network"]["layers"] if layer["name"] == "conv1")


def stop(page):
    return next(image["id"] for image in page.state()["images"] if image["name"] == "14/0.png")


def test_a_sheet_its_numbers_and_a_single_map_agree(page):
    layer, image = conv1(page), stop(page)
    numbers = page.get(f"/api/maps/{layer}/{image}?v=7").json()
    sheet = page.get(f"/api/maps/{layer}/{image}/sheet.bin").body
    levels = np.frombuffer(sheet, "uint8").reshape(numbers["units"], numbers["height"], numbers["width"])
    single = page.get(f"/api/maps/{layer}/{image}/5").json()
    values = np.array(single["values"])
    low, high = numbers["minimum"][5], numbers["maximum"][5]
    assert values.max() == pytest.approx(high)
    assert np.abs(low + levels[5] / 255 * (high - low) - values).max() <= (high - low) / 255 * 0.51
    assert values[tuple(single["position"])] == values.max()
    row, column = single["position"]
    top, left, bottom, right = single["box"]
    assert (bottom - top, right - left) == pytest.approx((3 / 48, 3 / 48))
    assert top <= (row + 0.5) / 48 <= bottom
    field = page.get(f"/api/receptive-fields/{layer}?row={row}&column={column}").json()
    assert field["box"] == pytest.approx(single["box"])


def test_the_logits_are_a_layer_of_bars_and_predictions_are_sorted(page):
    image = stop(page)
    found = page.get(f"/api/predictions/{image}").json()["classes"]
    logits = page.get(f"/api/maps/C/{image}").json()
    assert len(found) == 5
    assert logits["display"] == "bars"
    assert found[0]["logit"] == pytest.approx(max(logits["maximum"]))
    assert logits["maximum"].index(max(logits["maximum"])) == found[0]["index"]
    assert found[0]["name"] == "STOP"


def test_the_pixels_and_the_units_of_a_prediction_are_explained(page):
    image = stop(page)
    first, second = (each["index"] for each in page.get(f"/api/predictions/{image}").json()["classes"][:2])
    methods = page.state()["network"]["attributions"]
    address = f"/api/heatmaps/C/{first}/{image}?method={methods[0]['name']}"
    alone, margin = page.get(address).json(), page.get(f"{address}&against={second}").json()
    logits = page.get(f"/api/maps/C/{image}").json()["maximum"]
    assert alone["score"] == pytest.approx(logits[first], rel=1e-4)
    assert margin["score"] == pytest.approx(logits[first] - logits[second], rel=1e-4)
    assert (alone["overlay"][:22], alone["signed"]) == ("data:image/png;base64,", False)
    assert page.get(address).json() == alone
    units = page.get(f"/api/logits/{first}/{image}?against={second}").json()
    assert units["logit"] == pytest.approx(margin["score"], rel=1e-4)
    assert page.get(f"/api/units/{units['layer']}/{units['units'][0]['unit']}").json()["name"].startswith("dense:")
    assert (
        page.get(f"/api/heatmaps/C/{first}/{image}?method=token-gradient").json()["reason"].startswith("signs has no")
    )


def test_images_come_in_three_sizes_and_an_unreadable_one_is_named_without_its_folder(page, viewed):
    image, broken = stop(page), next(i["id"] for i in page.state()["images"] if i["name"] == "broken.png")
    for kind in ("image", "thumb", "input"):
        response = page.get(f"/api/images/{image}/{kind}.png")
        assert (response.headers["content-type"], response.body[:4]) == ("image/png", b"\x89PNG")
        error = page.get(f"/api/images/{broken}/{kind}.png")
        assert error.status == 400
        assert error.json()["error"].startswith("broken.png: is not an image")
        assert str(viewed) not in error.json()["error"]


def test_a_unit_has_its_strongest_images_histogram_and_verdict(scanned):
    layer = conv1(scanned)
    unit = scanned.get(f"/api/units/{layer}/0").json()
    values = [each["response"] for each in unit["strongest"]]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(unit["statistics"]["maximum"])
    assert sum(unit["histogram"]["counts"]) == unit["statistics"]["images"] == readable(scanned)
    assert len(unit["histogram"]["edges"]) == len(unit["histogram"]["counts"]) + 1
    assert unit["verdict"]["kind"] in ("alive", "dormant", "undecided", "dead")
    assert (unit["target"], unit["command"]) == (
        "conv1:0",
        "dreamfilters dream signs conv1:0 --recipe standard --seed 0",
    )
    first = unit["strongest"][0]
    unit_map = scanned.get(f"/api/maps/{layer}/{first['image']}/0").json()
    assert unit_map["position"] == first["position"]
    assert np.max(unit_map["values"]) == pytest.approx(first["response"], rel=1e-5)
    patch = scanned.get(f"/api/units/{layer}/0/crops/0.png")
    with Image.open(io.BytesIO(patch.body)) as image:
        assert image.size == (3, 3)
    file = scanned.get(f"/api/units/{layer}/0/download.json")
    assert file.headers["content-disposition"] == 'attachment; filename="conv1-0.json"'
    assert json.loads(file.body)["target"] == "conv1:0"


def test_a_class_is_a_unit_too(scanned):
    unit = scanned.get("/api/units/C/14").json()
    assert (unit["name"], unit["target"], unit["command"]) == (
        "STOP",
        "class:STOP",
        "dreamfilters dream signs class:STOP --recipe natural --seed 0",
    )
    assert unit["strongest"][0]["label"] == "STOP"
    assert unit["classes"][0]["name"] == "STOP"
    assert unit["verdict"] is None
    german = scanned.get("/api/units/C/13").json()
    assert (german["name"], german["target"]) == ("Vorfahrt achten (yield)", 'class:"Vorfahrt achten"')
    assert german["classes"][0]["name"] == "Vorfahrt achten (yield)"
    assert {each["name"] for each in german["classes"]} == {"30", "Vorfahrt achten (yield)", "STOP"}


def test_each_unit_of_a_layer_has_a_verdict_and_classes_have_none(scanned):
    found = scanned.get(f"/api/verdicts/{conv1(scanned)}").json()
    assert len(found["units"]) == 32
    assert {each["kind"] for each in found["units"]} >= {"alive"}
    assert {each["kind"] for each in scanned.get("/api/verdicts/C").json()["units"]} == {None}


# ---------------------------------------------------------------------------------------------------------------------
# Dreams


def start_dream(page, **changes):
    return page.post("/api/dreams", {"layer": conv1(page), "unit": 0, "recipe": "fast", "seed": 1, **changes})


def test_a_dream_is_made_saved_and_reproduced(scanned, kept):
    started = start_dream(scanned, layer="C", unit=14).json()
    done = scanned.finished_dream(started["id"])
    assert (done["name"], done["phase"], done["step"]) == ("class:STOP", "done", done["steps"])
    assert done["scores"][-1] > done["scores"][0]
    with Image.open(io.BytesIO(scanned.get("/" + done["image"]).body)) as image:
        assert image.size == (48, 48)
    unit_map = scanned.get(f"/api/dreams/{done['id']}/map").json()
    assert unit_map["values"] == [[pytest.approx(done["score"], rel=0.05)]]  # the map of a class is its logit
    folder = scanned.post(f"/api/dreams/{done['id']}/save").json()["saved_to"]
    assert folder.startswith(str(kept))
    assert {"manifest.json", "contact-sheet.png"} < {path.name for path in kept.glob("*/*")}
    again = start_dream(scanned, layer="C", unit=14).json()
    assert scanned.finished_dream(again["id"])["score"] == done["score"]  # the same seed
    assert scanned.get(f"/api/dreams/{again['id']}/image.png").body == scanned.get("/" + done["image"]).body
    sheet = scanned.get("/api/dreams/sheet/C").json()
    assert dict(zip(sheet["units"], sheet["dreams"], strict=True))[14] == again["id"]  # other tests may add dreams
    with Image.open(io.BytesIO(scanned.get("/api/dreams/sheet/C/sheet.png").body)) as image:
        assert image.size == (64 * len(sheet["units"]), 64)


def test_a_dream_of_a_unit_counts_as_evidence_for_it(scanned):
    layer = conv1(scanned)
    found = scanned.get(f"/api/verdicts/{layer}").json()["units"]
    silent = next(number for number, each in enumerate(found) if each["kind"] == "undecided")
    done = scanned.finished_dream(start_dream(scanned, unit=silent, recipe="standard").json()["id"])
    after = scanned.get(f"/api/units/{layer}/{silent}").json()["verdict"]
    assert after["kind"] == ("dormant" if done["activated"] else "undecided")
    assert "dream" in after["sentence"] or "not activated" in after["sentence"]


def test_maps_are_served_during_a_dream_and_a_canceled_dream_ends(page):
    first, second = start_dream(page, recipe="natural").json(), start_dream(page, recipe="natural", seed=2).json()
    page.wait_for(lambda: page.dream(first["id"])["phase"] == "running")
    assert page.get(f"/api/maps/{conv1(page)}/{stop(page)}/7").status == 200
    for started in (second, first):
        assert page.post(f"/api/dreams/{started['id']}/cancel").json()["phase"] == "cancelled"
    third = page.finished_dream(start_dream(page).json()["id"])
    assert third["phase"] == "done"
    assert page.dream(first["id"])["phase"] == page.dream(second["id"])["phase"] == "cancelled"
    assert page.get(f"/api/dreams/{second['id']}/map").status == 404
    assert page.post(f"/api/dreams/{second['id']}/save").status == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"layer": "L999"}, 404), ({"unit": 99}, 404), ({"unit": -1}, 404), ({"unit": "0"}, 400), ({"unit": True}, 400),
     ({"unit": 0.5}, 400), ({"recipe": "../../etc/passwd"}, 400), ({"recipe": "x.toml"}, 400), ({"recipe": None}, 400),
     ({"seed": -1}, 400), ({"seed": 2**31}, 400), ({"seed": 10**400}, 400), ({"more": 1}, 400), ({"layer": []}, 400)],
)  # fmt: skip
def test_an_invalid_dream_is_refused_in_one_line(page, changes, status):
    before = len(page.get("/api/dreams").json()["dreams"])
    response = start_dream(page, **changes)
    assert response.status == status, response.body
    assert set(response.json()) == {"error"}
    assert len(page.get("/api/dreams").json()["dreams"]) == before


def test_compiling_a_dream_starts_none(page):
    before = len(page.get("/api/dreams").json()["dreams"])
    values = {"layer": conv1(page), "unit": 2, "recipe": "fast"}
    assert page.post("/api/dreams/compile", values).json() == {}
    assert len(page.get("/api/dreams").json()["dreams"]) == before
    for wrong, status in (({"recipe": "x"}, 400), ({"unit": 99}, 404), ({"layer": "L99"}, 404), ({"seed": 1}, 400)):
        assert page.post("/api/dreams/compile", {**values, **wrong}).status == status
    assert page.finished_dream(start_dream(page, unit=2).json()["id"])["phase"] == "done"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b"[" * 50_000, b"\xff\xfe", b'{"layer": NaN}'])
def test_an_invalid_body_is_refused(page, body):
    assert page.post("/api/dreams", body).status == 400


def finished_job(page, **values):
    """A job that has ended, and the address of its files."""
    job = page.post("/api/jobs", values).json()["id"]
    ended = ("done", "cancelled", "failed")
    found = page.wait_for(
        lambda: next((each for each in page.state()["jobs"] if each["id"] == job and each["phase"] in ended), None),
        seconds=180,
    )
    return found, f"/api/jobs/{job}/files/"


def test_work_that_cannot_be_started_is_refused(scanned):
    layer = conv1(scanned)
    for units in ([], list(range(33)), ["0"], [99], 0):
        assert scanned.post("/api/jobs", {"kind": "compare", "layer": layer, "units": units}).status in (400, 404)
    for kind in ("dream", "", "../compare"):
        assert scanned.post("/api/jobs", {"kind": kind}).status == 404
    assert scanned.post("/api/jobs/J99/cancel").status == 404


def test_a_dream_has_the_same_measures_as_in_the_comparison_of_the_same_unit_and_seed(scanned, kept):
    layer, unit = conv1(scanned), 5
    job, files = finished_job(scanned, kind="compare", layer=layer, units=[unit])
    assert (job["phase"], job["folder"], job["command"].split()[:4]) == (
        "done", str(kept / "compare"), ["dreamfilters", "compare", "signs", "conv1:5"],
    )  # fmt: skip
    assert {"index.html", "comparison.json", "comparison.csv"} <= set(job["files"])
    page = scanned.get(files + "index.html")
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts allow-popups; default-src 'none'")
    assert b"conv1:5" in page.body
    table = scanned.get(files + "comparison.csv")
    assert table.headers["content-disposition"] == 'attachment; filename="comparison.csv"'
    for name in ("manifest.json", "..%2Findex.html", "..", "nothing.csv"):
        assert scanned.get(files + name).status in (403, 404), name
    (row,) = csv.DictReader(io.StringIO(table.body.decode("utf-8-sig")))
    done = scanned.finished_dream(start_dream(scanned, layer=layer, unit=unit, recipe="standard", seed=0).json()["id"])
    measures = scanned.get(f"/api/dreams/{done['id']}/measures").json()
    numbers = measures["numbers"]
    assert numbers["target"] == f"conv1:{unit}"
    assert {"response", "strongest_real", "ratio", "robust_ratio", "plausibility_percentile"} < numbers.keys()
    for name, value in numbers.items():
        if isinstance(value, float) and name != "path_similarity":  # that of the run is over its 3 seeds
            assert value == pytest.approx(float(row[name]), rel=2e-3, abs=2e-3), name
    captions = {each["name"]: each for each in measures["measures"]}
    assert captions["Seeds"]["detail"] == "one seed only"
    assert float(captions["Response"]["figure"].split()[0]) == pytest.approx(numbers["ratio"], rel=5e-3)
    values = scanned.get(f"/api/units/{layer}/{unit}").json()
    assert next(each for each in values["dreams"] if each["id"] == done["id"])["measures"] == measures


def test_dreams_that_differ_only_by_seed_give_the_seed_variation(scanned):
    dreams = [
        scanned.finished_dream(start_dream(scanned, unit=6, recipe="standard", seed=seed).json()["id"])
        for seed in (1, 2)
    ]
    scanned.finished_dream(start_dream(scanned, unit=6, recipe="lucid").json()["id"])  # another recipe does not count
    first, second = (scanned.get(f"/api/dreams/{each['id']}/measures").json()["numbers"] for each in dreams)
    responses = [first["response"], second["response"]]
    assert responses[0] != responses[1]
    assert first["seed_std"] == pytest.approx(np.std(responses, ddof=1), rel=1e-4)
    assert second["seed_std"] == pytest.approx(first["seed_std"])


def test_only_a_finished_dream_is_measured(page):
    started = start_dream(page, recipe="natural", seed=77).json()["id"]
    refusal = page.get(f"/api/dreams/{started}/measures")
    assert refusal.status == 404
    assert refusal.json()["error"].endswith("only a finished dream can be measured")
    page.post(f"/api/dreams/{started}/cancel")
    assert page.get("/api/dreams/D99999/measures").status == 404


# ---------------------------------------------------------------------------------------------------------------------
# Uploads


def test_an_upload_is_classified_and_removed(page):
    item = page.post(
        "/api/images", png(render(14, 77)), **{"X-Name": "%3Cb%3Emine.png", "Content-Type": "image/png"}
    ).json()
    assert (item["name"], item["uploaded"]) == ("<b>mine.png", True)
    assert page.get(f"/api/predictions/{item['id']}").json()["classes"][0]["name"]
    assert page.post(f"/api/images/{item['id']}/remove").json() == {}
    assert page.get(f"/api/predictions/{item['id']}").status == 404
    assert page.post(f"/api/images/{stop(page)}/remove").status == 400


def test_the_maps_of_the_camera_are_of_its_latest_frame(page):
    found = []
    for seed in (0, 1):
        item = page.post("/api/frames", png(render(14, seed))).json()
        found.append(page.get(f"/api/maps/{conv1(page)}/{item['id']}").json()["maximum"])
    assert found[0] != found[1]
    assert found[0] == page.get(f"/api/maps/{conv1(page)}/{stop(page)}").json()["maximum"]  # the same image
    page.post(f"/api/images/{item['id']}/remove")


def test_a_live_frame_has_the_map_the_classes_and_the_backward_pass_of_a_unit(page):
    layer = conv1(page)
    found = page.post(f"/api/live/{layer}/5?method=deconvnet", png(render(14, 0))).json()
    image = found["image"]["id"]
    assert found["map"] == page.get(f"/api/maps/{layer}/{stop(page)}/5").json()  # the same image
    assert found["classes"] == page.get(f"/api/predictions/{stop(page)}").json()["classes"]
    assert (
        found["heatmap"]["overlay"] == page.get(f"/api/heatmaps/{layer}/5/{image}?method=deconvnet").json()["overlay"]
    )
    assert page.post(f"/api/live/{layer}/5", png(render(14, 0))).json()["image"]["version"] == 1
    page.post(f"/api/images/{image}/remove")


def test_an_ablated_unit_has_no_map_and_changes_the_predictions(page):
    layer, image = conv1(page), stop(page)
    change = "?change=" + ",".join(f"{layer}:{unit}:0" for unit in range(5, 21))
    assert page.get(f"/api/maps/{layer}/{image}{change}").json()["maximum"][5:21] == [0] * 16
    assert max(page.get(f"/api/maps/{layer}/{image}").json()["maximum"][5:21]) > 0
    plain, changed = (page.get(f"/api/predictions/{image}{each}").json()["classes"] for each in ("", change))
    assert plain != changed
    heatmap = page.get(f"/api/heatmaps/{layer}/3/{image}{change}&method=gradient").json()
    assert (heatmap["command"], heatmap["python"]) == ("", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [("L1:3:nan", "factor nan"), ("L1:3:-1", "factor -1"), ("C:1:0", "the classes are the output"),
     ("<b>", "expected layer:unit:factor"), ("L1:1:0,L1:1:2", "is changed twice"), ("L1:1:0," * 20, "at most 16")],
)  # fmt: skip
def test_a_change_that_is_not_possible_is_refused_in_one_line(page, change, words):
    image = stop(page)
    for address in (f"/api/maps/L1/{image}", f"/api/maps/L1/{image}/3", f"/api/predictions/{image}"):
        response = page.get(f"{address}?change={change}")
        assert (response.status, set(response.json())) == (400, {"error"})
        assert words in response.json()["error"]


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)></svg>", b"GIF89a", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"])
def test_an_upload_that_is_no_image_is_refused(page, content):
    response = page.post("/api/images", content)
    assert response.status == 400
    assert "upload: " in response.json()["error"]


def send_raw(page, head, body=b"", wait=5.0):
    """Send raw bytes and return the beginning of the response, "" if there is none in time."""
    with socket.create_connection((page.host, page.port), timeout=wait) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        try:
            return connection.recv(200).decode("latin-1")
        except TimeoutError:
            return ""


def head(page, *more):
    lines = ["POST /api/images HTTP/1.1", f"Host: {page.host}:{page.port}", f"Cookie: {page.cookie}",
             f"Origin: {page.origin}", "X-Dreamfilters: 1", *more]  # fmt: skip
    return "\r\n".join(lines)


def test_an_oversized_body_is_refused_before_it_is_read_and_while_it_arrives(page):
    assert "413" in send_raw(page, head(page, f"Content-Length: {MAX_UPLOAD + 1}"))
    assert "400" in send_raw(page, head(page, "Content-Length: -5"))
    chunk, sent = b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 0  # of 64 KiB
    with socket.create_connection((page.host, page.port), timeout=10) as connection:
        connection.sendall(head(page, "Transfer-Encoding: chunked").encode() + b"\r\n\r\n")
        with suppress(ConnectionError):  # the server disconnects instead of reading everything
            while sent < 2 * MAX_UPLOAD:
                connection.sendall(chunk)
                sent += len(chunk)
    assert sent < 2 * MAX_UPLOAD


@pytest.mark.parametrize(
    ("address", "limit", "text"),
    [("/api/images", MAX_UPLOAD, "32 MiB"), ("/api/dreams", 2**16, "64 KiB"), ("/api/frames", 2**21, "2 MiB"),
     ("/api/live/L1/3", 2**21, "2 MiB")],
)  # fmt: skip
def test_the_error_of_an_oversized_body_names_its_limit(page, address, limit, text):
    lines = head(page, f"Content-Length: {limit + 1}").replace("/api/images", address)
    with socket.create_connection((page.host, page.port), timeout=10) as connection:
        connection.sendall(lines.encode() + b"\r\n\r\n")
        response = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert response.startswith("HTTP/1.1 413 ")
    assert response.endswith(f'{{"error": "{limit + 1} bytes: at most {text} are accepted"}}')


def test_an_upload_that_is_cut_off_leaves_nothing_and_is_one_line(page, capfd, caplog):
    before = page.state()["images"]
    with socket.create_connection((page.host, page.port)) as connection:
        connection.sendall(head(page, "Content-Length: 1000").encode() + b"\r\n\r\n" + b"x" * 100)
        time.sleep(0.2)  # the route waits for the rest
    page.wait_for(lambda: caplog.records)
    assert [record.getMessage() for record in caplog.records] == [
        "/api/images: cut off after 100 bytes; nothing of it is kept"
    ]
    assert page.state()["images"] == before
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_upload_on_a_full_disk_is_one_line_for_the_page_and_the_log(page, monkeypatch, capfd, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(PrivateFolder, "write", full)
        response = page.post("/api/images", png(render(14, 77)), **{"X-Name": "stop.png"})
    line = "stop.png: cannot be stored (No space left on device); free space for temporary files"
    assert (response.status, response.json()) == (500, {"error": line})
    assert [record.getMessage() for record in caplog.records] == [line]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_uploads_that_arrive_together_keep_the_limit(viewer, page):
    content, found = png(render(14, 77)), []

    def upload():
        with Page(viewer.url) as visitor:
            found.extend(visitor.post("/api/images", content) for _ in range(3))

    room = 64 - sum(image["uploaded"] for image in page.state()["images"])
    threads = [threading.Thread(target=upload) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = [response.json()["id"] for response in found if response.status == 200]
    refused = {response.json()["error"] for response in found if response.status != 200}
    for each in stored:
        page.post(f"/api/images/{each}/remove")
    assert (len(found), len(stored)) == (72, room)
    assert refused == {"there are 64 uploads already; remove some first"}


def test_slow_clients_do_not_delay_others(page):
    connections = [socket.create_connection((page.host, page.port)) for _ in range(40)]
    try:
        for number, connection in enumerate(connections):
            connection.sendall(b"GET / HT" if number % 2 else head(page, "Content-Length: 100").encode() + b"\r\n\r\nx")
        start = time.monotonic()
        assert page.get("/api/state").status == 200
        assert page.get(f"/api/maps/{conv1(page)}/{stop(page)}/9").status == 200
        assert time.monotonic() - start < 20
    finally:
        for connection in connections:
            connection.close()


def test_fifty_pages_at_once_get_responses_and_events(viewer, page):
    layer, image, found = conv1(page), stop(page), []

    def visit():
        with Page(viewer.url) as visitor, Page(viewer.url) as listener:
            listener.connection.request("GET", "/api/events", headers={"Cookie": listener.cookie})
            with listener.connection.getresponse() as events:
                kind = [events.readline() for _ in range(2)][1]
                sheet = visitor.get(f"/api/maps/{layer}/{image}/sheet.bin").body
                found.append((kind, sheet, visitor.get("/api/state").status))

    threads = [threading.Thread(target=visit) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 50
    assert {(kind, status) for kind, _, status in found} == {(b"event: hello\n", 200)}
    assert len({sheet for _, sheet, _ in found}) == 1


def resident(process):
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")
def test_a_thousand_requests_do_not_leak_memory(page, viewer):
    layer, images = conv1(page), [image["id"] for image in page.state()["images"] if image["width"]]
    processes = ("self", viewer.worker_pid)

    def visit(count):
        for number in range(count):
            page.get(f"/api/maps/{layer}/{images[number % len(images)]}/{number % 32}")
            page.get(f"/api/images/{images[number % len(images)]}/thumb.png")
        return [resident(process) for process in processes]

    before, after = visit(100), visit(400)
    assert [now - then < 20 * 2**20 for then, now in zip(before, after, strict=True)] == [True, True]


def test_a_technique_serves_the_files_of_its_run_and_no_other(page, kept):
    image = stop(page)
    assert page.post("/api/techniques/segment", {"image": image, "values": []}).status == 400
    assert page.post("/api/techniques/segment", {"image": image, "value": {}}).status == 400
    assert page.post("/api/techniques/nothing", {"image": image}).status == 404
    refused = page.post("/api/techniques/fool", {"image": image, "values": {"target": "<b>:1"}})
    assert (refused.status, set(refused.json())) == (404, {"error"})
    job = page.post("/api/techniques/segment", {"image": image, "values": {"method": "gradient"}}).json()["id"]
    found = page.wait_for(
        lambda: next((each for each in page.state()["jobs"] if (each["id"], each["phase"]) == (job, "done")), None),
        seconds=180,
    )
    (result,) = found["results"]
    folder = Path(found["folder"])
    assert folder.parent == kept
    for name in (result["strip"], *result["images"]):
        response = page.get(f"/api/jobs/{job}/files/{name}")
        assert (response.status, response.headers["content-type"]) == (200, "image/png")
        assert response.body == (folder / name).read_bytes()
    place = result["strip"].partition("/")[0]
    (folder / place / "other.png").write_bytes(b"not of the run")
    for name in (
        f"{place}/other.png",
        f"{place}/../{place}/strip.png",
        f"{place}%2f..%2findex.html",
        "/etc/passwd",
        place,
    ):
        assert page.get(f"/api/jobs/{job}/files/{name}").status == 404, name


def test_the_middle_of_an_image_has_its_own_maps(page):
    wide = np.zeros((48, 144, 3))
    wide[:, 48:96] = 1
    image = page.post("/api/images", png(wide), **{"X-Name": "wide.png"}).json()["id"]
    layer = conv1(page)
    whole, middle = (page.get(f"/api/maps/{layer}/{key}").json() for key in (image, f"{image}.cropped"))
    assert whole["maximum"] != middle["maximum"]
    shown = Image.open(io.BytesIO(page.get(f"/api/images/{image}.cropped/input.png").body))
    assert (np.asarray(shown) == 255).all()
    for key in (f"{image}.crop", f"{image}.cropped.cropped", ".cropped"):
        assert page.get(f"/api/maps/{layer}/{key}").status == 404
    assert page.post(f"/api/images/{image}/remove").status == 200
    assert page.get(f"/api/maps/{layer}/{image}.cropped").status == 404
