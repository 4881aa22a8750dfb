"""The numbers about a map: by hand, against scikit-learn, and against chance."""

import numpy as np
import pytest

from dreamfilters.evidence.embedding.map_quality import class_agreement, map_quality, trustworthiness
from dreamfilters.evidence.embedding.nearest import NearestTable


def quality_of(rows, positions, numbers=None):
    numbers = np.full(len(rows), -1) if numbers is None else numbers
    return map_quality(rows, rows, positions, numbers, "euclidean", seed=0)


def test_trustworthiness_by_hand():
    """On a line at 0, 1, 2, 3, 10 with k = 1, image 4 is placed beside image 0.

    The nearest on the map is 4 for 0 and 0 for 4. In the features 4 is the 4th of 0 (excess 3), 0 the 4th of 4 (3).
    The others keep an image next to them. 1 - 2 (3 + 3) / (5 * 1 * (10 - 3 - 1)) = 0.6.
    """
    rows = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])
    positions = np.array([[0.0, 0], [1.0, 0], [2.0, 0], [3.0, 0], [-0.5, 0]])
    everyone = np.arange(5)
    on_map = NearestTable(positions, "euclidean").nearest(positions, 1, everyone)[0]
    assert trustworthiness(NearestTable(rows, "euclidean"), everyone, on_map) == pytest.approx(0.6)


def test_trustworthiness_is_that_of_scikit_learn():
    manifold = pytest.importorskip("sklearn.manifold", reason="needs scikit-learn, the extra 'embedding'")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(80, 6))
    positions = rows[:, :2] + rng.normal(scale=0.5, size=(80, 2))
    found = quality_of(rows, positions)
    assert found.trustworthiness == pytest.approx(manifold.trustworthiness(rows, positions, n_neighbors=10), abs=1e-9)


def test_a_map_that_keeps_distances_is_trusted_and_an_exchanged_one_is_not():
    positions = np.random.default_rng(4).normal(size=(150, 2))
    found = quality_of(positions * 3, positions)
    assert (found.trustworthiness, found.kept, found.k, found.images) == (1, 1, 10, 150)
    assert found.by_chance == pytest.approx(0.5, abs=0.05)
    assert np.isnan(found.class_on_map)


def test_shuffled_labels_have_the_agreement_of_chance():
    rng = np.random.default_rng(5)
    numbers = np.repeat(np.arange(4), 50)
    positions = rng.normal(size=(200, 2)) + 30 * np.stack([numbers % 2, numbers // 2], axis=1)
    found = quality_of(positions, positions, numbers)
    assert found.class_on_map == found.class_in_features == found.class_in_pixels == 1
    assert found.class_by_chance == pytest.approx(49 / 199, abs=0.04)


def test_classes_with_few_images_count_as_many_neighbors_as_they_have():
    """Image 0 and 1 are a class of two; 2 is alone; 3 has no class. Each has the three others as neighbors."""
    numbers = np.array([0, 0, 1, -1])
    neighbors = np.array([[1, 2, 3], [2, 3, 0], [0, 1, 3], [0, 1, 2]])
    assert class_agreement(numbers, np.arange(4), neighbors) == 1
    assert class_agreement(numbers, np.arange(2), neighbors[:2, :1]) == 0.5
    assert np.isnan(class_agreement(np.full(4, -1), np.arange(4), neighbors))
