from dataclasses import replace

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app
from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.errors import UnknownNameError
from dreamfilters.images import image_folder
from dreamfilters.networks.programs import programs_of
from dreamfilters.viewer.messages import Cancelled, DreamRequest, Request, ScanRequest
from dreamfilters.viewer.worker.dream_requests import compile_dream, run_dream
from dreamfilters.viewer.worker.handlers import Handlers
from dreamfilters.viewer.worker.session import ModelSession, open_network
from tests.dreams.priors.test_denoised import prior
from tests.viewer.http_client import png


def test_a_compiled_dream_compiles_nothing_more(network):
    session = ModelSession(replace(network, name="prepared"))
    programs_of(session.network).clear()
    compile_dream(session, "L0", 3, "fast")
    programs = set(programs_of(session.network).keys)
    assert programs
    steps = []
    dream = run_dream(session, DreamRequest("D0", "L0", 5, "fast", 0), steps.append, lambda: None)
    assert set(programs_of(session.network).keys) == programs
    assert (dream.name, steps[0]["step"]) == ("conv1:5", 1)
    assert steps[0]["png"]  # the first frame comes with the first step


@pytest.fixture
def bright(tmp_path):
    """The handlers of a network that tells bright images from dark ones in 0..255, ten images of each, and its events.

    In 0..1 the mean never exceeds 127, so that every image is predicted as dark.
    """
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.layers[-1].set_weights([np.repeat([[0.0, 1 / 16]], 16, axis=0), np.array([0.0, -127.0])])
    model.save(tmp_path / "bright.keras")
    for number in range(20):
        file = tmp_path / "images" / str(number % 2) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(np.full((4, 4), (0.9 if number % 2 else 0.1) + number / 400)))
    folder, events = image_folder(tmp_path / "images"), []
    handlers = Handlers(str(tmp_path / "bright.keras"), {}, lambda topic, value: events.append((topic, value)))
    return handlers, ScanRequest(folder.names, folder), events


def test_the_input_form_is_found_with_progress_and_pauses(bright):
    handlers, images, events = bright
    pauses = []
    found = handlers.find_form(lambda: pauses.append(None), images, 7)
    progress = [value for topic, value in events if topic == "form_search"]
    assert {value["number"] for value in progress} == {7}
    assert len(pauses) == len(progress) > 10
    assert (found["images"], found["trials"][0]["accuracy"], found["remarks"]) == (20, 1.0, [])
    assert "0 to 255" in found["trials"][0]["input"]
    assert "range = [0.0, 255.0]" in found["toml"]
    assert (found["fits"], found["is_clear"], found["is_present"]) == (True, True, False)
    assert (found["file"], found["exists"]) == ("bright.toml", False)


def test_the_best_form_is_applied_without_writing_and_saved_as_the_command_saves_it(bright, tmp_path):
    handlers, images, events = bright
    handlers.find_form(lambda: None, images, 7)
    before = sorted(tmp_path.rglob("*"))
    found = handlers.apply_form(lambda: None, 7)
    assert sorted(tmp_path.rglob("*")) == before
    described = [value for topic, value in events if topic == "network"]
    assert [each.values["form"]["text"] for each in described] == ["4x4 gray, 0 to 1", "4x4 gray, 0 to 255"]
    assert described[1].values["form"]["origin"] == "found by the search"
    assert described[0].form_key != described[1].form_key
    white = np.ones((4, 4, 1), np.float32)
    assert handlers.handle(Request(0, 0, "predictions", {"key": "w", "image": white, "top": 1}), None)[0]["index"] == 1
    reopened = open_network(str(tmp_path / "bright.keras"), {"found": found})  # after a crash
    assert (reopened.form.describe(), reopened.origin.text) == ("4x4 gray, 0 to 255", "found by the search")
    saved = handlers.save_form(lambda: None, 7, force=False)
    assert saved == {"text": "", "complete": True}
    by_command = tmp_path / "command" / "bright.keras"
    by_command.parent.mkdir()
    by_command.write_bytes((tmp_path / "bright.keras").read_bytes())
    run = CliRunner().invoke(app, ["inputs", str(by_command), str(tmp_path / "images"), "--save"])
    assert run.exit_code == 0
    assert (tmp_path / "bright.toml").read_text() == by_command.with_suffix(".toml").read_text()
    with pytest.raises(UnknownNameError, match="the search is no longer in memory; search again"):
        handlers.apply_form(lambda: None, 6)


def test_a_file_with_another_form_is_replaced_only_by_force(bright, tmp_path):
    handlers, images, _ = bright
    handlers.find_form(lambda: None, images, 7)
    (tmp_path / "bright.toml").write_text("range = [-1, 1]\n")
    saved = handlers.save_form(lambda: None, 7, force=False)
    assert (saved["complete"], (tmp_path / "bright.toml").read_text()) == (False, "range = [-1, 1]\n")
    assert "its range is -1 to 1, the best 0 to 255" in saved["text"]
    assert handlers.save_form(lambda: None, 7, force=True)["complete"]
    assert "range = [0.0, 255.0]" in (tmp_path / "bright.toml").read_text()


def test_a_scan_ends_where_the_form_changes_and_a_later_one_is_of_the_new_form(bright):
    handlers, images, events = bright
    handlers.find_form(lambda: None, images, 7)
    running, waiting = handlers.scan(images), handlers.scan(images)
    assert list(running) == []  # another one has been requested since
    next(waiting)
    handlers.apply_form(lambda: None, 7)
    events.clear()
    assert list(waiting) == []
    assert events == []
    list(handlers.scan(images))
    (evidence,) = [value for topic, value in events if topic == "evidence"]
    assert evidence.accuracy.value == 1.0


def test_a_search_for_the_input_form_ends_where_it_is_canceled(bright):
    handlers, images, events = bright

    def cancel():
        if len(events) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        handlers.find_form(cancel, images, 0)
    assert len(events) == 4


@pytest.mark.thorough
@pytest.mark.slow
def test_a_dream_with_a_learned_prior_says_what_the_prior_hides(network, tmp_path, monkeypatch):
    learned = prior().save(tmp_path / "prior.npz")
    quick = read_recipe("learned", settings=["steps=2", "transforms.views.views=1"])
    monkeypatch.setattr("dreamfilters.viewer.worker.dream_requests.read_recipe", lambda name: quick)
    handlers, pauses = Handlers(network, {"prior": learned}, lambda topic, value: None), []
    dream = handlers.dream(lambda: None, DreamRequest("D0", "L0", 3, "learned", 0))
    assert dream["appearance"].startswith("appearance from 200 images (own), unit from the network; nearest image")
    found = handlers.prior_check(lambda: pauses.append(None), "D0")
    assert found["lines"][0] == dream["appearance"]
    assert found["lines"][2].startswith("covering rows ")
    assert found["png"].startswith(b"\x89PNG")
    assert len(pauses) > 30  # other requests are handled between the steps
    with pytest.raises(UnknownNameError, match="dream D1: is no longer in memory"):
        handlers.prior_check(lambda: None, "D1")
