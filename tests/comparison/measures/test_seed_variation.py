import numpy as np
import pytest

from dreamfilters.comparison.measures.seed_variation import seed_variation as variation_of
from dreamfilters.errors import ImageError
from dreamfilters.evidence.features import feature_vectors, fitted_images
from dreamfilters.networks import LOGITS


def seed_variation(network, images, scores, layer):
    """The variation of these images, as the measure computes it."""
    vectors = feature_vectors(network, images, layer, pooled=True)
    return variation_of(vectors, fitted_images(network, images), scores)


def test_scores_worked_by_hand(network, scene):
    images = [scene(seed=seed) for seed in range(3)]
    found = seed_variation(network, images, [1.0, 2.0, 6.0], "conv2")
    assert (found.count, found.mean, found.lowest, found.highest) == (3, 3.0, 1.0, 6.0)
    assert found.std == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert 0 < found.distance < 1
    assert 0 < found.pixel_distance < 2


def test_equal_dreams_do_not_vary(network, scene):
    found = seed_variation(network, [scene()] * 3, [1.0, 1.0, 1.0], "conv2")
    assert found.std == 0
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.pixel_distance == pytest.approx(0, abs=1e-6)


def test_a_brighter_copy_is_the_same_image_and_a_negative_its_opposite(network, scene):
    image = scene()
    assert seed_variation(network, [image, image + 0.05], [1, 1], LOGITS).pixel_distance == pytest.approx(0, abs=1e-5)
    assert seed_variation(network, [image, 1 - image], [1, 1], LOGITS).pixel_distance == pytest.approx(2, abs=1e-5)


def test_a_shifted_texture_differs_in_pixels_and_not_in_the_layer(network, scene):
    """A texture rolled by half its period: other pixels, the same mean responses."""
    texture = np.tile(np.random.default_rng(0).random((4, 4, 3), "float32"), (4, 4, 1))
    found = seed_variation(network, [texture, np.roll(texture, 2, axis=0)], [1, 1], "conv1")
    assert found.pixel_distance > 0.5
    assert found.distance < 0.05


def test_a_single_dream_has_no_variation(network, scene):
    found = seed_variation(network, [scene()], [2.5], "conv2")
    assert (found.mean, found.std, found.distance, found.pixel_distance) == (2.5, None, None, None)
    assert found.as_values()["std"] is None
    assert "–" in found._repr_html_()


def test_dreams_of_one_color_have_no_pixel_distance(network):
    assert seed_variation(network, [np.full((16, 16, 3), 0.1)] * 2, [1, 1], "conv2").pixel_distance is None


@pytest.mark.parametrize("scores", [[], [1.0], [1.0, float("nan")]])
def test_scores_that_do_not_fit_are_refused(network, scene, scores):
    with pytest.raises(ImageError, match=r"2 dreams, scores .*one finite score a dream"):
        seed_variation(network, [scene(), scene(seed=1)], scores, "conv2")
