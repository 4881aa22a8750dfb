from dataclasses import replace

import keras
import numpy as np
import pytest

from dreamfilters.images import image_folder
from dreamfilters.networks.programs import programs_of
from dreamfilters.viewer.messages import Cancelled, DreamRequest, ScanRequest
from dreamfilters.viewer.worker.handlers import Handlers, compile_dream, run_dream
from dreamfilters.viewer.worker.session import ModelSession
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


def test_a_search_for_the_input_form_ends_where_it_is_canceled(bright):
    handlers, images, events = bright

    def cancel():
        if len(events) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        handlers.find_form(cancel, images, 0)
    assert len(events) == 4
