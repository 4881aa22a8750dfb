import numpy as np
import pytest

from dreamfilters.comparison.measures.seed_variation import seed_spread
from dreamfilters.errors import ImageError
from dreamfilters.networks import LOGITS


def test_scores_worked_by_hand(network, scene):
    images = [scene(seed=seed) for seed in range(3)]
    found = seed_spread(network, images, [1.0, 2.0, 6.0], "conv2")
    assert (found.count, found.mean, found.least, found.greatest) == (3, 3.0, 1.0, 6.0)
    assert found.std == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert 0 < found.distance < 1
    assert 0 < found.pixel_distance < 2


def test_the_same_dream_again_has_no_spread(network, scene):
    found = seed_spread(network, [scene()] * 3, [1.0, 1.0, 1.0], "conv2")
    assert found.std == 0
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.pixel_distance == pytest.approx(0, abs=1e-6)


def test_a_brighter_copy_is_the_same_image_and_a_negative_its_opposite(network, scene):
    image = scene()
    assert seed_spread(network, [image, image + 0.05], [1, 1], LOGITS).pixel_distance == pytest.approx(0, abs=1e-5)
    assert seed_spread(network, [image, 1 - image], [1, 1], LOGITS).pixel_distance == pytest.approx(2, abs=1e-5)


def test_the_layer_sees_a_mirrored_half_of_it_where_it_is(network, scene):
    """What is rolled by whole periods of everything lies elsewhere, but the layer's units answer alike."""
    texture = np.tile(np.random.default_rng(0).random((4, 4, 3), "float32"), (4, 4, 1))
    found = seed_spread(network, [texture, np.roll(texture, 2, axis=0)], [1, 1], "conv1")
    assert found.pixel_distance > 0.5
    assert found.distance < 0.05


def test_one_dream_has_no_spread_to_speak_of(network, scene):
    found = seed_spread(network, [scene()], [2.5], "conv2")
    assert (found.mean, found.std, found.distance, found.pixel_distance) == (2.5, None, None, None)
    assert found.as_values()["std"] is None
    assert "–" in found._repr_html_()


def test_dreams_of_one_color_have_no_shapes_to_compare(network):
    assert seed_spread(network, [np.full((16, 16, 3), 0.1)] * 2, [1, 1], "conv2").pixel_distance is None


@pytest.mark.parametrize("scores", [[], [1.0], [1.0, float("nan")]])
def test_scores_that_do_not_fit_are_refused(network, scene, scores):
    with pytest.raises(ImageError, match=r"2 dreams, scores .*one finite score a dream"):
        seed_spread(network, [scene(), scene(seed=1)], scores, "conv2")
