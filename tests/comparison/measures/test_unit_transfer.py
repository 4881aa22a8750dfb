import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.measures.response_rank import response_rank
from dreamfilters.comparison.measures.unit_transfer import UnitTransfer, best_match, searchable_layers
from dreamfilters.evidence.activations import mean_responses
from dreamfilters.serialization import plain


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(24)])


def match_in(network, layer, unit, other, images, layers=None):
    """The matching unit in another network, over these images."""
    responses = mean_responses(network, images, [layer])[layer][:, unit]
    return best_match(responses, mean_responses(other, images, layers or searchable_layers(other)))


def test_a_unit_finds_itself_in_its_own_network(network, images):
    responses = mean_responses(network, images, ["conv2"])["conv2"]
    unit = int(np.argmax(responses.std(axis=0)))
    match = match_in(network, "conv2", unit, network, images)
    assert (match.layer, match.unit) == ("conv2", unit)
    assert match.chosen_by == pytest.approx(1)
    assert match.correlation == pytest.approx(1)
    assert (match.units, match.images) == (8 + 8 + 3, 12)
    found = UnitTransfer(match, response_rank(float(responses[0, unit]), responses[:, unit]))
    assert plain(found)["response_rank"]["count"] == 24
    assert "conv2" in found._repr_html_()


def test_a_unit_finds_its_permuted_copy(network, network_of, make_tiny, images):
    """The same filters in another order and twice as strong: the correlation is 1."""
    order = np.array([3, 0, 1, 2, 7, 6, 5, 4])
    model = make_tiny()
    model.get_layer("conv1").set_weights(
        [2 * weights[..., order] for weights in network.model.get_layer("conv1").get_weights()]
    )
    found = match_in(network, "conv1", 7, network_of(model), images, ["conv1"])
    assert found.unit == 4
    assert found.correlation == pytest.approx(1, abs=1e-5)


def test_the_other_half_of_the_images_exposes_a_match_by_chance(network_of):
    """Pixels of noise are independent; the best of 99 still correlates over the images that chose it."""
    model = keras.Sequential([layers.Input((10, 10, 1)), layers.Flatten(name="flat"), layers.Dense(100, name="pixels")])
    model.get_layer("pixels").set_weights([np.eye(100, dtype="float32"), np.zeros(100, "float32")])
    network = network_of(model)
    noise = np.random.default_rng(0).random((40, 10, 10, 1), "float32")
    rest = keras.Sequential([layers.Input((10, 10, 1)), layers.Flatten(name="flat"), layers.Dense(99, name="pixels")])
    rest.get_layer("pixels").set_weights([np.eye(100, dtype="float32")[:, 1:], np.zeros(99, "float32")])
    found = match_in(network, "pixels", 0, network_of(rest), noise)
    assert found.chosen_by > 0.4
    assert abs(found.correlation) < found.chosen_by - 0.2


def test_a_constant_unit_has_no_match(network, network_of, make_tiny, images):
    model = make_tiny()
    kernel, bias = model.get_layer("conv1").get_weights()
    kernel[..., 0], bias[0] = 0, -1
    model.get_layer("conv1").set_weights([kernel, bias])
    assert match_in(network_of(model), "conv1", 0, network, images) is None


def test_fewer_than_four_images_match_nothing(network, images):
    assert match_in(network, "conv1", 0, network, images[:3]) is None


def test_correlation_worked_by_hand():
    """Every second image chooses, the others give the correlation."""
    responses = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    others = {
        "constant": np.zeros((6, 2), "float32"),
        "varying": np.array([[9, 2], [1, 9], [9, 4], [5, 9], [9, 6], [3, 9]], "float32"),
    }
    match = best_match(responses, others)
    assert (match.layer, match.unit, match.units, match.images) == ("varying", 1, 4, 3)
    assert match.chosen_by == pytest.approx(1)
    assert match.correlation is None  # 9 9 9 over the images that did not choose it
    assert best_match(responses, {"constant": others["constant"]}) is None
    assert best_match(responses[:3], {"varying": others["varying"][:3]}) is None
    assert best_match(responses, {"varying": others["varying"][[1, 0, 3, 2, 5, 4]]}).chosen_by == pytest.approx(
        0.5
    )  # 1 5 3
