import pytest

from dreamfilters.attribution.ablation.unit_change import UnitChange
from dreamfilters.errors import ModelError
from dreamfilters.viewer.messages import CLASS_LAYER
from dreamfilters.viewer.worker.changed_sessions import ChangedSessions
from dreamfilters.viewer.worker.live_frames import live_frame
from dreamfilters.viewer.worker.session import ModelSession

ABLATED, BOOSTED = UnitChange("conv1", 3, 0.0), UnitChange("conv1", 3, 4.0)


@pytest.fixture
def sessions(network):
    return ChangedSessions(ModelSession(network))


def test_maps_and_predictions_are_those_of_the_changed_network_and_the_plain_one_stays(sessions, scene):
    image, key = scene(), ("a", 0)
    plain, ablated, boosted = sessions.of(()), sessions.of((ABLATED,)), sessions.of((BOOSTED,))
    (conv1,) = [name for name, info in plain.description.layers.items() if info.name == "conv1"]
    before = plain.activation(CLASS_LAYER, key, image)
    assert ablated.unit_map(conv1, 3, key, image)["values"][0][0] == 0
    strong, weak = (each.activation(conv1, key, image)[..., 3] for each in (boosted, plain))
    assert strong == pytest.approx(4 * weak, rel=1e-6)
    assert abs(ablated.activation(CLASS_LAYER, key, image) - before).max() > 1e-4
    assert (plain.activation(CLASS_LAYER, key, image) == before).all()


def test_the_latest_sessions_are_kept(sessions):
    first = sessions.of((ABLATED,))
    assert sessions.of((ABLATED,)) is first
    for factor in (2.0, 3.0, 4.0):
        sessions.of((UnitChange("conv1", 3, factor),))
    assert sessions.of((ABLATED,)) is not first
    assert sessions.of(()) is sessions.plain


def test_a_network_that_cannot_be_changed_there_says_why(sessions):
    with pytest.raises(ModelError, match="classes: is the output layer; choose an earlier one"):
        sessions.of((UnitChange("classes", 0, 0.0),))


def test_a_live_frame_holds_what_the_single_requests_return(sessions, scene):
    session, image, key = sessions.plain, scene(), ("frame", 7)
    (conv1,) = [name for name, info in session.description.layers.items() if info.name == "conv1"]
    found = live_frame(session, session, conv1, 3, "gradient", key, image, 2)
    assert found["plain_classes"] is None
    assert found["map"] == session.unit_map(conv1, 3, key, image)
    assert found["classes"] == session.predictions(key, image, 2)
    assert found["heatmap"]["reason"] is None
    assert live_frame(session, session, conv1, 3, "", key, image, 2)["heatmap"] is None
    changed = live_frame(sessions.of((ABLATED,)), session, conv1, 3, "", key, image, 2)
    assert changed["plain_classes"] == found["classes"] != changed["classes"]


def test_a_frame_that_is_replaced_frees_its_activations(network, scene):
    session = ModelSession(network)
    for version in range(5):
        session.activation(CLASS_LAYER, ("frame", version), scene())
        session.activation(CLASS_LAYER, ("other", 0), scene())
        assert session._cache.byte_count <= 2 * session.activation_bytes
