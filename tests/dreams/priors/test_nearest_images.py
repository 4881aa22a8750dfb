import numpy as np
import pytest

from dreamfilters.dreams.priors.nearest_images import nearest_distances, thumbnails


def test_distances_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    images, others = (rng.integers(0, 256, (count, 8, 8, 3), "uint8") for count in (300, 70))
    pairs = images.reshape(300, 1, -1).astype(float) - others.reshape(1, 70, -1)
    np.testing.assert_allclose(nearest_distances(images, others), np.sqrt((pairs**2).mean(-1)).min(1), rtol=1e-9)
    assert nearest_distances(others, others) == pytest.approx(0, abs=1e-4)


def test_thumbnails_are_means_of_areas_of_either_type():
    image = np.zeros((1, 16, 16, 1), "uint8")
    image[0, :2, :2, 0] = (0, 100), (200, 100)
    assert thumbnails(image)[0, :2, :2, 0].tolist() == [[100, 0], [0, 0]]
    assert np.array_equal(thumbnails(image), thumbnails(image / np.float32(255)))
