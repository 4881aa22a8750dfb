"""A vision transformer in the viewer: its token layers are listed, drawn, scanned and dreamed of like maps."""

import os
import signal

import keras
import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.viewer.launch import access_for, settings_for
from dreamfilters.viewer.server.http_server import start_server
from tests.networks.vision_transformer import vision_transformer
from tests.viewer.http_client import Page, png


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of a viewer of a small vision transformer with three images."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(3):
        (folder / f"{number}.png").write_bytes(png(random.random((16, 16, 3))))
    viewer = df.serve(vision_transformer(), images=folder, port=0, announce=None, block=False)
    with Page(viewer.url) as page:
        page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready")
        yield page
    viewer.close()


def layer_of(page, name):
    return next(layer for layer in page.state()["network"]["layers"] if layer["name"] == name)


def test_a_token_layer_is_listed_with_its_grid(page):
    layer = layer_of(page, "mlp1")
    assert (layer["kind"], layer["display"], layer["dreamable"]) == ("tokens", "maps", True)
    assert layer["grid"] == {"rows": 4, "columns": 4, "patch": [4, 4]}
    assert layer_of(page, "token")["display"] == "bars"  # a single token


def test_patch_tokens_are_a_map_with_the_class_token_beside_it(page):
    layer = layer_of(page, "mlp1")
    image = page.state()["images"][0]["id"]
    maps = page.get(f"/api/maps/{layer['id']}/{image}").json()
    assert (maps["full"], maps["units"], len(maps["other_tokens"])) == ([4, 4], layer["units"], layer["units"])
    unit = page.get(f"/api/maps/{layer['id']}/{image}/3").json()
    assert unit["other_tokens"] == maps["other_tokens"][3]
    assert maps["maximum"][3] == pytest.approx(max(np.max(unit["values"]), *unit["other_tokens"]))
    row, column = unit["position"]
    assert unit["box"] == [row / 4, column / 4, (row + 1) / 4, (column + 1) / 4]


def test_a_token_channel_has_evidence_and_a_dream(page):
    layer = layer_of(page, "mlp1")
    dream = page.post("/api/dreams", {"layer": layer["id"], "unit": 2, "recipe": "fast"}).json()
    assert page.finished_dream(dream["id"])["phase"] == "done"
    assert len(page.get(f"/api/dreams/{dream['id']}/map").json()["values"]) == 4
    unit = page.get(f"/api/units/{layer['id']}/2").json()
    assert unit["statistics"]["images"] == 3
    assert len(unit["strongest"]) == 3
    assert page.get(f"/api/units/{layer['id']}/2/crops/0.png").body.startswith(b"\x89PNG")
    for image in unit["strongest"]:
        assert (image["box"] is None) == (image["position"] is None)  # the maximum may be the class token's


def test_the_input_form_and_a_poor_accuracy_are_reported(tmp_path):
    """A network without weights always predicts class 0."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)], name="blank")
    model.layers[-1].set_weights([np.zeros((192, 3)), np.zeros(3)])
    for number in range(15):
        folder = tmp_path / str(number % 3)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(png(np.full((8, 8, 3), number / 15)))
    lines = []
    settings = settings_for(model, {}, images=tmp_path, report=lines.append)
    viewer = start_server(settings, access_for("127.0.0.1", None, (), "/"), "127.0.0.1", 0)
    with Page(viewer.url) as page:
        page.wait_for(lambda: page.state()["accuracy"])
        page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready")
        state = page.state()
        ranked = page.get("/api/units/C/0").json()["strongest"]
        upload = page.post("/api/images", png(np.zeros((8, 8, 3))), **{"X-Name": "mine.png"}).json()
        assert page.post("/api/form-search").json()["phase"] == "running"
        page.wait_for(lambda: page.state()["form_search"]["phase"] == "done")
        search = page.state()["form_search"]
    viewer.close()
    assert state["network"]["form"]["source"] == "assumed"
    assert (state["accuracy"]["value"], state["accuracy"]["count"], state["accuracy"]["poor"]) == (1 / 3, 15, True)
    assert (state["accuracy"]["right"], state["form_search"]["phase"]) == (5, "idle")
    mistakes = {image["name"]: image["mistake"] for image in state["images"]}
    assert mistakes == {name: None if name.startswith("0/") else "0" for name in mistakes}
    assert all(image["mistake"] == mistakes[image["name"]] for image in ranked)
    assert upload["mistake"] is None
    assert (search["result"]["fits"], search["result"]["applied"]) == (False, False)
    assert search["result"]["remarks"][-1].startswith("no input form fits: the best accuracy is 33 %")
    assert lines[0] == "input form of blank: 8x8 RGB, 0 to 1 (assumed; --range LOW HIGH sets another range)"
    assert lines[1].startswith("warning: only 33 % of 15 labeled images are predicted correctly")
    assert len(lines) == 2


@pytest.fixture
def bright(tmp_path):
    """A viewer of a network in a file that tells bright from dark images in 0..255; in 0..1 all are dark."""
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.layers[-1].set_weights([np.repeat([[0.0, 1 / 16]], 16, axis=0), np.array([0.0, -127.0])])
    model.save(tmp_path / "bright.keras")
    for number in range(20):
        file = tmp_path / "images" / str(number % 2) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(np.full((4, 4), (0.9 if number % 2 else 0.1) + number / 400)))
    settings = settings_for(str(tmp_path / "bright.keras"), {}, images=tmp_path / "images")
    viewer = start_server(settings, access_for("127.0.0.1", None, (), "/"), "127.0.0.1", 0)
    with Page(viewer.url) as page:
        page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready")
        yield viewer, page
    viewer.close()


@pytest.mark.slow
def test_a_form_that_is_found_replaces_that_of_the_running_viewer_and_outlives_its_worker(bright, tmp_path):
    viewer, page = bright

    def right():
        """How many images are predicted as labeled, once they are scanned in the form shown."""
        page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready" and page.state()["accuracy"])
        return page.state()["accuracy"]["right"]

    assert right() == 10
    dark = page.get("/api/maps/C/I19").json()
    dream = page.post("/api/dreams", {"layer": "C", "unit": 1, "recipe": "fast"}).json()["id"]
    assert page.post("/api/form-search/apply").status == 404
    assert page.post("/api/form-search/save", {"force": False}).status == 404
    page.post("/api/form-search")
    page.wait_for(lambda: page.state()["form_search"]["phase"] == "done")
    assert page.post("/api/form-search/apply").json()["result"]["applied"]
    state = page.state()
    assert (state["network"]["form"]["text"], state["network"]["form"]["origin"]) == (
        "4x4 gray, 0 to 255", "found by the search",
    )  # fmt: skip
    assert page.get("/api/dreams").json() == {"dreams": []}
    assert page.get(f"/api/dreams/{dream}/image.png").status == 404
    assert right() == 20
    bright_map = page.get("/api/maps/C/I19").json()
    assert bright_map["maximum"][1] - dark["maximum"][1] == pytest.approx(254 * 0.9225, abs=1)
    assert not list(tmp_path.glob("*.toml"))
    os.kill(viewer.worker_pid, signal.SIGKILL)
    page.wait_for(lambda: page.state()["phase"] == "restarting")
    page.wait_for(lambda: page.state()["phase"] == "ready")
    assert page.state()["network"]["form"]["origin"] == "found by the search"
    assert page.get("/api/maps/C/I19").json() == bright_map
