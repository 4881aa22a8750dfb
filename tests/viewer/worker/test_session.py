import numpy as np
import pytest

from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS
from dreamfilters.viewer.messages import CLASSES
from dreamfilters.viewer.worker import session
from dreamfilters.viewer.worker.session import ModelSession


def layer_id(looks, name):
    return next(key for key, address in looks.facts.addresses.items() if address == name)


@pytest.mark.parametrize("room", [0, 2**28], ids=["layer by layer", "all layers at once"])
def test_a_look_gives_what_the_network_answers(network, scene, monkeypatch, room):
    monkeypatch.setattr(session, "_AT_ONCE", room)
    looks, image = ModelSession(network), scene()
    wanted = activations(network, image[None], ["conv1", LOGITS])
    conv = layer_id(looks, "conv1")
    assert looks.activation(conv, "a", image) == pytest.approx(wanted["conv1"][0], abs=1e-6)
    assert looks.activation(CLASSES, "a", image) == pytest.approx(wanted[LOGITS][0], abs=1e-5)
    found = looks.map(conv, 3, "a", image)
    row, column = found["position"]
    assert found["values"][row][column] == pytest.approx(wanted["conv1"][0, ..., 3].max(), rel=1e-5)


def test_an_image_is_shown_once_and_another_one_anew(network, scene, monkeypatch):
    shown = []
    monkeypatch.setattr(session, "activations", lambda *arguments: shown.append(1) or activations(*arguments))
    looks = ModelSession(network)
    for key in ("a", "a", "b", "a"):
        looks.maps(layer_id(looks, "conv2"), key, scene())
        looks.predictions(key, scene(), 2)
    assert len(shown) == 2


def test_predictions_are_probabilities_of_the_surest_classes(network, scene):
    looks = ModelSession(network)
    found = looks.predictions("a", scene(), 3)
    assert sum(each["probability"] for each in found) == pytest.approx(1)
    assert [each["logit"] for each in found] == sorted((each["logit"] for each in found), reverse=True)
    assert len(looks.predictions("a", scene(), 2)) == 2


def test_what_was_shown_is_kept_within_a_room(network, scene, monkeypatch):
    monkeypatch.setattr(session, "_ROOM", 40_000)  # one image's activations
    looks = ModelSession(network)
    for number in range(20):
        looks.maps(layer_id(looks, "conv1"), number, np.asarray(scene(seed=number)))
    assert looks._seen.weight <= 40_000
