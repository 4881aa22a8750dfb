import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.measures.unit_matching import best_match, unit_transfer
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import mean_responses


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(24)])


def test_a_unit_finds_itself_in_its_own_network(network, images):
    responses = mean_responses(network, images, ["conv2"])["conv2"]
    unit = int(np.argmax(responses.std(axis=0)))
    found = unit_transfer(network, "conv2", unit, images[:2], network, images)
    for row, one in enumerate(found):
        assert (one.kin.layer, one.kin.unit) == ("conv2", unit)
        assert one.kin.chosen_by == pytest.approx(1)
        assert one.kin.correlation == pytest.approx(1)
        assert one.response_rank.response == pytest.approx(responses[row, unit], abs=1e-6)
    assert found[0].kin.units == 8 + 8 + 3
    assert found[0].kin.images == 12
    assert found[0].as_values()["response_rank"]["count"] == 24
    assert "conv2" in found[0]._repr_html_()


def test_a_unit_finds_its_shuffled_twin(network, network_of, make_tiny, images):
    """The same filters in another order, and twice as loud: correlation does not mind."""
    order = np.array([3, 0, 1, 2, 7, 6, 5, 4])
    model = make_tiny()
    model.get_layer("conv1").set_weights(
        [2 * weights[..., order] for weights in network.model.get_layer("conv1").get_weights()]
    )
    found = unit_transfer(network, "conv1", 7, images[:1], network_of(model), images, layers=["conv1"])[0].kin
    assert found.unit == 4
    assert found.correlation == pytest.approx(1, abs=1e-5)


def test_the_best_of_many_noises_is_found_out_by_the_other_half(network_of):
    """Pixels of noise have nothing to do with one another; the best of 99 still looks related where it was chosen."""
    model = keras.Sequential([layers.Input((10, 10, 1)), layers.Flatten(name="flat"), layers.Dense(100, name="pixels")])
    model.get_layer("pixels").set_weights([np.eye(100, dtype="float32"), np.zeros(100, "float32")])
    network = network_of(model)
    noise = np.random.default_rng(0).random((40, 10, 10, 1), "float32")
    rest = keras.Sequential([layers.Input((10, 10, 1)), layers.Flatten(name="flat"), layers.Dense(99, name="pixels")])
    rest.get_layer("pixels").set_weights([np.eye(100, dtype="float32")[:, 1:], np.zeros(99, "float32")])
    found = unit_transfer(network, "pixels", 0, noise[:1], network_of(rest), noise)[0].kin
    assert found.chosen_by > 0.4
    assert abs(found.correlation) < found.chosen_by - 0.2


def test_a_unit_that_never_changes_has_no_twin(network, network_of, make_tiny, images):
    model = make_tiny()
    kernel, bias = model.get_layer("conv1").get_weights()
    kernel[..., 0], bias[0] = 0, -1
    model.get_layer("conv1").set_weights([kernel, bias])
    with pytest.raises(ImageError, match="conv1:0: no unit of tiny varies with it over 24 real images"):
        unit_transfer(network_of(model), "conv1", 0, images[:1], network, images)


def test_too_few_images_are_refused(network, images):
    with pytest.raises(ImageError, match="over 3 real images; give 4 or more"):
        unit_transfer(network, "conv1", 0, images[:1], network, images[:3])


def test_correlation_worked_by_hand():
    """The first and third image choose, the second and fourth tell what it is worth."""
    own = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    answers = {
        "quiet": np.zeros((6, 2), "float32"),
        "loud": np.array([[9, 2], [1, 9], [9, 4], [5, 9], [9, 6], [3, 9]], "float32"),
    }
    kin = best_match(own, answers)
    assert (kin.layer, kin.unit, kin.units, kin.images) == ("loud", 1, 4, 3)
    assert kin.chosen_by == pytest.approx(1)
    assert kin.correlation is None  # 9 9 9 where it was not chosen by
    assert best_match(own, {"quiet": answers["quiet"]}) is None
    assert best_match(own[:3], {"loud": answers["loud"][:3]}) is None
    assert best_match(own, {"loud": answers["loud"][[1, 0, 3, 2, 5, 4]]}).chosen_by == pytest.approx(0.5)  # 1 5 3
