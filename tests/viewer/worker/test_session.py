import numpy as np
import pytest

from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS
from dreamfilters.viewer.messages import CLASS_LAYER
from dreamfilters.viewer.worker import session as module
from dreamfilters.viewer.worker.session import ModelSession


def layer_id(session, name):
    return next(key for key, info in session.description.layers.items() if info.name == name)


@pytest.mark.parametrize("all_layers", [0, 2**28], ids=["layer by layer", "all layers together"])
def test_a_session_gives_the_activations_of_the_network(network, scene, all_layers):
    session, image = ModelSession(network, all_layers=all_layers), scene()
    expected = activations(network, image[None], ["conv1", LOGITS])
    conv = layer_id(session, "conv1")
    assert session.activation(conv, "a", image) == pytest.approx(expected["conv1"][0], abs=1e-6)
    assert session.activation(CLASS_LAYER, "a", image) == pytest.approx(expected[LOGITS][0], abs=1e-5)
    values = session.unit_map(conv, 3, "a", image)
    row, column = values["position"]
    assert values["values"][row][column] == pytest.approx(expected["conv1"][0, ..., 3].max(), rel=1e-5)


def test_the_network_runs_once_for_each_image(network, scene, monkeypatch):
    runs = []
    monkeypatch.setattr(module, "activations", lambda *arguments: runs.append(1) or activations(*arguments))
    session = ModelSession(network)
    for key in ("a", "a", "b", "a"):
        session.layer_maps(layer_id(session, "conv2"), key, scene())
        session.predictions(key, scene(), 2)
    assert len(runs) == 2


def test_predictions_are_the_top_k_classes_with_their_probabilities(network, scene):
    session = ModelSession(network)
    found = session.predictions("a", scene(), 3)
    assert sum(each["probability"] for each in found) == pytest.approx(1)
    assert [each["logit"] for each in found] == sorted((each["logit"] for each in found), reverse=True)
    assert len(session.predictions("a", scene(), 2)) == 2


def test_the_cache_is_limited(network, scene):
    session = ModelSession(network, cache=40_000)  # one image's activations
    for number in range(20):
        session.layer_maps(layer_id(session, "conv1"), number, np.asarray(scene(seed=number)))
    assert 0 < session.cached_bytes <= 40_000
