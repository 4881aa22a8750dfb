"""Every address of the running viewer: what it answers, and to whom it does not."""

import csv
import io
import itertools
import json
import re
import socket
import threading
import time
import zipfile
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
from dreamfilters.viewer.services.image_store import LARGEST_UPLOAD
from dreamfilters.viewer.services.service import Service
from tests.viewer.visiting import Page, png

# ids that are there, so that a refusal is not taken for "no such thing"
IDS = {
    "layer": "L1",
    "image": "I1",
    "unit": "3",
    "rank": "0",
    "dream": "D0",
    "report": "R0",
    "name:path": "index.html",
}

HOSTILE = "<img src=x onerror=alert(1)>.png"


def addresses():
    """Every route as (method, address), read off the application itself."""
    service = Service(settings_for("signs", {}))
    routes = [route for route in application(service, Access("x")).app.routes if isinstance(route, APIRoute)]
    service.close()
    filled = [(sorted(route.methods)[0], re.sub(r"{([^}]+)}", lambda m: IDS[m[1]], route.path)) for route in routes]
    assert len(filled) > 25
    return filled


ADDRESSES = addresses()
EVIL = "http://evil.example"
# what is wrong -> what is sent in place of the right headers; None leaves one out
WRONG = {
    "no token": {"Cookie": None},
    "a wrong token": {"Cookie": "dreamfilters=wrong"},
    "an evil host": {"Host": "evil.example"},
    "a host that begins well": {"Host": "localhost.evil.example"},
    "an evil origin": {"Origin": EVIL},
    "a null origin": {"Origin": "null"},
    "an origin of another port": {"Origin": "http://127.0.0.1:1"},
    "a cross-site request": {"Sec-Fetch-Site": "cross-site"},
    "a same-site request": {"Sec-Fetch-Site": "same-site"},
}
WRONG_CHANGE = {"no origin": {"Origin": None}, "no header of its own": {"X-Dreamfilters": None}}


def refused(page, method, address, wrong):
    right = {"Cookie": page.cookie, "Origin": page.origin, "X-Dreamfilters": "1"}
    headers = {name: value for name, value in {**right, **wrong}.items() if value is not None}
    answer = page.ask(method, address, headers, b"{}" if method == "POST" else None)
    return answer.status == 403 and set(answer.json()) == {"error"}


@pytest.mark.parametrize("what", [*WRONG, *WRONG_CHANGE])
def test_no_route_answers(page, what):
    wrong = {**WRONG, **WRONG_CHANGE}[what]
    asked = [pair for pair in ADDRESSES if pair[0] == "POST" or what in WRONG]
    assert [pair for pair in asked if not refused(page, *pair, wrong)] == []


def test_no_change_is_made_by_get_and_nothing_is_shared_across_origins(page):
    for method, address in ADDRESSES:
        if method == "POST" and address not in ("/api/images", "/api/dreams"):  # these can be read too
            assert page.get(address).status in (404, 405), address
        assert page.ask("OPTIONS", address, {"Cookie": page.cookie, "Origin": EVIL}).status == 403


TRAVERSALS = [
    "".join(parts)
    for parts in itertools.product(
        ["..", "../..", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..", "..;", ".%00.", "....//", "%252e%252e"],
        ["/", "//", "%2f", "%5c", "/./"],
        ["etc/passwd", "pyproject.toml", "routes.py", "C:/Windows/win.ini", "..%2froutes.py", "index.html%00.png"],
    )
]


def test_three_hundred_traversals_are_no_pages(page):
    assert len(TRAVERSALS) == 300
    for number, string in enumerate(TRAVERSALS):
        place = ("/static/", "/api/images/", "/api/maps/L1/", "/api/dreams/")[number % 4]
        end = "/image.png" if place in ("/api/images/", "/api/dreams/") else ""
        answer = page.get(place + string + end)
        assert answer.status == 404, string
        assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    "address",
    ["/api/maps/L999/I0", "/api/maps/L1/I999", "/api/maps/L1/I0/999", "/api/maps/L1/I0/-1", "/api/maps/L1/I0/x",
     "/api/maps/L1/I0/99999999999999999999999", "/api/units/conv1/0", "/api/units/C/43", "/api/images/U9999/thumb.png",
     "/api/dreams/D99999/map", "/api/receptive-fields/L999", "/api/verdicts/__class__", "/api/reports/R9.zip", "/api",
     "/docs", "/openapi.json", "/static/", "/static/vendor", "/" + "x" * 2000, "/api/units/L1/0/crops/99.png"],
)  # fmt: skip
def test_what_is_not_there_is_a_404_of_one_line(studied, address):
    answer = studied.get(address)
    assert answer.status == 404, answer.body[:200]
    assert "\n" not in answer.json()["error"]
    assert "Traceback" not in answer.json()["error"]


# ---------------------------------------------------------------------------------------------------------------------
# What is there


def test_the_state_says_what_is_looked_at(page):
    state = page.state()
    network = state["network"]
    assert (state["phase"], network["name"], network["form"]["height"]) == ("ready", "signs", 48)
    assert len(network["classes"]) == 43
    names = {layer["name"]: layer for layer in network["layers"]}
    assert (names["conv1"]["display"], names["conv1"]["units"], names["conv1"]["receptive_field"]["size"]) == (
        "maps",
        32,
        [3, 3],
    )
    known = {layer["id"] for layer in network["layers"]}
    assert all(known.issuperset(edge) for edge in network["edges"])
    assert {"standard", "natural"} <= set(state["recipes"])
    assert HOSTILE in {image["name"] for image in state["images"]}
    labels = {image["name"]: image["label"] for image in state["images"]}
    assert labels["14/0.png"] == "STOP"  # in words, where the folder is a class's number
    assert labels[HOSTILE] is None


def readable(page):
    return sum(image["width"] > 0 and not image["uploaded"] for image in page.state()["images"])


def conv1(page):
    return next(layer["id"] for layer in page.state()["network"]["layers"] if layer["name"] == "conv1")


def stop(page):
    return next(image["id"] for image in page.state()["images"] if image["name"] == "14/0.png")


def test_a_sheet_its_numbers_and_a_single_map_tell_the_same(page):
    layer, image = conv1(page), stop(page)
    numbers, sheet = (
        page.get(f"/api/maps/{layer}/{image}?v=7").json(),
        page.get(f"/api/maps/{layer}/{image}/sheet.bin").body,
    )
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
    assert page.get(f"/api/receptive-fields/{layer}?row={row}&column={column}").json()["box"] == pytest.approx(
        single["box"]
    )


def test_the_logits_are_a_layer_of_bars_and_the_surest_classes_come_first(page):
    image = stop(page)
    found = page.get(f"/api/predictions/{image}").json()["classes"]
    logits = page.get(f"/api/maps/C/{image}").json()
    assert len(found) == 5
    assert logits["display"] == "bars"
    assert found[0]["logit"] == pytest.approx(max(logits["maximum"]))
    assert logits["maximum"].index(max(logits["maximum"])) == found[0]["index"]
    assert found[0]["name"] == "STOP"


def test_images_come_in_three_sizes_and_a_broken_one_is_named_without_its_folder(page, viewed):
    image, broken = stop(page), next(i["id"] for i in page.state()["images"] if i["name"] == "broken.png")
    for kind in ("image", "thumb", "input"):
        answer = page.get(f"/api/images/{image}/{kind}.png")
        assert (answer.headers["content-type"], answer.body[:4]) == ("image/png", b"\x89PNG")
        error = page.get(f"/api/images/{broken}/{kind}.png")
        assert error.status == 400
        assert error.json()["error"].startswith("broken.png: is no image")
        assert str(viewed) not in error.json()["error"]


def test_a_unit_has_its_strongest_images_histogram_and_verdict(studied):
    layer = conv1(studied)
    unit = studied.get(f"/api/units/{layer}/0").json()
    values = [each["response"] for each in unit["strongest"]]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(unit["statistics"]["maximum"])
    assert (
        sum(unit["histogram"]["counts"]) == unit["statistics"]["images"] == readable(studied)
    )  # the broken one is left out
    assert len(unit["histogram"]["edges"]) == len(unit["histogram"]["counts"]) + 1
    assert unit["verdict"]["kind"] in ("alive", "dormant", "undecided", "dead")
    assert (unit["target"], unit["command"]) == (
        "conv1:0",
        "dreamfilters dream signs conv1:0 --recipe standard --seed 0",
    )
    first = unit["strongest"][0]
    shown = studied.get(f"/api/maps/{layer}/{first['image']}/0").json()
    assert shown["position"] == first["position"]
    assert np.max(shown["values"]) == pytest.approx(first["response"], rel=1e-5)
    crop = studied.get(f"/api/units/{layer}/0/crops/0.png")
    with Image.open(io.BytesIO(crop.body)) as image:
        assert image.size == (3, 3)
    file = studied.get(f"/api/units/{layer}/0/download.json")
    assert file.headers["content-disposition"] == 'attachment; filename="conv1-0.json"'
    assert json.loads(file.body)["target"] == "conv1:0"


def test_a_class_is_a_unit_too(studied):
    unit = studied.get("/api/units/C/14").json()
    assert (unit["name"], unit["target"], unit["command"]) == (
        "STOP",
        "class:STOP",
        "dreamfilters dream signs class:STOP --recipe natural --seed 0",
    )
    assert unit["strongest"][0]["label"] == "STOP"
    assert unit["classes"][0]["name"] == "STOP"
    assert unit["verdict"] is None


def test_verdicts_of_a_layer_are_one_a_unit(studied):
    found = studied.get(f"/api/verdicts/{conv1(studied)}").json()
    assert len(found["units"]) == 32
    assert {each["kind"] for each in found["units"]} >= {"alive"}
    assert {each["kind"] for each in studied.get("/api/verdicts/C").json()["units"]} == {None}


# ---------------------------------------------------------------------------------------------------------------------
# Dreams


def order(page, **changes):
    return page.post("/api/dreams", {"layer": conv1(page), "unit": 0, "recipe": "fast", "seed": 1, **changes})


def test_a_dream_grows_before_ones_eyes_and_is_kept(studied, kept):
    booked = order(studied, layer="C", unit=14).json()
    done = studied.dreamt(booked["id"])
    assert (done["name"], done["phase"], done["step"]) == ("class:STOP", "done", done["steps"])
    assert done["scores"][-1] > done["scores"][0]
    with Image.open(io.BytesIO(studied.get("/" + done["image"]).body)) as image:
        assert image.size == (48, 48)
    own = studied.get(f"/api/dreams/{done['id']}/map").json()
    assert own["values"] == [
        [pytest.approx(done["score"], rel=0.05)]
    ]  # a class's map is its logit, of the 8-bit-free image
    folder = studied.post(f"/api/dreams/{done['id']}/save").json()["saved_to"]
    assert folder.startswith(str(kept))
    assert {"manifest.json", "contact-sheet.png"} < {path.name for path in kept.glob("*/*")}
    again = order(studied, layer="C", unit=14).json()
    assert studied.dreamt(again["id"])["score"] == done["score"]  # the same seed, the same image
    assert studied.get(f"/api/dreams/{again['id']}/image.png").body == studied.get("/" + done["image"]).body
    sheet = studied.get("/api/dreams/sheet/C").json()
    assert dict(zip(sheet["units"], sheet["dreams"], strict=True))[14] == again["id"]  # others may dream here too
    with Image.open(io.BytesIO(studied.get("/api/dreams/sheet/C/sheet.png").body)) as image:
        assert image.size == (64 * len(sheet["units"]), 64)


def test_a_dream_of_a_unit_counts_as_evidence_for_it(studied):
    layer = conv1(studied)
    found = studied.get(f"/api/verdicts/{layer}").json()["units"]
    silent = next(number for number, each in enumerate(found) if each["kind"] == "undecided")
    done = studied.dreamt(order(studied, unit=silent, recipe="standard").json()["id"])
    after = studied.get(f"/api/units/{layer}/{silent}").json()["verdict"]
    assert after["kind"] == ("dormant" if done["activated"] else "undecided")
    assert "dream" in after["sentence"] or "not activated" in after["sentence"]


def test_maps_are_answered_while_it_dreams_and_a_canceled_dream_ends(page):
    first, second = order(page, recipe="natural").json(), order(page, recipe="natural", seed=2).json()
    page.until(lambda: page.dream(first["id"])["phase"] == "running")
    assert page.get(f"/api/maps/{conv1(page)}/{stop(page)}/7").status == 200
    for booked in (second, first):
        assert page.post(f"/api/dreams/{booked['id']}/cancel").json()["phase"] == "cancelled"
    third = page.dreamt(order(page).json()["id"])
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
def test_an_order_that_makes_no_sense_is_refused_in_one_line(page, changes, status):
    before = len(page.get("/api/dreams").json()["dreams"])
    answer = order(page, **changes)
    assert answer.status == status, answer.body
    assert set(answer.json()) == {"error"}
    assert len(page.get("/api/dreams").json()["dreams"]) == before


def test_a_dream_can_be_made_ready_and_nothing_is_dreamt_by_it(page):
    before = len(page.get("/api/dreams").json()["dreams"])
    wish = {"layer": conv1(page), "unit": 2, "recipe": "fast"}
    assert page.post("/api/dreams/prepare", wish).json() == {}
    assert len(page.get("/api/dreams").json()["dreams"]) == before
    for wrong, status in (({"recipe": "x"}, 400), ({"unit": 99}, 404), ({"layer": "L99"}, 404), ({"seed": 1}, 400)):
        assert page.post("/api/dreams/prepare", {**wish, **wrong}).status == status
    assert page.dreamt(order(page, unit=2).json()["id"])["phase"] == "done"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b"[" * 50_000, b"\xff\xfe", b'{"layer": NaN}'])
def test_a_body_that_is_no_order_is_refused(page, body):
    assert page.post("/api/dreams", body).status == 400


def test_a_comparison_comes_as_an_archive(studied):
    layer = conv1(studied)
    made = studied.post("/api/report", {"layer": layer, "units": [0]}).json()
    answer = studied.get("/" + made["address"])
    names = set(zipfile.ZipFile(io.BytesIO(answer.body)).namelist())
    assert {"index.html", "comparison.json", "comparison.csv"} <= names
    for units in ([], list(range(33)), ["0"], [99], 0):
        assert studied.post("/api/report", {"layer": layer, "units": units}).status in (400, 404)


def test_a_dream_is_measured_as_the_report_of_the_same_unit_and_seed_measures_it(studied):
    layer, unit = conv1(studied), 5
    made = studied.post("/api/report", {"layer": layer, "units": [unit]}).json()
    with zipfile.ZipFile(io.BytesIO(studied.get("/" + made["address"]).body)) as report:
        (row,) = csv.DictReader(io.TextIOWrapper(report.open("comparison.csv"), "utf-8-sig"))
    done = studied.dreamt(order(studied, layer=layer, unit=unit, recipe="standard", seed=0).json()["id"])
    told = studied.get(f"/api/dreams/{done['id']}/measures").json()
    assert told["numbers"]["target"] == f"conv1:{unit}"
    for name in ("response", "strongest_real", "ratio", "moved_ratio", "plausibility_percentile"):
        assert told["numbers"][name] == pytest.approx(float(row[name]), rel=1e-5), name
    words = {each["name"]: each for each in told["measures"]}
    assert words["Seeds"]["detail"] == "one seed only"
    assert float(words["Response"]["figure"].split()[0]) == pytest.approx(told["numbers"]["ratio"], rel=5e-3)
    facts = studied.get(f"/api/units/{layer}/{unit}").json()
    assert next(each for each in facts["dreams"] if each["id"] == done["id"])["measures"] == told


def test_dreams_that_differ_by_their_seeds_alone_tell_how_far_chance_goes(studied):
    dreams = [studied.dreamt(order(studied, unit=6, recipe="standard", seed=seed).json()["id"]) for seed in (1, 2)]
    studied.dreamt(order(studied, unit=6, recipe="lucid").json()["id"])  # by another recipe: no question of chance
    first, second = (studied.get(f"/api/dreams/{each['id']}/measures").json()["numbers"] for each in dreams)
    responses = [first["response"], second["response"]]
    assert responses[0] != responses[1]
    assert first["seeds_std"] == pytest.approx(np.std(responses, ddof=1), rel=1e-4)
    assert second["seeds_std"] == pytest.approx(first["seeds_std"])


def test_only_a_dream_that_is_done_is_measured(page):
    booked = order(page, recipe="natural", seed=77).json()["id"]
    refusal = page.get(f"/api/dreams/{booked}/measures")
    assert refusal.status == 404
    assert refusal.json()["error"].endswith("only one that is done can be measured")
    page.post(f"/api/dreams/{booked}/cancel")
    assert page.get("/api/dreams/D99999/measures").status == 404


# ---------------------------------------------------------------------------------------------------------------------
# Uploads


def test_an_upload_is_seen_by_the_network_and_forgotten(page):
    item = page.post(
        "/api/images", png(render(14, 77)), **{"X-Name": "%3Cb%3Emine.png", "Content-Type": "image/png"}
    ).json()
    assert (item["name"], item["uploaded"]) == ("<b>mine.png", True)
    assert page.get(f"/api/predictions/{item['id']}").json()["classes"][0]["name"]
    assert page.post(f"/api/images/{item['id']}/forget").json() == {}
    assert page.get(f"/api/predictions/{item['id']}").status == 404
    assert page.post(f"/api/images/{stop(page)}/forget").status == 400


def test_the_webcams_maps_follow_its_image(page):
    found = []
    for seed in (0, 1):
        item = page.post("/api/frames", png(render(14, seed))).json()
        found.append(page.get(f"/api/maps/{conv1(page)}/{item['id']}").json()["maximum"])
    assert found[0] != found[1]
    assert found[0] == page.get(f"/api/maps/{conv1(page)}/{stop(page)}").json()["maximum"]  # the same image
    page.post(f"/api/images/{item['id']}/forget")


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)></svg>", b"GIF89a", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(page, content):
    answer = page.post("/api/images", content)
    assert answer.status == 400
    assert "upload: " in answer.json()["error"]


def talk(page, head, body=b"", wait=5.0):
    """Send bytes of one's own and return the beginning of the answer, "" where none comes in time."""
    with socket.create_connection((page.host, page.port), timeout=wait) as line:
        line.sendall(head.encode() + b"\r\n\r\n" + body)
        try:
            return line.recv(200).decode("latin-1")
        except TimeoutError:
            return ""


def head(page, *more):
    lines = ["POST /api/images HTTP/1.1", f"Host: {page.host}:{page.port}", f"Cookie: {page.cookie}",
             f"Origin: {page.origin}", "X-Dreamfilters: 1", *more]  # fmt: skip
    return "\r\n".join(lines)


def test_an_oversized_body_is_refused_before_it_is_read_and_while_it_comes(page):
    assert "413" in talk(page, head(page, f"Content-Length: {LARGEST_UPLOAD + 1}"))
    assert "400" in talk(page, head(page, "Content-Length: -5"))
    chunk, taken = b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 0  # of 64 KiB
    with socket.create_connection((page.host, page.port), timeout=10) as line:
        line.sendall(head(page, "Transfer-Encoding: chunked").encode() + b"\r\n\r\n")
        with suppress(ConnectionError):  # it hangs up instead of swallowing it all
            while taken < 2 * LARGEST_UPLOAD:
                line.sendall(chunk)
                taken += len(chunk)
    assert taken < 2 * LARGEST_UPLOAD


def test_slow_clients_keep_nobody_waiting(page):
    lines = [socket.create_connection((page.host, page.port)) for _ in range(40)]
    try:
        for number, line in enumerate(lines):
            line.sendall(b"GET / HT" if number % 2 else head(page, "Content-Length: 100").encode() + b"\r\n\r\nx")
        began = time.monotonic()
        assert page.get("/api/state").status == 200
        assert page.get(f"/api/maps/{conv1(page)}/{stop(page)}/9").status == 200
        assert time.monotonic() - began < 20
    finally:
        for line in lines:
            line.close()


def test_fifty_viewers_at_once_are_all_answered_and_all_told(viewer, page):
    layer, image, found = conv1(page), stop(page), []

    def visit():
        with Page(viewer.url) as mine, Page(viewer.url) as listening:
            listening.connection.request("GET", "/api/events", headers={"Cookie": listening.cookie})
            with listening.connection.getresponse() as events:
                kind = [events.readline() for _ in range(2)][1]
                sheet = mine.get(f"/api/maps/{layer}/{image}/sheet.bin").body
                found.append((kind, sheet, mine.get("/api/state").status))

    threads = [threading.Thread(target=visit) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 50
    assert {(kind, status) for kind, _, status in found} == {(b"event: hello\n", 200)}
    assert len({sheet for _, sheet, _ in found}) == 1


def resident(process):
    """The bytes of memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell what a process holds")
def test_a_thousand_requests_leave_the_memory_where_it_was(page, viewer):
    layer, images = conv1(page), [image["id"] for image in page.state()["images"] if image["width"]]
    processes = ("self", viewer.worker_pid)

    def ask(count):
        for number in range(count):
            page.get(f"/api/maps/{layer}/{images[number % len(images)]}/{number % 32}")
            page.get(f"/api/images/{images[number % len(images)]}/thumb.png")
        return [resident(process) for process in processes]

    before, after = ask(100), ask(400)
    assert [now - then < 20 * 2**20 for then, now in zip(before, after, strict=True)] == [True, True]
